//! Brings a loaded collection to the name that it is to have.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::backup::driver::qdrant::cancellation::Gone;
use crate::backup::driver::qdrant::restore::aliases;
use crate::backup::driver::qdrant::restore::aliases::Done;
use crate::backup::driver::qdrant::restore::exists::is_there;
use crate::backup::driver::qdrant::restore::stage::{self, Known};
use crate::backup::driver::qdrant::restore::swap::{Look, Switch};
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::Collection;
use crate::progress::Task;

/// What a move goes by.
pub(crate) struct Settling<'a> {
    pub(crate) client: &'a Client,
    pub(crate) step: &'a Step,
    /// The collection as it was loaded.
    pub(crate) beside: &'a str,
    pub(crate) expected: &'a Collection,
    /// The aliases that led to it.
    pub(crate) aliases: BTreeSet<String>,
    /// Where the server keeps snapshots, on its own file system.
    pub(crate) snapshots: &'a str,
    pub(crate) task: Arc<dyn Task>,
    pub(crate) timeouts: Timeouts,
    pub(crate) gone: &'a Gone,
}

impl Look for Settling<'_> {
    async fn look(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
        stage::verify(client, name, self.expected, self.timeouts, Known::Everybody).await
    }
}

pub(crate) async fn finalize(settling: Settling<'_>) -> anyhow::Result<Done> {
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
