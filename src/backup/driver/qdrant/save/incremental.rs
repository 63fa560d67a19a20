//! Incremental backup of a collection: the server streams the files of its segments that changed since an earlier
//! backup.
//!
//! Servers use this protocol among themselves. Anything unexpected leads to `UseFull`, and the caller makes a full
//! backup of the collection.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::time::timeout;

use super::readback;
use crate::backup::driver::cancellation::{Cancellation, Interrupted};
use crate::backup::driver::qdrant::archive::increment;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::state::segment_versions;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::fs::{NewFile, remove_file};
use crate::progress::Task;
use crate::units::Bytes;

/// What the increment is based on.
pub(crate) struct IncrementalJob {
    pub(crate) name: String,
    pub(crate) shard: u32,
    /// The file versions just before the newest file of the chain.
    pub(crate) versions: Value,
    /// The number of the new increment in its chain, and its maximum size.
    pub(crate) number: usize,
    pub(crate) most: u64,
    /// The directory of the backup.
    pub(crate) directory: PathBuf,
    pub(crate) task: Box<dyn Task>,
    pub(crate) timeouts: Timeouts,
}

/// The result.
pub(crate) enum IncrementalOutcome {
    /// Nothing changed.
    Same,
    Changed(Box<Increment>),
    /// There is no increment, or none that is worth it.
    UseFull,
}

pub(crate) struct Increment {
    pub(crate) artifact: Artifact,
    /// The file versions just before: the next increment starts from them.
    pub(crate) versions: Value,
}

/// Backs up the changes. Only an interruption is an error.
pub(crate) async fn save(
    client: &Client,
    job: IncrementalJob,
    cancellation: &Cancellation,
) -> anyhow::Result<IncrementalOutcome> {
    let path = path(&job.name, job.number);
    let file = job.directory.join(&path);
    job.task.detail("downloading the changes");
    match cancellation.unless_cancelled(fetch(client, &job, &path, &file)).await {
        Ok(Some(changed)) => {
            let bytes = Bytes(changed.artifact.bytes);
            job.task.finish(&format!("backed up the changes of collection `{}` ({bytes})", job.name));
            Ok(IncrementalOutcome::Changed(Box::new(changed)))
        }
        Ok(None) => {
            job.task.finish(&format!("collection `{}` has not changed", job.name));
            Ok(IncrementalOutcome::Same)
        }
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            tracing::debug!(
                collection = job.name,
                error = format!("{error:#}"),
                "falling back to a full backup"
            );
            if file.symlink_metadata().is_ok() {
                remove_file(&file)?;
            }
            Ok(IncrementalOutcome::UseFull)
        }
    }
}

/// The artifact's path, with `/`.
fn path(name: &str, number: usize) -> String {
    format!("collections/{}.changes-{number:02}.tar", names::in_file(name))
}

async fn fetch(
    client: &Client,
    job: &IncrementalJob,
    path: &str,
    file: &Path,
) -> anyhow::Result<Option<Increment>> {
    let (name, shard) = (job.name.as_str(), job.shard);
    // Taken before the changes: what is written in between is then in both, never in neither.
    let versions = client.rest().versions(name, shard).await?;
    ensure!(segment_versions::only_grow(&job.versions, &versions), "the version of a file went back");
    let Some(mut response) = client.rest().increment(name, shard, &job.versions).await? else {
        return Ok(None);
    };
    let mut written = NewFile::create(file)?;
    loop {
        let chunk = timeout(job.timeouts.stall, response.chunk()).await.context("no data received")??;
        let Some(chunk) = chunk else { break };
        written.append(&chunk)?;
        job.task.advance(chunk.len() as u64);
        if written.bytes() > job.most {
            bail!("the changes are larger than {}", Bytes(job.most));
        }
    }
    let (bytes, digest) = written.finish()?;
    let read = {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || {
            readback::read(&file, |reader| increment::walk(reader), &Cancellation::never())
        })
        .await??
    };
    read.contents?;
    let sha256 = digest.to_string();
    if read.sha256 != sha256 {
        bail!("the changes do not read back as they were written");
    }
    let number = u32::try_from(job.number)?;
    let contents = ArtifactContents::CollectionIncrement { collection: name.to_owned(), shard, number };
    Ok(Some(Increment { artifact: Artifact { path: path.to_owned(), bytes, sha256, contents }, versions }))
}
