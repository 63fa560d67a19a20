//! Stages a snapshot in a new collection and verifies it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep};

use super::increments::{self, IncrementFile};
use super::send_file::{SnapshotToSend, send};
use super::shards::{self, ShardFile};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::UploadContent;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::qdrant::state::vectors::Vectors;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::fingerprint::CollectionFingerprint;
use crate::progress::Task;

/// A collection of a backup, and what is expected after its restore.
pub(crate) struct Snapshot {
    pub(crate) source: CollectionSource,
    pub(crate) expected: CollectionFingerprint,
    pub(crate) task: Arc<dyn Task>,
    pub(crate) timeouts: Timeouts,
}

/// What a collection is restored from.
pub(crate) enum CollectionSource {
    Full(FullSnapshot),
    /// The snapshots of all its shards.
    Shards(Vec<ShardFile>),
}

/// The snapshot of a collection, and its increments.
pub(crate) struct FullSnapshot {
    pub(crate) file: PathBuf,
    pub(crate) sha256: String,
    /// The increments to merge with it.
    pub(crate) changes: Vec<IncrementFile>,
}

impl FullSnapshot {
    /// Its name on the server while it is unpacked.
    fn upload_name(&self) -> String {
        let digest: String = self.sha256.chars().take(16).collect();
        format!("safe-compose-{digest}.snapshot")
    }
}

/// Who may write to the new collection while it is being counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Nobody: the name is temporary.
    Private,
    /// Applications may; additional points are theirs.
    Public,
}

/// Restores into the new collection `name`, and verifies it. If it is incomplete, it is deleted.
pub(crate) async fn put(
    client: &Client,
    name: &str,
    snapshot: &Snapshot,
    known: Visibility,
    cancellation: &Cancellation,
) -> anyhow::Result<Vec<String>> {
    let put = try_put(client, name, snapshot, known, cancellation).await;
    match put {
        Ok(remarks) => match cancellation.check() {
            Ok(()) => Ok(remarks),
            Err(interrupted) => Err(undo(client, name, snapshot, interrupted.into()).await),
        },
        // After these errors the server has not started.
        Err(error)
            if matches!(error.downcast_ref(), Some(ApiError::Key { .. } | ApiError::Permission { .. })) =>
        {
            Err(error)
        }
        Err(error) => Err(undo(client, name, snapshot, error).await),
    }
}

/// Deletes what an upload created. Returns the error.
async fn undo(client: &Client, name: &str, snapshot: &Snapshot, error: anyhow::Error) -> anyhow::Error {
    if let CollectionSource::Full(whole) = &snapshot.source
        && matches!(error.downcast_ref(), Some(ApiError::Failed { .. } | ApiError::Unreachable { .. }))
    {
        forget_upload(client, name, &whole.upload_name()).await;
    }
    match client.delete_collection(name).await {
        Ok(_) => error,
        Err(left) => {
            error.context(format!("collection `{name}` is incomplete, and cannot be deleted: {left}"))
        }
    }
}

/// A server that could not unpack an upload keeps the file, which can only be deleted through an existing collection
/// (measured, 1.19.0). So one is created for a moment.
pub(crate) async fn forget_upload(client: &Client, name: &str, upload: &str) {
    let Ok(there) = client.collections().await else { return };
    if !there.iter().any(|one| one == name)
        && client.rest().create_collection(name, &serde_json::json!({ "vectors": {} })).await.is_ok()
    {
        // If this fails, the next upload of the same snapshot overwrites and deletes the file.
        let _ = client.delete_snapshot(name, upload).await;
    }
}

/// Like [`put`], but leaves an incomplete collection.
pub(crate) async fn try_put(
    client: &Client,
    name: &str,
    snapshot: &Snapshot,
    known: Visibility,
    cancellation: &Cancellation,
) -> anyhow::Result<Vec<String>> {
    let mut remarks = match &snapshot.source {
        CollectionSource::Full(whole) => put_full(client, name, whole, snapshot, cancellation).await?,
        CollectionSource::Shards(shards) => {
            shards::put(client, name, shards, (&snapshot.expected, &snapshot.task), cancellation).await?
        }
    };
    snapshot.task.detail("counting");
    remarks.extend(verify(client, name, &snapshot.expected, snapshot.timeouts, known).await?);
    Ok(remarks)
}

