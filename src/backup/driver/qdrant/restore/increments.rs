//! Applies the increments of a backup to the snapshot that they are based on, one after the other.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::Upload;
use crate::backup::driver::qdrant::server::upload::UploadProgress;
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::progress::Task;

/// One increment.
pub(crate) struct IncrementFile {
    file: PathBuf,
    sha256: String,
    shard: u32,
    number: u32,
}

impl IncrementFile {
    /// `None` for the snapshot itself.
    pub(crate) fn of(file: PathBuf, artifact: &Artifact) -> Option<Self> {
        let ArtifactContents::CollectionIncrement { shard, number, .. } = artifact.contents else {
            return None;
        };
        Some(Self { file, sha256: artifact.sha256.clone(), shard, number })
    }
}

/// Applies them to a collection with a temporary name. If the server rejects one, the collection is inconsistent, and
/// the caller deletes it.
pub(crate) async fn put(
    client: &Client,
    name: &str,
    changes: &[IncrementFile],
    task: &Arc<dyn Task>,
) -> anyhow::Result<()> {
    for change in changes {
        task.detail(&format!("uploading changes {} of {}", change.number, changes.len()));
        let sent = UploadProgress::new(task);
        let upload =
            Upload { file: &change.file, name: "changes.snapshot", sha256: &change.sha256, progress: &sent };
        client.rest().upload_increment(name, change.shard, upload).await?;
    }
    Ok(())
}
