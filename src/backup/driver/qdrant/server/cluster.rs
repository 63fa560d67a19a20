//! The nodes of a cluster, and which of them has which shards.
//!
//! Every node answers requests for complete collections, but a snapshot contains only what its node has. So a cluster
//! is backed up shard by shard, each from one node that has it. The number of nodes and the placement of the shards do
//! not matter for a restore.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::client::{Client, Cluster, ClusterNode};
use super::error::{ApiError, Result};
use super::placement::{Placement, Replica};
use crate::backup::driver::DriverTarget;
use crate::inventory::{Store, StoreKind};

/// A server that has some of the shards.
pub(crate) struct ClusterMember<'a> {
    pub(crate) client: &'a Client,
    pub(crate) target: DriverTarget<'a>,
    /// Its id in the cluster; `None` for a single server.
    pub(crate) node: Option<u64>,
}

/// What a server reports about its cluster.
struct ClusterInfo {
    own: u64,
    peers: Vec<u64>,
}

impl ClusterInfo {
    /// `None` for a single server.
    async fn of(client: &Client) -> anyhow::Result<Option<Self>> {
        let report = match client.rest().cluster().await {
            Ok(report) => report,
            // A key for a single collection does not allow this request; the next requests show whether it is
            // sufficient.
            Err(ApiError::NotFound { .. } | ApiError::Permission { .. }) => return Ok(None),
            Err(error) => {
                return Err(anyhow::Error::from(error)
                    .context("the server does not report whether it is part of a cluster"));
            }
        };
        let peers: Vec<u64> = report["peers"]
            .as_object()
            .map(|peers| peers.keys().filter_map(|id| id.parse().ok()).collect())
            .unwrap_or_default();
        let own = report["peer_id"].as_u64();
        Ok(own.filter(|_| report["status"] == "enabled" && peers.len() > 1).map(|own| Self { own, peers }))
    }
}

impl Cluster {
    /// `None` for a single server.
    async fn of(client: &Client, target: DriverTarget<'_>) -> anyhow::Result<Option<Self>> {
        let Some(report) = ClusterInfo::of(client).await? else { return Ok(None) };
        let mut cluster = Self { own: report.own, others: BTreeMap::new(), unreachable: Vec::new() };
        let is_other = |store: &&Store| store.kind == StoreKind::Qdrant && store.id != target.store.id;
        for store in target.stores.iter().filter(is_other) {
            let asked = async {
                let client = Client::connect(DriverTarget { store, ..target }).await?;
                let report = ClusterInfo::of(&client).await?;
                anyhow::Ok((client, report))
            };
            match asked.await {
                Ok((client, Some(other))) if report.peers.contains(&other.own) => {
                    cluster.others.insert(other.own, ClusterNode { store: store.id.clone(), client });
                }
                Ok(_) => {}
                Err(error) => cluster.unreachable.push(format!("`{}`: {error:#}", store.service)),
            }
        }
        for peer in report.peers {
            if peer != report.own && !cluster.others.contains_key(&peer) && cluster.unreachable.is_empty() {
                cluster.unreachable.push(format!("node {peer} is not a service of this project"));
            }
        }
        Ok(Some(cluster))
    }

    /// The stores of the other nodes.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &str> {
        self.others.values().map(|node| node.store.as_str())
    }

    fn get(&self, peer: u64) -> Option<&Client> {
        self.others.get(&peer).map(|node| &node.client)
    }
}

/// Fails if a server is part of a cluster and a shard of these collections has no active replica: after a start the
/// nodes have to find each other, and until then counts fail.
pub(super) async fn ensure_cluster_ready(client: &Client, collections: &[String]) -> anyhow::Result<()> {
    if ClusterInfo::of(client).await?.is_none() {
        return Ok(());
    }
    for name in collections {
        let info = client.rest().info(name).await?;
        client
            .count(name, &info)
            .await
            .with_context(|| format!("the nodes of the cluster are not ready for collection `{name}`"))?;
    }
    Ok(())
}

impl Client {
    /// Like [`Client::connect`], with the other nodes if the server is part of a cluster.
    pub(crate) async fn connect_all(target: DriverTarget<'_>) -> anyhow::Result<Arc<Self>> {
        let mut client = Self::connect(target).await?;
        client.cluster = Box::pin(Cluster::of(&client, target)).await?;
        Ok(Arc::new(client))
    }

    /// A reachable node with an active replica of a shard.
    pub(crate) fn holder(
        &self,
        placement: &Placement,
        collection: &str,
        shard: u32,
    ) -> anyhow::Result<&Self> {
        match self.having(placement, shard).into_iter().find(|(replica, _)| replica.is_active()) {
            Some((_, client)) => Ok(client),
            None => bail!(
                "no reachable node has an active replica of shard {shard} of collection `{collection}`{}",
                self.unreachable_reasons()
            ),
        }
    }

    /// Every reachable node that has a shard.
    pub(crate) fn holders(&self, placement: &Placement, shard: u32) -> Vec<&Self> {
        self.having(placement, shard).into_iter().map(|(_, client)| client).collect()
    }

    fn having<'p>(&self, placement: &'p Placement, shard: u32) -> Vec<(&'p Replica, &Self)> {
        let client = |peer| if peer == placement.own { Some(self) } else { self.cluster()?.get(peer) };
        let replicas = placement.shards.get(&shard).map(Vec::as_slice).unwrap_or_default();
        replicas.iter().filter_map(|replica| Some((replica, client(replica.peer)?))).collect()
    }

    fn unreachable_reasons(&self) -> String {
        match self.cluster().map(|cluster| cluster.unreachable.join("; ")) {
            Some(reasons) if !reasons.is_empty() => format!(" ({reasons})"),
            _ => String::new(),
        }
    }

    /// Every server that has some of the shards: this one, or all nodes of its cluster. Empty if a node is unreachable.
    pub(crate) fn members<'a>(&'a self, target: DriverTarget<'a>) -> Vec<ClusterMember<'a>> {
        let Some(cluster) = self.cluster() else {
            return vec![ClusterMember { client: self, target, node: None }];
        };
        if !cluster.unreachable.is_empty() {
            return Vec::new();
        }
        let own = Some(ClusterMember { client: self, target, node: Some(cluster.own) });
        let others = cluster.others.iter().map(|(peer, node)| {
            let store = target.stores.iter().find(|store| store.id == node.store)?;
            Some(ClusterMember {
                client: &node.client,
                target: DriverTarget { store, ..target },
                node: Some(*peer),
            })
        });
        std::iter::once(own).chain(others).collect::<Option<_>>().unwrap_or_default()
    }

    /// Every reachable node, this one first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(
            self.cluster().into_iter().flat_map(|cluster| cluster.others.values().map(|node| &node.client)),
        )
    }

    pub(crate) async fn placement(&self, collection: &str) -> Result<Placement> {
        self.rest().placement(collection).await
    }
}
