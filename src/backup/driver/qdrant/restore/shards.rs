//! Puts the snapshots of a collection's shards into a new collection, each on a node that has the shard.
//!
//! The first node gets the snapshot, and the server itself brings the other copies of the shard after it: it marks them
//! dead, and copies the shard over (`lib/storage/src/content_manager/snapshots/recover.rs`; seen on 1.19.0).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use super::schema;
use super::send_file::{FileToSend, send};
use crate::backup::driver::qdrant::cancellation::Cancellation;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::{ApiError, Result};
use crate::backup::driver::qdrant::server::placement::Placement;
use crate::backup::driver::qdrant::server::rest::SnapshotTarget;
use crate::backup::fingerprint::CollectionFingerprint;
use crate::progress::Task;

/// How long the nodes may take to agree on a new collection.
const AGREED: Duration = Duration::from_secs(60);

/// How long they may take to copy shards among themselves. What takes longer goes on without us.
const COPIED: Duration = Duration::from_secs(600);

/// The snapshot of one shard.
pub(crate) struct ShardFile {
    pub(crate) shard: u32,
    pub(crate) file: PathBuf,
    pub(crate) sha256: String,
}

/// Creates the collection as it was recorded, and fills every shard of it.
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
        let file = FileToSend { file: &one.file, name: "shard.snapshot", sha256: &one.sha256, task };
        send(holder, SnapshotTarget::shard(name, one.shard), &file, cancellation).await?;
    }
    task.detail("the nodes copy the shards among themselves");
    remarks.extend(copied(client, name, cancellation).await?);
    Ok(remarks)
}

/// Waits until every shard of a new collection has a place.
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
            "collection `{name}` was created with the shards {there:?}, of which {} copies are not in use, and the backup \
             has {wanted:?}",
            placement.unsettled()
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// How many copies of shards are not in use, as the node knows that knows the least: they learn of it one after the other.
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

/// Waits until every copy of every shard is in use. One that is not after all is a remark: the data is there.
pub(super) async fn copied(
    client: &Client,
    name: &str,
    cancellation: &Cancellation,
) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + COPIED;
    loop {
        cancellation.check()?;
        let unsettled = unsettled(client, name).await.context("the shards cannot be looked at")?;
        if unsettled == 0 {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Ok(Some(format!(
                "{} of collection `{name}` not brought up to date by the cluster yet: look at \
                 /collections/{name}/cluster",
                if unsettled == 1 {
                    "1 copy of a shard is".to_owned()
                } else {
                    format!("{unsettled} copies of shards are")
                }
            )));
        }
        sleep(Duration::from_millis(500)).await;
    }
}
