//! Puts the changes of a backup over the snapshot that they were made from, one after the other.

use std::path::PathBuf;
use std::sync::Arc;

use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::Upload;
use crate::backup::driver::qdrant::server::upload::Sent;
use crate::backup::manifest::{Artifact, Holds};
use crate::progress::Task;

/// One link on top of a snapshot.
pub(crate) struct Change {
    file: PathBuf,
    sha256: String,
    shard: u32,
    link: u32,
}

impl Change {
    /// `None` for the snapshot itself.
    pub(crate) fn of(file: PathBuf, artifact: &Artifact) -> Option<Self> {
        let Holds::CollectionDelta { shard, link, .. } = artifact.holds else { return None };
        Some(Self { file, sha256: artifact.sha256.clone(), shard, link })
    }
}

/// Puts them over a collection that nobody knows yet. A server that refuses one leaves a collection that is neither the
/// old nor the new one: the caller deletes it.
pub(crate) async fn put(
    client: &Client,
    name: &str,
    changes: &[Change],
    task: &Arc<dyn Task>,
) -> anyhow::Result<()> {
    for change in changes {
        task.detail(&format!("uploading changes {} of {}", change.link, changes.len()));
        let sent = Sent::new(task);
        let upload =
            Upload { file: &change.file, name: "changes.snapshot", sha256: &change.sha256, progress: &sent };
        client.rest().put_difference(name, change.shard, upload).await?;
    }
    Ok(())
}
