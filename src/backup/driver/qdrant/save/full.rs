//! Full backup of one collection, in one snapshot or one for each shard, with a count before and after.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use super::incremental_chain;
use super::snapshot::{self, SnapshotJob};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::SnapshotTarget;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::fingerprint::CollectionFingerprint;
use crate::backup::manifest::Artifact;
use crate::fs::remove_file;
use crate::progress::Task;
use crate::units::Bytes;

/// The result of a full backup of a collection.
pub(crate) enum FullOutcome {
    SavedCollection(Box<SavedCollection>),
    /// It was deleted before its snapshot was taken.
    Deleted,
}

pub(crate) struct SavedCollection {
    pub(crate) collection: CollectionFingerprint,
    /// Its info, as the server reported it just before.
    pub(crate) info: Value,
    pub(crate) artifacts: Vec<Artifact>,
    /// The file versions of its only shard just before, from which the next increment starts; `None` if there are none.
    pub(crate) versions: Option<(u32, Value)>,
    pub(crate) remarks: Vec<String>,
}

/// One collection to back up.
pub(crate) struct CollectionJob {
    pub(crate) name: String,
    /// Its fingerprint from a moment ago; `None` if it was created since.
    pub(crate) known: Option<CollectionFingerprint>,
    /// The directory of the backup.
    pub(crate) directory: PathBuf,
    pub(crate) task: Box<dyn Task>,
    pub(crate) timeouts: Timeouts,
}

/// Backs up a collection. Stops early and cleans up if the caller is gone.
pub(crate) async fn save(
    client: &Client,
    saving: CollectionJob,
    cancellation: &Cancellation,
) -> anyhow::Result<FullOutcome> {
    let name = saving.name.as_str();
    let (mut collection, info) = match fingerprint::count(client, name).await {
        Ok(counted) => counted,
        Err(ApiError::NotFound { .. }) if is_deleted(client, name).await => return Ok(FullOutcome::Deleted),
        Err(error) => {
            return Err(error)
                .context(format!("collection `{name}` cannot be read, so it cannot be backed up"));
        }
    };
    match saving.known.clone() {
        Some(known) => (collection.write_position, collection.sample) = (known.write_position, known.sample),
        None => collection.sample = fingerprint::sample(client, name, &collection, &info).await?,
    }
    cancellation.check()?;
    // Taken before the snapshot: what is written in between is then in both, never in neither.
    let versions = versions(client, name, &collection).await;
    let mut remarks = Vec::new();
    let artifacts = match pieces(client, &saving, cancellation, &mut remarks).await {
        Ok(artifacts) => artifacts,
        Err(error) if is_missing(&error) && is_deleted(client, name).await => {
            return Ok(FullOutcome::Deleted);
        }
        Err(error) => return Err(error),
    };
    if collection.status == "red" {
        remarks.push(format!("collection `{name}` has status red: an earlier operation on it failed"));
    }
    remarks.extend(recount(client, name, &info, &mut collection).await);
    let bytes = artifacts.iter().map(|artifact| artifact.bytes).sum();
    saving.task.finish(&format!("backed up collection `{name}` ({})", Bytes(bytes)));
    Ok(FullOutcome::SavedCollection(Box::new(SavedCollection {
        collection,
        info,
        artifacts,
        versions,
        remarks,
    })))
}

/// One snapshot from a single server; one for each shard in a cluster, where no node has everything.
async fn pieces(
    client: &Client,
    saving: &CollectionJob,
    cancellation: &Cancellation,
    remarks: &mut Vec<String>,
) -> anyhow::Result<Vec<Artifact>> {
    let name = saving.name.as_str();
    let taking = SnapshotJob {
        directory: &saving.directory,
        task: saving.task.as_ref(),
        timeouts: &saving.timeouts,
        cancellation,
    };
    if client.cluster().is_none() {
        return Ok(vec![snapshot::take(client, name.into(), &taking, remarks).await?]);
    }
    let placement = client.placement(name).await?;
    let mut artifacts = Vec::new();
    for shard in placement.shards() {
        let taken = async {
            let holder = client.holder(&placement, name, shard)?;
            snapshot::take(holder, SnapshotTarget::shard(name, shard), &taking, remarks).await
        };
        match taken.await {
            Ok(artifact) => artifacts.push(artifact),
            Err(error) => {
                // Only some of the shards are not a backup.
                for artifact in &artifacts {
                    remove_file(&saving.directory.join(&artifact.path))?;
                }
                return Err(error);
            }
        }
    }
    Ok(artifacts)
}

fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ApiError::NotFound { .. }))
}

/// Without versions, the next backup is a full one.
async fn versions(client: &Client, name: &str, collection: &CollectionFingerprint) -> Option<(u32, Value)> {
    let shard = incremental_chain::only_shard(collection)?;
    client.rest().versions(name, shard).await.ok().map(|versions| (shard, versions))
}

async fn is_deleted(client: &Client, name: &str) -> bool {
    client.collections().await.is_ok_and(|names| !names.iter().any(|one| one == name))
}

/// Counts again: what was written during the snapshot may be in it or not.
pub(crate) async fn recount(
    client: &Client,
    name: &str,
    info: &Value,
    collection: &mut CollectionFingerprint,
) -> Option<String> {
    match client.count(name, info).await {
        Ok(after) if Some(after) == collection.points => None,
        Ok(after) => {
            let before = collection.points.unwrap_or_default();
            collection.points_after = Some(after);
            Some(format!(
                "collection `{name}` was written to during the backup: {before} points before, {after} after"
            ))
        }
        Err(ApiError::NotFound { .. }) => Some(format!(
            "collection `{name}` was deleted just after it was backed up; the backup contains it"
        )),
        Err(error) => Some(format!("collection `{name}` could not be counted again: {error}")),
    }
}
