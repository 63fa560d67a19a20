//! Control requests over gRPC. Snapshots are never transferred over it.

use std::time::Duration;

use qdrant_client::qdrant::{CountPointsBuilder, CreateAliasBuilder, DeleteCollectionBuilder};
use qdrant_client::{Qdrant, QdrantError};

use super::access::ServerAccess;
use super::error::{ApiRequest, Permission, Result, StatusMeaning};
use super::rest::{COUNT, Descriptor};

/// Longer than any snapshot takes; the client cannot disable its timeout.
const LONG_TIMEOUT: Duration = Duration::from_hours(168);

/// See the head of this file.
pub(crate) struct Grpc {
    client: Qdrant,
    keyed: bool,
}

impl Grpc {
    /// Connects with the first request.
    pub(crate) fn new(address: &str, access: &ServerAccess) -> anyhow::Result<Self> {
        let scheme = if access.tls { "https" } else { "http" };
        let mut builder = Qdrant::from_url(&format!("{scheme}://{address}"))
            // The compatibility check prints to standard output.
            .skip_compatibility_check()
            .connect_timeout(Duration::from_secs(2))
            .timeout(LONG_TIMEOUT);
        if let Some(key) = &access.key {
            builder = builder.api_key(key.expose().trim());
        }
        Ok(Self { client: builder.build()?, keyed: access.key.is_some() })
    }

    fn request(&self, action: impl Into<String>, right: Permission) -> ApiRequest {
        ApiRequest { action: action.into(), right, keyed: self.keyed }
    }

    /// The health check, which needs no key.
    pub(crate) async fn version(&self) -> Result<String> {
        let request = self.request("ask for the server's version", Permission::Read);
        let reply = self.client.health_check().await;
        reply.map(|reply| reply.version).map_err(|error| failed(&request, error))
    }

    pub(crate) async fn collections(&self) -> Result<Vec<String>> {
        let request = self.request("list the collections", Permission::Read);
        let reply = self.client.list_collections().await.map_err(|error| failed(&request, error))?;
        Ok(reply.collections.into_iter().map(|collection| collection.name).collect())
    }

    /// Alias and collection.
    pub(crate) async fn aliases(&self) -> Result<Vec<(String, String)>> {
        let request = self.request("list the aliases", Permission::Read);
        let reply = self.client.list_aliases().await.map_err(|error| failed(&request, error))?;
        Ok(reply.aliases.into_iter().map(|alias| (alias.alias_name, alias.collection_name)).collect())
    }

    pub(crate) async fn count(&self, collection: &str, timeout: Option<Duration>) -> Result<u64> {
        let request = self.request(format!("count collection `{collection}`"), Permission::Read);
        let mut count = CountPointsBuilder::new(collection).exact(true);
        if let Some(timeout) = timeout {
            count = count.timeout(timeout.as_secs());
        }
        let reply = self.client.count(count).await.map_err(|error| failed(&request, error))?;
        reply.result.map(|result| result.count).ok_or_else(|| request.senseless("it has no count"))
    }

    pub(crate) async fn create_snapshot(&self, collection: &str) -> Result<Descriptor> {
        let request =
            self.request(format!("create a snapshot of collection `{collection}`"), Permission::Write);
        let reply = self.client.create_snapshot(collection).await.map_err(|error| failed(&request, error))?;
        let made = reply.snapshot_description.ok_or_else(|| request.senseless("it has no snapshot"))?;
        let size = u64::try_from(made.size).map_err(|_| request.senseless("the size is negative"))?;
        let checksum = made.checksum.map(|sum| sum.trim().to_lowercase()).filter(|sum| !sum.is_empty());
        Ok(Descriptor { name: made.name, size, checksum })
    }

    pub(crate) async fn delete_snapshot(&self, collection: &str, snapshot: &str) -> Result<()> {
        use qdrant_client::qdrant::DeleteSnapshotRequestBuilder;
        let action = format!("delete snapshot `{snapshot}` of collection `{collection}`");
        let request = self.request(action, Permission::Write);
        let deletion = DeleteSnapshotRequestBuilder::new(collection, snapshot);
        self.client.delete_snapshot(deletion).await.map(drop).map_err(|error| failed(&request, error))
    }

    /// Returns whether it existed.
    pub(crate) async fn delete_collection(&self, collection: &str) -> Result<bool> {
        let request = self.request(format!("delete collection `{collection}`"), Permission::Manage);
        let deletion = DeleteCollectionBuilder::new(collection).timeout(COUNT.as_secs());
        let reply = self.client.delete_collection(deletion).await.map_err(|error| failed(&request, error))?;
        Ok(reply.result)
    }

    pub(crate) async fn create_alias(&self, alias: &str, collection: &str) -> Result<()> {
        let request = self.request(format!("create alias `{alias}`"), Permission::Manage);
        let creation = CreateAliasBuilder::new(collection, alias);
        self.client.create_alias(creation).await.map(drop).map_err(|error| failed(&request, error))
    }
}

/// The client's own message contains the headers of the response.
fn failed(request: &ApiRequest, error: QdrantError) -> super::error::ApiError {
    match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            // The client reports a failed connection as an internal error of the server.
            let meaning = if status.message().starts_with("Failed to connect to ") {
                StatusMeaning::Unreachable
            } else {
                StatusMeaning::of_grpc(i32::from(status.code()))
            };
            request.error(meaning, status.message())
        }
        other => request.senseless(other),
    }
}
