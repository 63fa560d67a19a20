//! Saves one collection: the server makes a snapshot, we fetch it, read it back and walk it, and the server's copy goes
//! again, however it ends.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::chain;
use super::download::{self, Fetching};
use crate::backup::archive;
use crate::backup::driver::qdrant::detached::Gone;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::patience::Patience;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::Descriptor;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::qdrant::state::vectors::Vectors;
use crate::backup::fingerprint::Collection;
use crate::backup::manifest::{Artifact, Holds};
use crate::fs::{FsError, free_bytes};
use crate::progress::Task;
use crate::units::Bytes;

/// What saving a collection has come to.
pub(crate) enum Outcome {
    Saved(Box<Saved>),
    /// It was deleted before there was a snapshot of it.
    Deleted,
}

pub(crate) struct Saved {
    pub(crate) collection: Collection,
    /// Its info, as the server printed it just before.
    pub(crate) info: Value,
    pub(crate) artifact: Artifact,
    /// Of the files of its only shard just before, for the next backup to begin from; `None` where there is none.
    pub(crate) versions: Option<(u32, Value)>,
    pub(crate) remarks: Vec<String>,
}

/// One collection to save, and where to.
pub(crate) struct Saving {
    pub(crate) name: String,
    /// What was found a moment ago; nothing of a collection that has come into being since.
    pub(crate) known: Option<Collection>,
    /// The directory of the backup.
    pub(crate) directory: PathBuf,
    pub(crate) task: Box<dyn Task>,
    pub(crate) patience: Patience,
}

impl Saving {
    /// The artifact's path, with `/`.
    fn path(&self) -> String {
        format!("collections/{}.snapshot", names::in_file(&self.name))
    }
}

/// Saves one. Ends early when the caller is gone, and cleans up then too.
pub(crate) async fn save(client: &Client, saving: Saving, gone: &Gone) -> anyhow::Result<Outcome> {
    let name = saving.name.as_str();
    let (mut collection, info) = match fingerprint::count(client, name).await {
        Ok(counted) => counted,
        Err(ApiError::NotFound { .. }) if is_deleted(client, name).await => return Ok(Outcome::Deleted),
        Err(error) => {
            return Err(error).context(format!("collection `{name}` cannot be read, and so not be saved"));
        }
    };
    match saving.known.clone() {
        Some(known) => (collection.mark, collection.sample) = (known.mark, known.sample),
        None => collection.sample = fingerprint::sample(client, name, &collection, &info).await?,
    }
    gone.check()?;
    // Before the snapshot: what is written in between is then in both, and never in neither.
    let versions = versions(client, name, &collection).await;
    saving.task.detail("the server makes a snapshot");
    // Never dropped half-way: only its answer tells what is to be deleted.
    let snapshot = match client.create_snapshot(name).await {
        Ok(snapshot) => snapshot,
        Err(ApiError::NotFound { .. }) if is_deleted(client, name).await => return Ok(Outcome::Deleted),
        Err(error @ ApiError::Unreachable { .. }) => {
            let hint = format!("the server may have a snapshot of collection `{name}` left over");
            return Err(anyhow::Error::from(error).context(hint));
        }
        Err(error) => return Err(error.into()),
    };
    let fetched = fetch(client, &saving, &snapshot, gone).await;
    let deleted = client.delete_snapshot(name, &snapshot.name).await;
    let mut remarks = Vec::new();
    let artifact = match (fetched, deleted) {
        (Ok(artifact), Ok(())) => artifact,
        (Ok(artifact), Err(error)) => {
            remarks.push(format!("the server keeps its copy of the snapshot: {error}"));
            artifact
        }
        (Err(error), Ok(())) => return Err(error),
        (Err(error), Err(left)) => {
            return Err(error.context(format!("the server keeps its copy of the snapshot: {left}")));
        }
    };
    if snapshot.checksum.is_none() {
        remarks.push(format!("the server gave no checksum for the snapshot of collection `{name}`"));
    }
    if collection.status == "red" {
        remarks.push(format!("collection `{name}` is red: an operation on it failed before"));
    }
    remarks.extend(recount(client, name, &info, &mut collection).await);
    saving.task.finish(&format!("saved collection `{name}` ({})", Bytes(artifact.bytes)));
    Ok(Outcome::Saved(Box::new(Saved { collection, info, artifact, versions, remarks })))
}

/// A server that cannot tell will not be asked for changes.
async fn versions(client: &Client, name: &str, collection: &Collection) -> Option<(u32, Value)> {
    let shard = chain::only_shard(collection)?;
    client.rest().versions(name, shard).await.ok().map(|versions| (shard, versions))
}

async fn is_deleted(client: &Client, name: &str) -> bool {
    client.collections().await.is_ok_and(|names| !names.iter().any(|one| one == name))
}

/// Fetches the snapshot and checks it from disk.
async fn fetch(
    client: &Client,
    saving: &Saving,
    snapshot: &Descriptor,
    gone: &Gone,
) -> anyhow::Result<Artifact> {
    let name = saving.name.as_str();
    let path = saving.path();
    let file = saving.directory.join(&path);
    let free = free_bytes(&saving.directory)?;
    if free < snapshot.size {
        let (needed, free) = (Some(snapshot.size), Some(free));
        return Err(FsError::Full { path: file, needed, free }.into());
    }
    saving.task.total(snapshot.size);
    saving.task.detail("downloading");
    let fetching = Fetching { task: saving.task.as_ref(), patience: &saving.patience, gone };
    let fetched = gone.or(download::fetch(client, name, snapshot, &file, &fetching)).await?;
    let contents =
        fetched.contents.with_context(|| format!("the snapshot of collection `{name}` is not whole"))?;
    matches_server(client, name, &contents).await?;
    let holds = Holds::CollectionSnapshot { collection: name.to_owned() };
    Ok(Artifact { path, bytes: snapshot.size, sha256: fetched.sha256, holds })
}

/// The snapshot is of the collection that it is said to be of.
async fn matches_server(client: &Client, name: &str, contents: &archive::Contents) -> anyhow::Result<()> {
    let Ok(info) = client.rest().info(name).await else { return Ok(()) };
    let (saved, now) = (Vectors::of(&contents.config), Vectors::of(&info["config"]));
    if !saved.are_in(&now) {
        bail!("the snapshot of collection `{name}` has the vectors {saved}, and the collection has {now}");
    }
    Ok(())
}

/// Counts once more: what was written during the snapshot may be in it or not.
pub(crate) async fn recount(
    client: &Client,
    name: &str,
    info: &Value,
    collection: &mut Collection,
) -> Option<String> {
    match client.count(name, info).await {
        Ok(after) if Some(after) == collection.points => None,
        Ok(after) => {
            let before = collection.points.unwrap_or_default();
            collection.points_after = Some(after);
            Some(format!(
                "collection `{name}` was written to while it was saved: {before} points before, {after} after"
            ))
        }
        Err(ApiError::NotFound { .. }) => {
            Some(format!("collection `{name}` was deleted just after it was saved; the backup has it"))
        }
        Err(error) => Some(format!("collection `{name}` could not be counted again: {error}")),
    }
}
