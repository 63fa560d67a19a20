//! Gives a loaded collection its final name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::restore::aliases;
use crate::backup::driver::qdrant::restore::aliases::StepResult;
use crate::backup::driver::qdrant::restore::exists::exists;
use crate::backup::driver::qdrant::restore::stage::{self, Visibility};
use crate::backup::driver::qdrant::restore::swap::{CollectionCheck, Swap};
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::CollectionFingerprint;
use crate::progress::Task;

/// A collection to finalize.
pub(crate) struct FinalizeJob<'a> {
    pub(crate) client: &'a Client,
    pub(crate) step: &'a Step,
    /// The temporary name that it was loaded under.
    pub(crate) staged: &'a str,
    pub(crate) expected: &'a CollectionFingerprint,
    /// The aliases that pointed to it.
    pub(crate) aliases: BTreeSet<String>,
    /// The server's snapshot directory, on its own file system.
    pub(crate) snapshots: &'a str,
    pub(crate) task: Arc<dyn Task>,
    pub(crate) timeouts: Timeouts,
    pub(crate) cancellation: &'a Cancellation,
}

impl CollectionCheck for FinalizeJob<'_> {
    async fn check(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
        stage::verify(client, name, self.expected, self.timeouts, Visibility::Public).await
    }
}

pub(crate) async fn finalize(settling: FinalizeJob<'_>) -> anyhow::Result<StepResult> {
    let FinalizeJob { client, step, staged, cancellation, .. } = settling;
    let name = step.to.as_str();
    let exists = exists(client, name).await?;
    anyhow::ensure!(
        exists == (step.action == Action::Replace),
        "collection `{name}` was {} after the restore was planned; it was not touched",
        if exists { "created" } else { "deleted" }
    );
    let swap = Swap { staged, name, replaces: exists, snapshots: settling.snapshots, task: &settling.task };
    let swapped = match swap.run(client, &settling, cancellation).await {
        Ok(swapped) => swapped,
        Err(error) => {
            // The file has all of the data.
            let left = swap.clean_up_failed(client, &error).await.err();
            return Err(match left {
                Some(left) => {
                    error.context(format!("collection `{staged}` was left on the server: {left:#}"))
                }
                None => error,
            });
        }
    };
    let mut own = settling.aliases;
    own.retain(|alias| !swapped.aliases.contains(alias));
    let mut done = StepResult { aliases: swapped.aliases.into_iter().collect(), remarks: swapped.remarks };
    aliases::restore_aliases(client, step, own, &mut done).await;
    done.aliases.sort();
    Ok(done)
}
