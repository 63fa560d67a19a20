//! Restores a backup as planned.
//!
//! A new collection is restored under its name and counted. An existing collection is kept until the backup has been
//! staged as a temporary collection and verified; then the two are swapped. An interrupted restore can be resumed: the
//! name of the temporary collection depends on the backup and the collection only.

pub(crate) mod aliases;
mod copy;
pub(crate) mod disk_space;
pub(crate) mod exists;
mod increments;
pub(crate) mod plan;
pub(crate) mod schema;
mod send_file;
mod shards;
mod source;
pub(crate) mod stage;
pub(crate) mod swap;
pub(crate) mod test_restore;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;

use crate::backup::driver::cancellation::{Cancellation, Interrupted, run_to_completion};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Restored, Step};
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::{Task, Unit};
use aliases::StepResult;
use exists::{exists, still_free};
use source::{bytes_of, recorded, snapshot, staged};
use stage::{Snapshot, Visibility};
use swap::{CollectionCheck, Swap};

/// What to restore, and how.
pub(crate) struct RestoreJob<'a> {
    pub(crate) from: &'a Backup,
    pub(crate) plan: &'a RestorePlan,
    pub(crate) options: &'a RestoreOptions,
    pub(crate) timeouts: Timeouts,
}

pub(crate) async fn restore(
    target: DriverTarget<'_>,
    restoring: &RestoreJob<'_>,
    _: &Clearance,
) -> anyhow::Result<Restored> {
    let recorded = recorded(restoring.from)?;
    let client = Client::connect_all(target).await?;
    let mut restored =
        Restored { steps: restoring.plan.steps.clone(), aliases: Vec::new(), remarks: Vec::new() };
    for step in &restoring.plan.steps {
        if step.action == Action::Keep {
            continue;
        }
        let done = one(target, &client, restoring, step, recorded).await;
        let done = done.with_context(|| format!("collection `{}` was not restored", step.to))?;
        restored.aliases.extend(done.aliases);
        restored.remarks.extend(done.remarks);
    }
    restored.remarks.extend(left_over(&client, &restored.steps).await);
    Ok(restored)
}

/// Temporary collections that other restores left. One may be the only copy of a collection, so they are kept.
async fn left_over(client: &Client, steps: &[Step]) -> Vec<String> {
    let there = client.collections().await.unwrap_or_default();
    let of_a_step = |name: &&String| steps.iter().any(|step| names::is_temporary(name, &step.to));
    there
        .iter()
        .filter(of_a_step)
        .map(|name| format!("collection `{name}` is left over from an interrupted restore; delete it if nothing is missing"))
        .collect()
}

async fn one(
    target: DriverTarget<'_>,
    client: &Arc<Client>,
    restoring: &RestoreJob<'_>,
    step: &Step,
    recorded: &QdrantFingerprint,
) -> anyhow::Result<StepResult> {
    let expected = recorded
        .collections
        .get(&step.from)
        .with_context(|| format!("the backup does not contain collection `{}`", step.from))?;
    let own_aliases = aliases::recorded(recorded, step);
    let title = format!("restoring collection `{}`", step.to);
    let shared = Arc::clone(client);
    let step = step.clone();
    if restoring.options.schema_only {
        let task = target.progress.begin(&title, Unit::Time, None);
        let expected = expected.clone();
        return run_to_completion(async move |_| {
            let done = empty(&shared, &step, &expected, own_aliases).await?;
            task.finish(&format!("created empty collection `{}`", step.to));
            Ok(done)
        })
        .await;
    }
    let bytes = bytes_of(restoring.from, &step.from)?;
    let task: Arc<dyn Task> = Arc::from(target.progress.begin(&title, Unit::Bytes, Some(bytes)));
    let snapshot = snapshot(restoring.from, &step.from, expected, task, restoring.timeouts)?;
    let staged = staged(restoring.from, &step.from, &step.to)?;
    let snapshots = disk_space::snapshots(target.container()?);
    run_to_completion(async move |cancellation| {
        let client = shared;
        let way = StepRun { step: &step, snapshot: &snapshot, staged: &staged, snapshots: &snapshots };
        way.go(&client, own_aliases, &cancellation).await
    })
    .await
}

/// One step of a restore.
struct StepRun<'a> {
    step: &'a Step,
    snapshot: &'a Snapshot,
    staged: &'a str,
    snapshots: &'a str,
}

impl CollectionCheck for StepRun<'_> {
    /// An application may write to a collection under its final name.
    async fn check(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
        let known = if name == self.staged { Visibility::Private } else { Visibility::Public };
        stage::verify(client, name, &self.snapshot.expected, self.snapshot.timeouts, known).await
    }
}

impl StepRun<'_> {
    async fn go(
        &self,
        client: &Client,
        own: BTreeSet<String>,
        cancellation: &Cancellation,
    ) -> anyhow::Result<StepResult> {
        let swap = Swap {
            staged: self.staged,
            name: &self.step.to,
            replaces: self.step.action != Action::Create,
            snapshots: self.snapshots,
            task: &self.snapshot.task,
        };
        let waits = exists(client, self.staged).await?;
        let mut own = own;
        let mut done = match self.step.action {
            Action::Keep => return Ok(StepResult::default()),
            Action::Create if !waits => {
                still_free(client, &self.step.to).await?;
                let remarks =
                    stage::put(client, &self.step.to, self.snapshot, Visibility::Public, cancellation)
                        .await?;
                StepResult { aliases: Vec::new(), remarks }
            }
            Action::Finish => swapped(swap.resume(client, self).await?, &mut own),
            Action::Create | Action::Replace => {
                if self.step.action == Action::Create {
                    still_free(client, &self.step.to).await?;
                }
                self.stage(client, waits, cancellation).await?;
                let made = swap.run(client, self, cancellation).await;
                let made = match made {
                    // Nothing was replaced yet, so nothing has to be kept.
                    Err(error) if error.is::<Interrupted>() => {
                        client.delete_collection(self.staged).await?;
                        return Err(error);
                    }
                    made => made?,
                };
                swapped(made, &mut own)
            }
        };
        aliases::restore_aliases(client, self.step, own, &mut done).await;
        done.aliases.sort();
        Ok(done)
    }

    /// Stages the backup as a temporary collection. One that an earlier attempt staged is used if it is complete.
    async fn stage(&self, client: &Client, waits: bool, cancellation: &Cancellation) -> anyhow::Result<()> {
        let what = "the backup could not be staged; the collection was not touched";
        if waits {
            if self.check(client, self.staged).await.is_ok() {
                tracing::debug!(self.staged, "an earlier restore has staged it");
                return Ok(());
            }
            client.delete_collection(self.staged).await.context(what)?;
        }
        stage::put(client, self.staged, self.snapshot, Visibility::Private, cancellation)
            .await
            .context(what)
            .map(drop)
    }
}

/// The aliases that the swap moved are restored already.
fn swapped(swapped: swap::SwapResult, own: &mut BTreeSet<String>) -> StepResult {
    own.retain(|alias| !swapped.aliases.contains(alias));
    StepResult { aliases: swapped.aliases.into_iter().collect(), remarks: swapped.remarks }
}

async fn empty(
    client: &Client,
    step: &Step,
    expected: &CollectionFingerprint,
    own: BTreeSet<String>,
) -> anyhow::Result<StepResult> {
    still_free(client, &step.to).await?;
    let remarks = schema::create(client, &step.to, expected).await?;
    let mut done = StepResult { aliases: Vec::new(), remarks };
    aliases::restore_aliases(client, step, own, &mut done).await;
    Ok(done)
}
