//! One server, over gRPC if its port is reachable, and over REST.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::access::ServerAccess;
use super::error::{ApiError, Result};
use super::grpc::Grpc;
use super::rest::{COUNT, Descriptor, Rest, SnapshotTarget};
use crate::backup::driver::DriverTarget;
use crate::backup::driver::endpoint::{self, Connection, Routes};

/// The number of ids on one page of a count, unless the collection allows less.
const PAGE: u64 = 10_000;

/// See the head of this file.
pub(crate) struct Client {
    rest: Rest,
    grpc: Option<Grpc>,
    version: String,
    /// If it was looked up, and there is one.
    pub(super) cluster: Option<Cluster>,
    /// Last, so that a tunnel stays open as long as anything uses it.
    _connections: (Connection, Option<Connection>),
}

/// The other nodes of a server's cluster that are services of this project and respond.
pub(crate) struct Cluster {
    pub(super) own: u64,
    pub(super) others: BTreeMap<u64, ClusterNode>,
    /// Why some are unreachable, for the message.
    pub(super) unreachable: Vec<String>,
}

pub(super) struct ClusterNode {
    pub(super) store: String,
    pub(super) client: Client,
}

/// Uses gRPC, or REST if there is no gRPC or its connection is lost. For requests that may be sent twice.
macro_rules! either {
    ($self:ident, $call:ident($($argument:expr),*)) => {
        match &$self.grpc {
            Some(grpc) => match grpc.$call($($argument),*).await {
                Err(ApiError::Unreachable { .. }) => $self.rest.$call($($argument),*).await,
                answered => answered,
            },
            None => $self.rest.$call($($argument),*).await,
        }
    };
}

impl Client {
    /// Connects to the server and reads its version. gRPC is optional: its port is often not published.
    pub(crate) async fn connect(target: DriverTarget<'_>) -> anyhow::Result<Self> {
        let access = ServerAccess::of(target).await?;
        let probe = |address: String| {
            let access = &access;
            async move { Ok(Rest::new(&address, access)?.version().await.map(drop)?) }
        };
        let connection = endpoint::resolve(target, access.http_port, Routes::All, probe).await?;
        let rest = Rest::new(connection.address(), &access)?;
        let version = rest.version().await?;
        let probe = |address: String| {
            let (access, version) = (&access, &version);
            async move {
                let answered = Grpc::new(&address, access)?.version().await?;
                // The two ports are found separately; this is a check that both belong to the same server.
                anyhow::ensure!(answered == *version, "it is a server of version {answered}");
                Ok(())
            }
        };
        // gRPC over TLS needs the host name of the certificate, which a published port does not have.
        let grpc_connection = if access.tls {
            None
        } else {
            endpoint::resolve(target, access.grpc_port, Routes::Direct, probe).await.ok()
        };
        let grpc = match &grpc_connection {
            Some(connection) => Some(Grpc::new(connection.address(), &access)?),
            None => None,
        };
        tracing::debug!(rest = %connection, grpc = grpc.is_some(), version, "found the server");
        Ok(Self { rest, grpc, version, cluster: None, _connections: (connection, grpc_connection) })
    }

    /// The cluster that it is a node of.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// For requests that only REST has.
    pub(crate) fn rest(&self) -> &Rest {
        &self.rest
    }

    pub(crate) async fn collections(&self) -> Result<Vec<String>> {
        let mut names = either!(self, collections())?;
        names.sort();
        Ok(names)
    }

    /// Alias and collection.
    pub(crate) async fn aliases(&self) -> Result<Vec<(String, String)>> {
        either!(self, aliases())
    }

    /// The exact count, in a way that the collection allows: strict mode may limit the timeout, forbid exact counts,
    /// and limit the size of a page.
    pub(crate) async fn count(&self, collection: &str, info: &Value) -> Result<u64> {
        let strict = strict_mode(info);
        for timeout in [Some(COUNT), None] {
            match either!(self, count(collection, timeout)) {
                Err(ApiError::Refused { .. }) if timeout.is_some() || strict.is_some() => {}
                answered => return answered,
            }
        }
        self.count_ids(collection, strict).await
    }

    async fn count_ids(&self, collection: &str, strict: Option<&Value>) -> Result<u64> {
        let limit = strict.and_then(longest_page).map_or(PAGE, |cap| cap.min(PAGE));
        let mut count = 0;
        let mut offset = Value::Null;
        loop {
            let (found, next) = self.rest.ids(collection, limit, &offset).await?;
            count += found;
            if next.is_null() {
                return Ok(count);
            }
            offset = next;
        }
    }

    /// Never sent twice: the first snapshot would be left behind.
    pub(crate) async fn create_snapshot<'a>(&self, of: impl Into<SnapshotTarget<'a>>) -> Result<Descriptor> {
        let of = of.into();
        match &self.grpc {
            Some(grpc) if of.shard.is_none() => grpc.create_snapshot(of.collection).await,
            _ => self.rest.create_snapshot(of).await,
        }
    }

    /// One that no longer exists counts as deleted.
    pub(crate) async fn delete_snapshot<'a>(
        &self,
        of: impl Into<SnapshotTarget<'a>>,
        snapshot: &str,
    ) -> Result<()> {
        let of = of.into();
        let mut tried = 0;
        loop {
            let deleted = match &self.grpc {
                Some(grpc) if of.shard.is_none() => match grpc.delete_snapshot(of.collection, snapshot).await
                {
                    Err(ApiError::Unreachable { .. }) => self.rest.delete_snapshot(of, snapshot).await,
                    answered => answered,
                },
                _ => self.rest.delete_snapshot(of, snapshot).await,
            };
            match deleted {
                Ok(()) | Err(ApiError::NotFound { .. }) => return Ok(()),
                Err(ApiError::Unreachable { .. } | ApiError::Failed { .. }) if tried < 2 => tried += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Returns whether it existed.
    pub(crate) async fn delete_collection(&self, collection: &str) -> Result<bool> {
        either!(self, delete_collection(collection))
    }

    pub(crate) async fn create_alias(&self, alias: &str, collection: &str) -> Result<()> {
        either!(self, create_alias(alias, collection))
    }
}

/// The maximum number of points in one request, if the collection has a limit.
pub(crate) fn query_limit(info: &Value) -> Option<u64> {
    strict_mode(info).and_then(longest_page)
}

fn longest_page(strict: &Value) -> Option<u64> {
    strict["max_query_limit"].as_u64().filter(|cap| *cap > 0)
}

fn strict_mode(info: &Value) -> Option<&Value> {
    let strict = &info["config"]["strict_mode_config"];
    strict.is_object().then_some(strict)
}
