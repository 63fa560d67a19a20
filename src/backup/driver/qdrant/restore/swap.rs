//! What was put beside a collection and found whole takes its place.
//!
//! Qdrant cannot rename, so the data is moved by a snapshot that is taken while everything is still as it was. From the
//! moment the old collection is deleted, what lies beside stays until the new one has been found whole under its name: a
//! switch that is cut off, by a server or a client that dies, goes on where it was when it is called again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;

use super::copy::{self, Carried};
use super::exists::is_there;
use super::stage;
use crate::backup::driver::qdrant::cancellation::Gone;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::rest::AliasChange;
use crate::progress::Task;

/// Two collections, of which one is to become the other.
pub(crate) struct Switch<'a> {
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
pub(crate) struct Switched {
    /// Those that led to what was replaced lead to what has replaced it.
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) remarks: Vec<String>,
}

/// Tells whether a collection is what it shall be, with remarks; an error when it is not.
pub(crate) trait Look {
    async fn look(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>>;
}

impl Switch<'_> {
    /// Makes the switch. On an error before the old one is deleted everything is as it was, and the snapshot is gone again;
    /// after that the error says where the data is.
    pub(crate) async fn make(
        &self,
        client: &Client,
        look: &impl Look,
        gone: &Gone,
    ) -> anyhow::Result<Switched> {
        let untouched = "the collection is untouched";
        copy::forget(client, self.beside).await.context(untouched)?;
        self.task.detail("the server makes a snapshot of it");
        let carried = Carried::take(client, self.beside).await.context(untouched)?;
        let _committed = match gone.commit() {
            Ok(committed) => committed,
            Err(interrupted) => {
                let _ = carried.delete().await;
                return Err(interrupted.into());
            }
        };
        self.task.detail("switching");
        let led_here = match self.make_way(client).await {
            Ok(led_here) => led_here,
            Err(error) => {
                let _ = carried.delete().await;
                return Err(error);
            }
        };
        self.finish(client, look, &carried, led_here).await.map_err(|error| error.context(self.way_out()))
    }

    /// Goes on with a switch that was cut off behind the point of no return: what has the name is ours.
    pub(crate) async fn resume(&self, client: &Client, look: &impl Look) -> anyhow::Result<Switched> {
        let led_here = self.leading(client, self.beside).await?;
        if let Ok(remarks) = look.look(client, self.name).await {
            self.lead_back(client, &led_here).await?;
            let mut switched = Switched { aliases: led_here, remarks };
            self.clear(client, None, &mut switched).await;
            return Ok(switched);
        }
        client.delete_collection(self.name).await?;
        copy::forget(client, self.beside).await?;
        let carried = Carried::take(client, self.beside).await?;
        let finished = self.finish(client, look, &carried, led_here).await;
        finished.map_err(|error| error.context(self.way_out()))
    }

    /// Takes away what a switch that failed has left, where nothing is lost by that: nothing was replaced yet, and what has
    /// the name is not somebody else's. For whoever can lay it beside again.
    pub(crate) async fn give_up(&self, client: &Client, error: &anyhow::Error) -> anyhow::Result<()> {
        let is_there = is_there(client, self.name).await?;
        if self.replaces {
            let begun = self.aliases(client).await?.contains_key(&names::mark(self.beside));
            if begun || !is_there {
                return Ok(());
            }
        } else if error.downcast_ref::<Taken>().is_none() {
            stage::forget_upload(client, self.name, &names::carried(self.beside)).await;
            client.delete_collection(self.name).await?;
        }
        copy::forget(client, self.beside).await?;
        client.delete_collection(self.beside).await?;
        Ok(())
    }

    /// The aliases that lead to a collection, without our own mark.
    async fn leading(&self, client: &Client, to: &str) -> anyhow::Result<BTreeSet<String>> {
        let mark = names::mark(self.beside);
        let aliases = client.aliases().await?.into_iter();
        Ok(aliases.filter(|(alias, at)| at == to && *alias != mark).map(|(alias, _)| alias).collect())
    }

    /// Whoever comes by an alias is served from beside while the old collection goes.
    async fn make_way(&self, client: &Client) -> anyhow::Result<BTreeSet<String>> {
        let mut led_here = self.leading(client, self.name).await?;
        let moved: Vec<AliasChange<'_>> =
            led_here.iter().map(|alias| AliasChange::Move { alias, to: self.beside }).collect();
        client.rest().change_aliases_at_once(&moved).await.context("the collection is untouched")?;
        if let Err(error) = client.delete_collection(self.name).await {
            if !is_there(client, self.name).await.unwrap_or(false) {
                return Err(anyhow::Error::from(error).context(self.way_out()));
            }
            let back: Vec<AliasChange<'_>> =
                led_here.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
            let _ = client.rest().change_aliases_at_once(&back).await;
            return Err(
                anyhow::Error::from(error).context("the collection cannot be replaced, and is untouched")
            );
        }
        // SnapshotTarget a switch that was cut off.
        led_here.extend(self.leading(client, self.beside).await.unwrap_or_default());
        Ok(led_here)
    }

    async fn finish(
        &self,
        client: &Client,
        look: &impl Look,
        carried: &Carried<'_>,
        led_here: BTreeSet<String>,
    ) -> anyhow::Result<Switched> {
        let mark = names::mark(self.beside);
        if !self.aliases(client).await?.contains_key(&mark) {
            client.create_alias(&mark, self.beside).await?;
        }
        if is_there(client, self.name).await? {
            return Err(Taken { name: self.name.to_owned() }.into());
        }
        carried.put(self.name, self.snapshots).await?;
        self.task.detail("counting");
        let remarks = look.look(client, self.name).await?;
        self.lead_back(client, &led_here).await?;
        let mut switched = Switched { aliases: led_here, remarks };
        self.clear(client, Some(carried), &mut switched).await;
        Ok(switched)
    }

    async fn aliases(&self, client: &Client) -> anyhow::Result<BTreeMap<String, String>> {
        Ok(client.aliases().await?.into_iter().collect())
    }

    /// In one step with taking the mark away, so that the switch is over or not.
    async fn lead_back(&self, client: &Client, led_here: &BTreeSet<String>) -> anyhow::Result<()> {
        let mark = names::mark(self.beside);
        let mut changes: Vec<AliasChange<'_>> =
            led_here.iter().map(|alias| AliasChange::Move { alias, to: self.name }).collect();
        if self.aliases(client).await?.contains_key(&mark) {
            changes.push(AliasChange::Delete { alias: &mark });
        }
        Ok(client.rest().change_aliases_at_once(&changes).await?)
    }

    /// Takes away what was only for the way. What cannot go is a remark: the data is where it belongs.
    async fn clear(&self, client: &Client, carried: Option<&Carried<'_>>, switched: &mut Switched) {
        let snapshot = match carried {
            Some(carried) => carried.delete().await,
            None => copy::forget(client, self.beside).await,
        };
        // SnapshotTarget an earlier try, which may have gone over the wire.
        let _ = client.delete_snapshot(self.name, &names::carried(self.beside)).await;
        let collection = client.delete_collection(self.beside).await.map(drop).map_err(anyhow::Error::from);
        for left in [snapshot, collection].into_iter().filter_map(Result::err) {
            switched.remarks.push(format!(
                "something of collection `{}`, which was only for the way, is still there: {left:#}",
                self.beside
            ));
        }
    }

    /// What to tell somebody whose collection is gone and not back yet.
    fn way_out(&self) -> String {
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
struct Taken {
    name: String,
}
