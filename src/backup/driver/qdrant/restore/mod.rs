//! Puts a backup back as planned.
//!
//! What is new goes to its place and is counted there. What is to be replaced stays until the backup has been uploaded
//! beside it and found whole; then they are switched. A restore that was cut off goes on where it was: what lies beside
//! has a name of this backup and this collection alone.

pub(crate) mod aliases;
mod changes;
mod copy;
pub(crate) mod disk_space;
pub(crate) mod exists;
pub(crate) mod plan;
pub(crate) mod proof;
pub(crate) mod schema;
mod sending;
mod shards;
mod source;
pub(crate) mod stage;
pub(crate) mod swap;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;

use crate::backup::driver::qdrant::cancellation::{Gone, Interrupted, to_its_end};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, Plan, Request, Restored, Step, Target};
use crate::backup::fingerprint::{Collection, Qdrant};
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::{Task, Unit};
use aliases::Done;
use exists::{is_there, still_free};
use source::{beside, bytes_of, recorded, snapshot};
use stage::{Known, Snapshot};
use swap::{Look, Switch};

/// Everything a restore goes by.
pub(crate) struct Restoring<'a> {
    pub(crate) from: &'a Backup,
    pub(crate) plan: &'a Plan,
    pub(crate) request: &'a Request,
    pub(crate) timeouts: Timeouts,
}

pub(crate) async fn restore(
    target: Target<'_>,
    restoring: &Restoring<'_>,
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

/// What other restores have left beside these collections. It may be all that there is of one, so it stays.
async fn left_over(client: &Client, steps: &[Step]) -> Vec<String> {
    let there = client.collections().await.unwrap_or_default();
    let of_a_step = |name: &&String| steps.iter().any(|step| names::is_temporary(name, &step.to));
    there
        .iter()
        .filter(of_a_step)
        .map(|name| format!("collection `{name}` is left over from a restore that was cut off; delete it when nothing is missing"))
        .collect()
}

async fn one(
    target: Target<'_>,
    client: &Arc<Client>,
    restoring: &Restoring<'_>,
    step: &Step,
    recorded: &Qdrant,
) -> anyhow::Result<Done> {
    let expected = recorded
        .collections
        .get(&step.from)
        .with_context(|| format!("the backup says nothing of collection `{}`", step.from))?;
    let own_aliases = aliases::recorded(recorded, step);
    let title = format!("restoring collection `{}`", step.to);
    let shared = Arc::clone(client);
    let step = step.clone();
    if restoring.request.schema_only {
        let task = target.progress.begin(&title, Unit::Time, None);
        let expected = expected.clone();
        return to_its_end(async move |_| {
            let done = empty(&shared.again().await?, &step, &expected, own_aliases).await?;
            task.finish(&format!("created collection `{}`, empty", step.to));
            Ok(done)
        })
        .await;
    }
    let bytes = bytes_of(restoring.from, &step.from)?;
    let task: Arc<dyn Task> = Arc::from(target.progress.begin(&title, Unit::Bytes, Some(bytes)));
    let snapshot = snapshot(restoring.from, &step.from, expected, task, restoring.timeouts)?;
    let beside = beside(restoring.from, &step.from, &step.to)?;
    let snapshots = disk_space::snapshots(target.container()?);
    to_its_end(async move |gone| {
        let client = shared.again().await?;
        let way = Way { step: &step, snapshot: &snapshot, beside: &beside, snapshots: &snapshots };
        way.go(&client, own_aliases, &gone).await
    })
    .await
}

/// How one collection gets to its place.
struct Way<'a> {
    step: &'a Step,
    snapshot: &'a Snapshot,
    beside: &'a str,
    snapshots: &'a str,
}

impl Look for Way<'_> {
    /// Where everybody knows the name, more points than expected are somebody's.
    async fn look(&self, client: &Client, name: &str) -> anyhow::Result<Vec<String>> {
        let known = if name == self.beside { Known::Nobody } else { Known::Everybody };
        stage::verify(client, name, &self.snapshot.expected, self.snapshot.timeouts, known).await
    }
}

impl Way<'_> {
    async fn go(&self, client: &Client, own: BTreeSet<String>, gone: &Gone) -> anyhow::Result<Done> {
        let switch = Switch {
            beside: self.beside,
            name: &self.step.to,
            replaces: self.step.action != Action::Create,
            snapshots: self.snapshots,
            task: &self.snapshot.task,
        };
        let waits = is_there(client, self.beside).await?;
        let mut own = own;
        let mut done = match self.step.action {
            Action::Keep => return Ok(Done::default()),
            Action::Create if !waits => {
                still_free(client, &self.step.to).await?;
                let remarks =
                    stage::put(client, &self.step.to, self.snapshot, Known::Everybody, gone).await?;
                Done { aliases: Vec::new(), remarks }
            }
            Action::Finish => switched(switch.resume(client, self).await?, &mut own),
            Action::Create | Action::Replace => {
                if self.step.action == Action::Create {
                    still_free(client, &self.step.to).await?;
                }
                self.lay_beside(client, waits, gone).await?;
                let made = switch.make(client, self, gone).await;
                let made = match made {
                    // Nothing was begun yet, so that nothing of ours has to stay.
                    Err(error) if error.is::<Interrupted>() => {
                        client.delete_collection(self.beside).await?;
                        return Err(error);
                    }
                    made => made?,
                };
                switched(made, &mut own)
            }
        };
        aliases::bring_back(client, self.step, own, &mut done).await;
        done.aliases.sort();
        Ok(done)
    }

    /// The backup beside the collection, whole. What an earlier try has put there is taken when it is.
    async fn lay_beside(&self, client: &Client, waits: bool, gone: &Gone) -> anyhow::Result<()> {
        let what =
            "the backup was put beside it to be tried, and is not whole there; the collection is untouched";
        if waits {
            if self.look(client, self.beside).await.is_ok() {
                tracing::debug!(self.beside, "an earlier restore has put it there");
                return Ok(());
            }
            client.delete_collection(self.beside).await.context(what)?;
        }
        stage::put(client, self.beside, self.snapshot, Known::Nobody, gone).await.context(what).map(drop)
    }
}

/// The aliases that the switch has led are back already.
fn switched(switched: swap::Switched, own: &mut BTreeSet<String>) -> Done {
    own.retain(|alias| !switched.aliases.contains(alias));
    Done { aliases: switched.aliases.into_iter().collect(), remarks: switched.remarks }
}

async fn empty(
    client: &Client,
    step: &Step,
    expected: &Collection,
    own: BTreeSet<String>,
) -> anyhow::Result<Done> {
    still_free(client, &step.to).await?;
    let remarks = schema::create(client, &step.to, expected).await?;
    let mut done = Done { aliases: Vec::new(), remarks };
    aliases::bring_back(client, step, own, &mut done).await;
    Ok(done)
}
