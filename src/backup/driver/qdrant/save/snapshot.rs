//! Takes one snapshot: the server creates it, it is downloaded, read back and checked, and the server's copy is deleted
//! in any case.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::download::{self, DownloadContext};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::archive;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::{Descriptor, SnapshotTarget};
use crate::backup::driver::qdrant::state::vectors::Vectors;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::fs::{FsError, free_bytes};
use crate::progress::Task;

/// Where a snapshot goes, and how.
pub(super) struct SnapshotJob<'a> {
    /// The directory of the backup.
    pub(super) directory: &'a Path,
    pub(super) task: &'a dyn Task,
    pub(super) timeouts: &'a Timeouts,
    pub(super) cancellation: &'a Cancellation,
}

/// Takes a snapshot. Harmless problems are remarks.
pub(super) async fn take(
    client: &Client,
    of: SnapshotTarget<'_>,
    taking: &SnapshotJob<'_>,
    remarks: &mut Vec<String>,
) -> anyhow::Result<Artifact> {
    taking.cancellation.check()?;
    taking.task.detail("creating a snapshot");
    // Not cancelled: only the response says what to delete.
    let snapshot = match client.create_snapshot(of).await {
        Ok(snapshot) => snapshot,
        Err(error @ ApiError::Unreachable { .. }) => {
            let hint = format!("a snapshot of {of} may be left on the server");
            return Err(anyhow::Error::from(error).context(hint));
        }
        Err(error) => return Err(error.into()),
    };
    let fetched = fetch(client, of, taking, &snapshot).await;
    let deleted = client.delete_snapshot(of, &snapshot.name).await;
    let artifact = match (fetched, deleted) {
        (Ok(artifact), Ok(())) => artifact,
        (Ok(artifact), Err(error)) => {
            remarks.push(format!("the snapshot could not be deleted from the server: {error}"));
            artifact
        }
        (Err(error), Ok(())) => return Err(error),
        (Err(error), Err(left)) => {
            return Err(error.context(format!("the snapshot could not be deleted from the server: {left}")));
        }
    };
    if snapshot.checksum.is_none() {
        remarks.push(format!("the server reported no checksum for the snapshot of {of}"));
    }
    Ok(artifact)
}

/// Downloads the snapshot and checks it from disk.
async fn fetch(
    client: &Client,
    of: SnapshotTarget<'_>,
    taking: &SnapshotJob<'_>,
    snapshot: &Descriptor,
) -> anyhow::Result<Artifact> {
    let path = path(of);
    let file = taking.directory.join(&path);
    let free = free_bytes(taking.directory)?;
    if free < snapshot.size {
        let (needed, free) = (Some(snapshot.size), Some(free));
        return Err(FsError::Full { path: file, needed, free }.into());
    }
    taking.task.total(snapshot.size);
    taking.task.detail("downloading");
    let fetching =
        DownloadContext { task: taking.task, timeouts: taking.timeouts, cancellation: taking.cancellation };
    let fetched =
        taking.cancellation.unless_cancelled(download::fetch(client, of, snapshot, &file, &fetching)).await?;
    let contents = fetched.contents.with_context(|| format!("the snapshot of {of} is incomplete"))?;
    if of.shard.is_none() {
        matches_server(client, of.collection, &contents).await?;
    }
    Ok(Artifact { path, bytes: snapshot.size, sha256: fetched.sha256, contents: holds(of) })
}

/// The artifact's path, with `/`.
fn path(of: SnapshotTarget<'_>) -> String {
    let name = names::in_file(of.collection);
    match of.shard {
        None => format!("collections/{name}.snapshot"),
        Some(shard) => format!("collections/{name}.shard-{shard}.snapshot"),
    }
}

fn holds(of: SnapshotTarget<'_>) -> ArtifactContents {
    let collection = of.collection.to_owned();
    match of.shard {
        None => ArtifactContents::CollectionSnapshot { collection },
        Some(shard) => ArtifactContents::ShardSnapshot { collection, shard },
    }
}

/// Checks that the snapshot belongs to the collection.
async fn matches_server(
    client: &Client,
    name: &str,
    contents: &archive::SnapshotContents,
) -> anyhow::Result<()> {
    let Ok(info) = client.rest().info(name).await else { return Ok(()) };
    let (saved, now) = (Vectors::of(&contents.config), Vectors::of(&info["config"]));
    if !saved.are_in(&now) {
        bail!("the snapshot of collection `{name}` has the vectors {saved}, and the collection has {now}");
    }
    Ok(())
}
