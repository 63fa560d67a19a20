//! Brings a loaded collection to the name that it is to have.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::backup::driver::qdrant::aliases;
use crate::backup::driver::qdrant::client::Client;
use crate::backup::driver::qdrant::detached::Gone;
use crate::backup::driver::qdrant::patience::Patience;
use crate::backup::driver::qdrant::place::{self, Known};
use crate::backup::driver::qdrant::restore::Done;
use crate::backup::driver::qdrant::switch::{Look, Switch, is_there};
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::Collection;
use crate::progress::Task;

/// What a move goes by.
pub(super) struct Settling<'a> {
    pub(super) client: &'a Client,
    pub(super) step: &'a Step,
    /// The collection as it was loaded.
    pub(super) beside: &'a str,
    pub(super) expected: &'a Collection,
    /// The aliases that led to it.
    pub(super) aliases: BTreeSet<String>,
    /// Where the server keeps snapshots, on its own file system.
    pub(super) snapshots: &'a str,
    pub(super) task: Arc<dyn Task>,
    pub(super) patience: Patience,
    pub(super) gone: &'a Gone,
}

impl Look for Settling<'_> {
    async fn look(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
        place::verify(client, name, self.expected, self.patience, Known::Everybody).await
    }
}

pub(super) async fn settle(settling: Settling<'_>) -> anyhow::Result<Done> {
    let Settling { client, step, beside, gone, .. } = settling;
    let name = step.to.as_str();
    let is_there = is_there(client, name).await?;
    anyhow::ensure!(
        is_there == (step.action == Action::Replace),
        "a collection `{name}` has {} since the restore was planned; nothing was done to it",
        if is_there { "come into being" } else { "gone" }
    );
    let switch =
        Switch { beside, name, replaces: is_there, snapshots: settling.snapshots, task: &settling.task };
    let switched = match switch.make(client, &settling, gone).await {
        Ok(switched) => switched,
        Err(error) => {
            // The file has all of it.
            let left = switch.give_up(client, &error).await.err();
            return Err(match left {
                Some(left) => error.context(format!("collection `{beside}` is left over: {left:#}")),
                None => error,
            });
        }
    };
    let mut own = settling.aliases;
    own.retain(|alias| !switched.aliases.contains(alias));
    let mut done = Done { aliases: switched.aliases.into_iter().collect(), remarks: switched.remarks };
    aliases::bring_back(client, step, own, &mut done).await;
    done.aliases.sort();
    Ok(done)
}
