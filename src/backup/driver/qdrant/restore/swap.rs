//! What was put beside a collection and found whole takes its place.
//!
//! Qdrant cannot rename, so the data is moved by a snapshot that is taken while everything is still as it was. From the
//! moment the old collection is deleted, what lies beside stays until the new one has been found whole under its name: a
//! switch that is cut off, by a server or a client that dies, goes on where it was when it is called again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;

use super::copy::{self, SnapshotCopy};
use super::exists::exists;
use super::stage;
use crate::backup::driver::qdrant::cancellation::Cancellation;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::AliasChange;
use crate::progress::Task;

/// Two collections, of which one is to become the other.
pub(crate) struct Swap<'a> {
    /// Has everything, and its name is known to nobody but us.
    pub(crate) beside: &'a str,
    /// The name to be had.
    pub(crate) name: &'a str,
    /// Whether something has it, which was saved.
    pub(crate) replaces: bool,
    /// Where the server keeps snapshots, on its own file system.
    pub(crate) snapshots: &'a str,
    pub(crate) task: &'a Arc<dyn Task>,
}

/// What a switch has changed beside the collection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SwapResult {
    /// Those that led to what was replaced lead to what has replaced it.
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) remarks: Vec<String>,
}

/// Tells whether a collection is what it shall be, with remarks; an error when it is not.
pub(crate) trait CollectionCheck {
    async fn check(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>>;
}

impl Swap<'_> {
    /// Makes the switch. On an error before the old one is deleted everything is as it was, and the snapshot is gone again;
    /// after that the error says where the data is.
    pub(crate) async fn run(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
        cancellation: &Cancellation,
    ) -> anyhow::Result<SwapResult> {
        let untouched = "the collection is untouched";
        copy::forget(client, self.beside).await.context(untouched)?;
        self.task.detail("the server makes a snapshot of it");
        let copied = SnapshotCopy::take(client, self.beside).await.context(untouched)?;
        let _committed = match cancellation.commit() {
            Ok(committed) => committed,
            Err(interrupted) => {
                let _ = copied.delete().await;
                return Err(interrupted.into());
            }
        };
        self.task.detail("switching");
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

    /// Goes on with a switch that was cut off behind the point of no return: what has the name is ours.
    pub(crate) async fn resume(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
    ) -> anyhow::Result<SwapResult> {
        let aliases_moved = self.leading(client, self.beside).await?;
        if let Ok(remarks) = check.check(client, self.name).await {
            self.move_aliases_back(client, &aliases_moved).await?;
            let mut swapped = SwapResult { aliases: aliases_moved, remarks };
            self.clear(client, None, &mut swapped).await;
            return Ok(swapped);
        }
        client.delete_collection(self.name).await?;
        copy::forget(client, self.beside).await?;
        let copied = SnapshotCopy::take(client, self.beside).await?;
        let finished = self.finish(client, check, &copied, aliases_moved).await;
        finished.map_err(|error| error.context(self.recovery_hint()))
    }

    /// Takes away what a switch that failed has left, where nothing is lost by that: nothing was replaced yet, and what has
    /// the name is not somebody else's. For whoever can lay it beside again.
    pub(crate) async fn clean_up_failed(&self, client: &Client, error: &anyhow::Error) -> anyhow::Result<()> {
        let exists = exists(client, self.name).await?;
        if self.replaces {
            let begun = self.aliases(client).await?.contains_key(&names::unfinished_alias(self.beside));
            if begun || !exists {
                return Ok(());
            }
        } else if error.downcast_ref::<NameTaken>().is_none() {
            stage::forget_upload(client, self.name, &names::transfer_name(self.beside)).await;
            client.delete_collection(self.name).await?;
        }
        copy::forget(client, self.beside).await?;
        client.delete_collection(self.beside).await?;
        Ok(())
    }

    /// The aliases that lead to a collection, without our own mark.
    async fn leading(&self, client: &Client, to: &str) -> anyhow::Result<BTreeSet<String>> {
        let mark = names::unfinished_alias(self.beside);
        let aliases = client.aliases().await?.into_iter();
        Ok(aliases.filter(|(alias, at)| at == to && *alias != mark).map(|(alias, _)| alias).collect())
    }

    /// Whoever comes by an alias is served from beside while the old collection goes.
    async fn remove_old(&self, client: &Client) -> anyhow::Result<BTreeSet<String>> {
        let mut aliases_moved = self.leading(client, self.name).await?;
        let moved: Vec<AliasChange<'_>> =
            aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.beside }).collect();
        client.rest().change_aliases_atomically(&moved).await.context("the collection is untouched")?;
        if let Err(error) = client.delete_collection(self.name).await {
            if !exists(client, self.name).await.unwrap_or(false) {
                return Err(anyhow::Error::from(error).context(self.recovery_hint()));
            }
            let back: Vec<AliasChange<'_>> =
                aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
            let _ = client.rest().change_aliases_atomically(&back).await;
            return Err(
                anyhow::Error::from(error).context("the collection cannot be replaced, and is untouched")
            );
        }
        // SnapshotTarget a switch that was cut off.
        aliases_moved.extend(self.leading(client, self.beside).await.unwrap_or_default());
        Ok(aliases_moved)
    }

    async fn finish(
        &self,
        client: &Client,
        check: &impl CollectionCheck,
        copied: &SnapshotCopy<'_>,
        aliases_moved: BTreeSet<String>,
    ) -> anyhow::Result<SwapResult> {
        let mark = names::unfinished_alias(self.beside);
        if !self.aliases(client).await?.contains_key(&mark) {
            client.create_alias(&mark, self.beside).await?;
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

    /// In one step with taking the mark away, so that the switch is over or not.
    async fn move_aliases_back(
        &self,
        client: &Client,
        aliases_moved: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let mark = names::unfinished_alias(self.beside);
        let mut changes: Vec<AliasChange<'_>> =
            aliases_moved.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
        if self.aliases(client).await?.contains_key(&mark) {
            changes.push(AliasChange::Delete { alias: &mark });
        }
        Ok(client.rest().change_aliases_atomically(&changes).await?)
    }

    /// Takes away what was only for the way. What cannot go is a remark: the data is where it belongs.
    async fn clear(&self, client: &Client, copied: Option<&SnapshotCopy<'_>>, swapped: &mut SwapResult) {
        let snapshot = match copied {
            Some(copied) => copied.delete().await,
            None => copy::forget(client, self.beside).await,
        };
        // SnapshotTarget an earlier try, which may have gone over the wire.
        let _ = client.delete_snapshot(self.name, &names::transfer_name(self.beside)).await;
        let collection = client.delete_collection(self.beside).await.map(drop).map_err(anyhow::Error::from);
        for left in [snapshot, collection].into_iter().filter_map(Result::err) {
            swapped.remarks.push(format!(
                "something of collection `{}`, which was only for the way, is still there: {left:#}",
                self.beside
            ));
        }
    }

    /// What to tell somebody whose collection is gone and not back yet.
    fn recovery_hint(&self) -> String {
        if !self.replaces {
            return format!("collection `{}` could not be made of what was laid beside it", self.name);
        }
        format!(
            "collection `{}` was deleted to be replaced, and what replaces it is not in its place yet. Nothing is lost: \
             collection `{}` on the server has all of it, and aliases lead there. Restore once more, which goes on from \
             here",
            self.name, self.beside
        )
    }
}

/// Somebody was quicker.
#[derive(Debug, thiserror::Error)]
#[error("somebody has made a collection `{name}` in this moment, and it was left alone")]
struct NameTaken {
    name: String,
}
