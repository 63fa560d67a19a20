//! Replaces a collection with a staged and verified one.
//!
//! Qdrant cannot rename collections, so the data is moved by a snapshot that is taken before anything is changed. The
//! staged collection is kept until the new one is verified under its final name: a swap that is interrupted, because
//! the server or the client dies, is resumed by the next restore.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;

use super::copy::{self, SnapshotCopy};
use super::exists::exists;
use super::stage;
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::AliasChange;
use crate::progress::Task;

/// A staged collection, and the name that it will get.
pub(crate) struct Swap<'a> {
    /// The staged collection, which has all the data under a temporary name.
    pub(crate) staged: &'a str,
    /// The final name.
    pub(crate) name: &'a str,
    /// Whether a collection has that name; it has been backed up.
    pub(crate) replaces: bool,
    /// The server's snapshot directory, on its own file system.
    pub(crate) snapshots: &'a str,
    pub(crate) task: &'a Arc<dyn Task>,
}

/// What a swap changed besides the collection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SwapResult {
    /// The aliases that were moved to the new collection.
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) remarks: Vec<String>,
}

/// Checks whether a collection is as expected; returns remarks, or an error if it is not.
pub(crate) trait CollectionCheck {
    async fn check(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>>;
}

impl Swap<'_> {
    /// Swaps the collections. After an error before the old one is deleted, nothing has changed and the snapshot is
    /// deleted; after that, the error says where the data is.
    pub(crate) async fn run(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
        cancellation: &Cancellation,
    ) -> anyhow::Result<SwapResult> {
        let untouched = "the collection was not touched";
        copy::forget(client, self.staged).await.context(untouched)?;
        self.task.detail("creating a snapshot of it");
        let copied = SnapshotCopy::take(client, self.staged).await.context(untouched)?;
        let _committed = match cancellation.commit() {
            Ok(committed) => committed,
            Err(interrupted) => {
                let _ = copied.delete().await;
                return Err(interrupted.into());
            }
        };
        self.task.detail("replacing the collection");
        let aliases_moved = match self.remove_old(client).await {
            Ok(aliases_moved) => aliases_moved,
            Err(error) => {
                let _ = copied.delete().await;
                return Err(error);
            }
        };
        self.finish(client, check, &copied, aliases_moved)
            .await
            .map_err(|error| error.context(self.recovery_hint()))
    }

    /// Resumes a swap that was interrupted after the point of no return: the collection with the final name is
    /// incomplete.
    pub(crate) async fn resume(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
    ) -> anyhow::Result<SwapResult> {
        let aliases_moved = self.leading(client, self.staged).await?;
        if let Ok(remarks) = check.check(client, self.name).await {
            self.move_aliases_back(client, &aliases_moved).await?;
            let mut swapped = SwapResult { aliases: aliases_moved, remarks };
            self.clear(client, None, &mut swapped).await;
            return Ok(swapped);
        }
        client.delete_collection(self.name).await?;
        copy::forget(client, self.staged).await?;
        let copied = SnapshotCopy::take(client, self.staged).await?;
        let finished = self.finish(client, check, &copied, aliases_moved).await;
        finished.map_err(|error| error.context(self.recovery_hint()))
    }

    /// Deletes what a failed swap left, if no data is lost by that: nothing was replaced yet, and the collection with
    /// the final name is not another client's. For callers that can stage the data again.
    pub(crate) async fn clean_up_failed(&self, client: &Client, error: &anyhow::Error) -> anyhow::Result<()> {
        let exists = exists(client, self.name).await?;
        if self.replaces {
            let begun = self.aliases(client).await?.contains_key(&names::unfinished_alias(self.staged));
            if begun || !exists {
                return Ok(());
            }
        } else if error.downcast_ref::<NameTaken>().is_none() {
            stage::forget_upload(client, self.name, &names::transfer_name(self.staged)).await;
            client.delete_collection(self.name).await?;
        }
        copy::forget(client, self.staged).await?;
        client.delete_collection(self.staged).await?;
        Ok(())
    }

