//! Saves what has changed in a collection since an earlier backup: the server streams the changed files of its segments.
//!
//! That is a protocol of the servers among themselves. Whatever is unexpected about it ends in `Whole`, and the caller
//! saves the collection as a whole.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::time::timeout;

use super::readback;
use crate::backup::archive::delta;
use crate::backup::driver::qdrant::cancellation::{Gone, Interrupted};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::manifest::{Artifact, Holds};
use crate::fs::{NewFile, remove_file};
use crate::progress::Task;
use crate::units::Bytes;

/// What there is to save on top of.
pub(crate) struct Differing {
    pub(crate) name: String,
    pub(crate) shard: u32,
    /// SnapshotTarget the files as they were just before the newest link.
    pub(crate) versions: Value,
    /// The number of the new link, and the most bytes that it may have.
    pub(crate) link: usize,
    pub(crate) most: u64,
    /// The directory of the backup.
    pub(crate) directory: PathBuf,
    pub(crate) task: Box<dyn Task>,
    pub(crate) timeouts: Timeouts,
}

/// What came out.
pub(crate) enum Outcome {
    /// Nothing has changed.
    Same,
    Changed(Box<Changed>),
    /// There is no difference to be had, or none that is worth it.
    Whole,
}

pub(crate) struct Changed {
    pub(crate) artifact: Artifact,
    /// SnapshotTarget the files as they were just before: the next difference begins from them.
    pub(crate) versions: Value,
}

/// Saves the difference. Only an interruption is an error.
pub(crate) async fn save(client: &Client, differing: Differing, gone: &Gone) -> anyhow::Result<Outcome> {
    let path = path(&differing.name, differing.link);
    let file = differing.directory.join(&path);
    differing.task.detail("downloading what has changed");
    match gone.or(fetch(client, &differing, &path, &file)).await {
        Ok(Some(changed)) => {
            let bytes = Bytes(changed.artifact.bytes);
            differing.task.finish(&format!("saved the changes of collection `{}` ({bytes})", differing.name));
            Ok(Outcome::Changed(Box::new(changed)))
        }
        Ok(None) => {
            differing.task.finish(&format!("collection `{}` has not changed", differing.name));
            Ok(Outcome::Same)
        }
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            tracing::debug!(
                collection = differing.name,
                error = format!("{error:#}"),
                "saving it as a whole"
            );
            if file.symlink_metadata().is_ok() {
                remove_file(&file)?;
            }
            Ok(Outcome::Whole)
        }
    }
}

/// The artifact's path, with `/`.
fn path(name: &str, link: usize) -> String {
    format!("collections/{}.changes-{link:02}.tar", names::in_file(name))
}

async fn fetch(
    client: &Client,
    differing: &Differing,
    path: &str,
    file: &Path,
) -> anyhow::Result<Option<Changed>> {
    let (name, shard) = (differing.name.as_str(), differing.shard);
    // Before the changes: what is written in between is then in both, and never in neither.
    let versions = client.rest().versions(name, shard).await?;
    let Some(mut response) = client.rest().difference(name, shard, &differing.versions).await? else {
        return Ok(None);
    };
    let mut written = NewFile::create(file)?;
    loop {
        let chunk = timeout(differing.timeouts.stall, response.chunk()).await.context("nothing comes")??;
        let Some(chunk) = chunk else { break };
        written.append(&chunk)?;
        differing.task.advance(chunk.len() as u64);
        if written.bytes() > differing.most {
            bail!("the changes are larger than {}", Bytes(differing.most));
        }
    }
    let (bytes, digest) = written.finish()?;
    let read = {
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || {
            readback::read(&file, |reader| delta::walk(reader), &Gone::never())
        })
        .await??
    };
    read.contents?;
    let sha256 = digest.to_string();
    if read.sha256 != sha256 {
        bail!("the changes read back from the disk differently");
    }
    let link = u32::try_from(differing.link)?;
    let holds = Holds::CollectionDelta { collection: name.to_owned(), shard, link };
    Ok(Some(Changed { artifact: Artifact { path: path.to_owned(), bytes, sha256, holds }, versions }))
}