async fn put_full(
    client: &Client,
    name: &str,
    whole: &FullSnapshot,
    snapshot: &Snapshot,
    cancellation: &Cancellation,
) -> anyhow::Result<Vec<String>> {
    let merged = increments::merge(&whole.file, &whole.changes, cancellation).await?;
    let (content, sha256) = match &merged {
        None => (UploadContent::File(&whole.file), &whole.sha256),
        Some((merged, sha256)) => (UploadContent::Merged(merged), sha256),
    };
    snapshot.task.detail("uploading");
    let upload_name = whole.upload_name();
    let uploading = SnapshotToSend { content, name: &upload_name, sha256, task: &snapshot.task };
    let uploaded = send(client, name.into(), &uploading, cancellation).await;
    // The server keeps the uploaded file, and lists it as a snapshot of the new collection.
    let cleaned = client.delete_snapshot(name, &upload_name).await;
    uploaded?;
    let left = |error| {
        format!("the uploaded snapshot of collection `{name}` could not be deleted from the server: {error}")
    };
    Ok(cleaned.err().map(left).into_iter().collect())
}

/// Compares the collection with what was recorded. Servers have reported success without restoring data (qdrant#10135).
pub(crate) async fn verify(
    client: &Client,
    name: &str,
    expected: &CollectionFingerprint,
    timeouts: Timeouts,
    known: Visibility,
) -> anyhow::Result<Vec<String>> {
    let deadline = Instant::now() + timeouts.settle;
    let (now, info, points) = loop {
        let (now, info) = fingerprint::count(client, name)
            .await
            .with_context(|| format!("collection `{name}` cannot be read after the upload"))?;
        match (judge(expected, now.points, known), Instant::now() < deadline) {
            (Ok(points), _) => break (now, info, points),
            // The end of the log is applied after the response.
            (Err(_), true) => sleep(timeouts.pause).await,
            (Err(wrong), false) => bail!("collection `{name}` {wrong}"),
        }
    };
    let mut now = now;
    now.sample = fingerprint::sample(client, name, &now, &info).await?;
    let (before, after) = (Vectors::of(&expected.config), Vectors::of(&now.config));
    if before != after {
        bail!("collection `{name}` has the vectors {after} instead of {before}");
    }
    let mut remarks: Vec<String> =
        points.map(|remark| format!("collection `{name}` {remark}")).into_iter().collect();
    let diverging = expected.diverges(&now);
    // What was written during the backup may be in it or not, and applications may write to a collection that they
    // know.
    let must_be_equal = known == Visibility::Private && expected.points_after.is_none();
    if diverging.zeroed > 0 || diverging.is_total() || must_be_equal && !diverging.is_none() {
        bail!(
            "collection `{name}` has different contents: of {} sampled points, {} are missing and {} have changed",
            diverging.of,
            diverging.missing,
            diverging.changed
        );
    }
    if now.status == "red" {
        bail!("collection `{name}` has status red after the upload: an operation on it failed");
    }
    if let Some(fields) = expected.payload_schema.as_object() {
        let missing = fields.keys().filter(|field| now.payload_schema.get(*field).is_none());
        remarks.extend(
            missing.map(|field| format!("payload index `{field}` of collection `{name}` was not restored")),
        );
    }
    Ok(remarks)
}

/// Whether a count matches the recorded one. If points were written during the backup, any number between both counts
/// does.
pub(crate) fn judge(
    expected: &CollectionFingerprint,
    now: Option<u64>,
    known: Visibility,
) -> Result<Option<String>, String> {
    let Some(now) = now else { return Err("cannot be counted".to_owned()) };
    let Some(first) = expected.points else { return Ok(Some("was not counted in the backup".to_owned())) };
    let second = expected.points_after.unwrap_or(first);
    let (least, most) = (first.min(second), first.max(second));
    if now < least {
        return Err(format!("has {now} of {least} points"));
    }
    if now <= most {
        return Ok(None);
    }
    match known {
        Visibility::Private => Err(format!("has {now} points instead of {most}")),
        Visibility::Public => Ok(Some(format!(
            "has {now} points, more than the {most} in the backup: an application is writing to it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures::collection;

    #[test]
    fn a_count_is_right_when_it_is_the_recorded_one() {
        let expected = collection(50);
        assert_eq!(judge(&expected, Some(50), Visibility::Private), Ok(None));
        for wrong in [0, 49, 51] {
            assert!(judge(&expected, Some(wrong), Visibility::Private).is_err(), "{wrong}");
        }
        assert!(judge(&expected, None, Visibility::Public).is_err());
        assert!(judge(&expected, Some(49), Visibility::Public).is_err());
        let remark = judge(&expected, Some(51), Visibility::Public).expect("somebody writes");
        assert!(remark.expect("a remark").contains("51 points"));
    }

    #[test]
    fn what_was_written_during_the_backup_may_be_in_it_or_not() {
        for (before, after) in [(50, 53), (53, 50)] {
            let mut expected = collection(before);
            expected.points_after = Some(after);
            for right in 50..=53 {
                assert_eq!(judge(&expected, Some(right), Visibility::Private), Ok(None), "{right}");
            }
            assert!(judge(&expected, Some(49), Visibility::Private).is_err());
            assert!(judge(&expected, Some(54), Visibility::Private).is_err());
        }
    }
}