    /// The aliases of a collection, without the alias that marks it as unfinished.
    async fn leading(&self, client: &Client, to: &str) -> anyhow::Result<BTreeSet<String>> {
        let mark = names::unfinished_alias(self.staged);
        let aliases = client.aliases().await?.into_iter();
        Ok(aliases.filter(|(alias, at)| at == to && *alias != mark).map(|(alias, _)| alias).collect())
    }

    /// Aliases point to the staged collection while the old one is deleted.
    async fn remove_old(&self, client: &Client) -> anyhow::Result<BTreeSet<String>> {
        let mut aliases_moved = self.leading(client, self.name).await?;
        let moved: Vec<AliasChange<'_>> =
            aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.staged }).collect();
        client.rest().change_aliases_atomically(&moved).await.context("the collection was not touched")?;
        if let Err(error) = client.delete_collection(self.name).await {
            if !exists(client, self.name).await.unwrap_or(false) {
                return Err(anyhow::Error::from(error).context(self.recovery_hint()));
            }
            let back: Vec<AliasChange<'_>> =
                aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
            let _ = client.rest().change_aliases_atomically(&back).await;
            return Err(
                anyhow::Error::from(error).context("the collection cannot be replaced; it was not touched")
            );
        }
        // From an interrupted swap.
        aliases_moved.extend(self.leading(client, self.staged).await.unwrap_or_default());
        Ok(aliases_moved)
    }

    async fn finish(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
        copied: &SnapshotCopy<'_>,
        aliases_moved: BTreeSet<String>,
    ) -> anyhow::Result<SwapResult> {
        let mark = names::unfinished_alias(self.staged);
        if !self.aliases(client).await?.contains_key(&mark) {
            client.create_alias(&mark, self.staged).await?;
        }
        if exists(client, self.name).await? {
            return Err(NameTaken { name: self.name.to_owned() }.into());
        }
        copied.put(self.name, self.snapshots).await?;
        self.task.detail("counting");
        let remarks = check.check(client, self.name).await?;
        self.move_aliases_back(client, &aliases_moved).await?;
        let mut swapped = SwapResult { aliases: aliases_moved, remarks };
        self.clear(client, Some(copied), &mut swapped).await;
        Ok(swapped)
    }

    async fn aliases(&self, client: &Client) -> anyhow::Result<BTreeMap<String, String>> {
        Ok(client.aliases().await?.into_iter().collect())
    }

    /// Removes the mark in the same step, so that the swap is atomic.
    async fn move_aliases_back(
        &self,
        client: &Client,
        aliases_moved: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let mark = names::unfinished_alias(self.staged);
        let mut changes: Vec<AliasChange<'_>> =
            aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
        if self.aliases(client).await?.contains_key(&mark) {
            changes.push(AliasChange::Delete { alias: &mark });
        }
        Ok(client.rest().change_aliases_atomically(&changes).await?)
    }

    /// Deletes temporary data. What cannot be deleted is a remark: the restore is complete.
    async fn clear(&self, client: &Client, copied: Option<&SnapshotCopy<'_>>, swapped: &mut SwapResult) {
        let snapshot = match copied {
            Some(copied) => copied.delete().await,
            None => copy::forget(client, self.staged).await,
        };
        // From an earlier attempt, which may have used the network.
        let _ = client.delete_snapshot(self.name, &names::transfer_name(self.staged)).await;
        let collection = client.delete_collection(self.staged).await.map(drop).map_err(anyhow::Error::from);
        for left in [snapshot, collection].into_iter().filter_map(Result::err) {
            swapped.remarks.push(format!(
                "temporary data of collection `{}` was left on the server: {left:#}",
                self.staged
            ));
        }
    }

    /// Explains how to recover after the old collection was deleted.
    fn recovery_hint(&self) -> String {
        if !self.replaces {
            return format!("collection `{}` could not be created from its temporary copy", self.name);
        }
        format!(
            "collection `{}` was deleted to be replaced, and its replacement is not in place yet. No data is lost: collection `{}` on the server has all of it, and the aliases point there. Run the same restore again to finish",
            self.name, self.staged
        )
    }
}

/// Another client was faster.
#[derive(Debug, thiserror::Error)]
#[error("another client created collection `{name}` at the same time; it was not touched")]
struct NameTaken {
    name: String,
}
