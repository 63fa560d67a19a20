//! Brings a loaded collection to the name that it is to have.
//!
//! Qdrant renames nothing. The server makes a snapshot of the loaded collection, we fetch and check it, and upload it
//! under the other name, where it is counted again. What it replaces is deleted only when all of that is at hand.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::backup::driver::qdrant::aliases;
use crate::backup::driver::qdrant::client::Client;
use crate::backup::driver::qdrant::detached::Gone;
use crate::backup::driver::qdrant::download::{self, Fetching};
use crate::backup::driver::qdrant::patience::Patience;
use crate::backup::driver::qdrant::place::{self, Known, Snapshot};
use crate::backup::driver::qdrant::restore::Done;
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::Collection;
use crate::fs::{FsError, free_bytes, remove_file};
use crate::progress::{Silent, Task};

/// What a move goes by.
pub(super) struct Settling<'a> {
    pub(super) client: &'a Client,
    pub(super) step: &'a Step,
    /// The collection as it was loaded.
    pub(super) beside: &'a str,
    pub(super) expected: &'a Collection,
    /// The aliases that led to it.
    pub(super) aliases: BTreeSet<String>,
    /// A directory for one file as large as a snapshot.
    pub(super) scratch: &'a Path,
    /// The file that it was loaded from, for messages.
    pub(super) file: &'a Path,
    pub(super) task: Arc<dyn Task>,
    pub(super) patience: Patience,
    pub(super) gone: &'a Gone,
}

pub(super) async fn settle(settling: Settling<'_>) -> anyhow::Result<Done> {
    let Settling { client, step, beside, gone, .. } = settling;
    let name = step.to.as_str();
    settling.task.detail("moving into place");
    let snapshot = fetch(&settling).await?;
    let is_there = client.collections().await?.iter().any(|one| one == name);
    anyhow::ensure!(
        is_there == (step.action == Action::Replace),
        "a collection `{name}` has {} since the restore was planned; nothing was done to it",
        if is_there { "come into being" } else { "gone" }
    );
    let mut own = settling.aliases;
    // Until the aliases are back too.
    let mut _committed = None;
    let remarks = if is_there {
        // The server drops the aliases of what is deleted, those too that are younger than the export.
        let now = client.aliases().await?.into_iter();
        own.extend(now.filter(|(_, collection)| collection == name).map(|(alias, _)| alias));
        _committed = Some(gone.commit()?);
        let stranded = || Stranded::new(name, beside, settling.file);
        if let Err(error) = client.delete_collection(name).await {
            let is_untouched =
                client.collections().await.is_ok_and(|there| there.iter().any(|one| one == name));
            let error = anyhow::Error::from(error);
            return Err(if is_untouched {
                error.context("the collection cannot be replaced, and is untouched")
            } else {
                error.context(stranded())
            });
        }
        // Nothing stops us here but an error, and then the loaded collection stays.
        let put = place::try_put(client, name, &snapshot, Known::Everybody, &Gone::never()).await;
        put.map_err(|error| error.context(stranded()))?
    } else {
        place::put(client, name, &snapshot, Known::Everybody, gone).await?
    };
    // The next one takes its place.
    remove_file(&snapshot.file)?;
    let mut done = Done { aliases: Vec::new(), remarks };
    aliases::bring_back(client, step, own, &mut done).await;
    Ok(done)
}

/// Makes a snapshot of the loaded collection and fetches it.
async fn fetch(settling: &Settling<'_>) -> anyhow::Result<Snapshot> {
    let Settling { client, beside, scratch, gone, .. } = settling;
    let made = client.create_snapshot(beside).await?;
    let free = free_bytes(scratch)?;
    let fetched = if free < made.size {
        Err(FsError::Full { path: (*scratch).to_owned(), needed: Some(made.size), free: Some(free) }.into())
    } else {
        let fetching = Fetching { task: &Silent, patience: &settling.patience };
        let file = scratch.join("snapshot");
        gone.or(download::fetch(client, beside, &made, &file, &fetching)).await.map(|sha256| (file, sha256))
    };
    let deleted = client.delete_snapshot(beside, &made.name).await;
    let (file, sha256) = fetched?;
    deleted?;
    Ok(Snapshot {
        file,
        sha256,
        expected: settling.expected.clone(),
        task: Arc::new(Silent),
        patience: settling.patience,
    })
}

/// The old collection is gone, and the new one is not in its place.
#[derive(Debug, thiserror::Error)]
#[error(
    "collection `{name}` was deleted to be replaced, and putting the import in its place failed. Nothing is lost: collection \
     `{beside}` on the server has all of it, and so has `{file}`. Restore once more, or lead an alias `{name}` to `{beside}`"
)]
pub(super) struct Stranded {
    name: String,
    beside: String,
    file: String,
}

impl Stranded {
    fn new(name: &str, beside: &str, file: &Path) -> Self {
        Self { name: name.to_owned(), beside: beside.to_owned(), file: file.display().to_string() }
    }
}
