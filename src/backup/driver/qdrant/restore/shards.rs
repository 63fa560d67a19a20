//! Restores the snapshots of a collection's shards into a new collection, each on a node that has the shard.
//!
//! One node gets the snapshot, and the cluster replicates it: it marks the other replicas dead and transfers the shard
//! (`lib/storage/src/content_manager/snapshots/recover.rs`; seen on 1.19.0).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use super::schema;
use super::send_file::{SnapshotToSend, send};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::{ApiError, Result};
use crate::backup::driver::qdrant::server::placement::Placement;
use crate::backup::driver::qdrant::server::rest::{SnapshotTarget, UploadContent};
use crate::backup::fingerprint::CollectionFingerprint;
use crate::progress::Task;

/// The timeout for the nodes to agree on a new collection.
const AGREED: Duration = Duration::from_mins(1);

/// The timeout for the nodes to replicate the shards. If it takes longer, the cluster goes on by itself.
const COPIED: Duration = Duration::from_mins(10);

/// The snapshot of one shard.
pub(crate) struct ShardFile {
    pub(crate) shard: u32,
    pub(crate) file: PathBuf,
    pub(crate) sha256: String,
}

/// Creates the collection as recorded, and restores every shard.
pub(super) async fn put(
    client: &Client,
    name: &str,
    shards: &[ShardFile],
    (expected, task): (&CollectionFingerprint, &Arc<dyn Task>),
    cancellation: &Cancellation,
) -> anyhow::Result<Vec<String>> {
    let mut remarks = schema::create(client, name, expected).await?;
    let wanted: Vec<u32> = shards.iter().map(|one| one.shard).collect();
    let placement = agreed(client, name, &wanted, cancellation).await?;
    for one in shards {
        task.detail(&format!("uploading shard {} of {}", one.shard, shards.len()));
        let holder = client.holder(&placement, name, one.shard)?;
        let content = UploadContent::File(&one.file);
        let file = SnapshotToSend { content, name: "shard.snapshot", sha256: &one.sha256, task };
        send(holder, SnapshotTarget::shard(name, one.shard), &file, cancellation).await?;
    }
    task.detail("waiting for the nodes to replicate the shards");
    remarks.extend(copied(client, name, cancellation).await?);
    Ok(remarks)
}

/// Waits until every shard of a new collection has an active replica.
pub(super) async fn agreed(
    client: &Client,
    name: &str,
    wanted: &[u32],
    cancellation: &Cancellation,
) -> anyhow::Result<Placement> {
    let deadline = Instant::now() + AGREED;
    loop {
        cancellation.check()?;
        let placement = client.placement(name).await?;
        let there: Vec<u32> = placement.shards().collect();
        if there == wanted && placement.unsettled() == 0 {
            return Ok(placement);
        }
        ensure!(
            Instant::now() < deadline,
            "collection `{name}` was created with the shards {there:?} ({} replicas not active), and the backup has {wanted:?}",
            placement.unsettled()
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// The number of replicas that are not active, according to the node that is furthest behind.
async fn unsettled(client: &Client, name: &str) -> Result<usize> {
    let mut most = 0;
    for node in client.nodes() {
        let unsettled = match node.placement(name).await {
            Ok(placement) => placement.unsettled(),
            Err(ApiError::NotFound { .. }) => 1,
            Err(error) => return Err(error),
        };
        most = most.max(unsettled);
    }
    Ok(most)
}

/// Waits until every replica is active. If one is not in time, that is a remark: the data is restored.
pub(super) async fn copied(
    client: &Client,
    name: &str,
    cancellation: &Cancellation,
) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + COPIED;
    loop {
        cancellation.check()?;
        let unsettled = unsettled(client, name).await.context("the state of the shards cannot be read")?;
        if unsettled == 0 {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Ok(Some(format!(
                "{} of collection `{name}` not active yet: see /collections/{name}/cluster",
                if unsettled == 1 {
                    "1 shard replica is".to_owned()
                } else {
                    format!("{unsettled} shard replicas are")
                }
            )));
        }
        sleep(Duration::from_millis(500)).await;
    }
}
