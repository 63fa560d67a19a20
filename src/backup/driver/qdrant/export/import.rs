//! Imports an export as planned: each collection is loaded under a temporary name, counted, and then renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;

use super::finalize::{FinalizeJob, finalize};
use super::load::{LoadJob, load};
use crate::backup::driver::cancellation::{Cancellation, run_to_completion};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::restore::aliases;
use crate::backup::driver::qdrant::restore::aliases::StepResult;
use crate::backup::driver::qdrant::restore::disk_space;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Restored, Step};
use crate::backup::export::{Batches, ExportContents, ExportedCollection};
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};
use crate::policy::Clearance;
use crate::progress::{Task, Unit};

/// What to import, and how.
pub(crate) struct ImportJob<'a> {
    pub(crate) from: &'a ExportContents,
    pub(crate) plan: &'a RestorePlan,
    pub(crate) options: &'a RestoreOptions,
    pub(crate) timeouts: Timeouts,
}

pub(crate) async fn import(
    target: DriverTarget<'_>,
    importing: &ImportJob<'_>,
    _: &Clearance,
) -> anyhow::Result<Restored> {
    let client = Client::connect(target).await?;
    let steps = importing.plan.steps.clone();
    let total = steps.iter().filter(|step| step.action != Action::Keep).filter_map(|step| step.count).sum();
    let title = format!("restoring from `{}`", importing.from.path.display());
    let task: Arc<dyn Task> = Arc::from(target.progress.begin(&title, Unit::Items, Some(total)));
    let work = Work {
        from: importing.from.clone(),
        steps: steps.clone(),
        is_empty: importing.options.schema_only,
        snapshots: disk_space::snapshots(target.container()?),
        timeouts: importing.timeouts,
        task,
    };
    let done = run_to_completion(async move |cancellation| work.run(&client, &cancellation).await).await?;
    Ok(Restored { steps, aliases: done.aliases, remarks: done.remarks })
}

/// What the task needs.
struct Work {
    from: ExportContents,
    steps: Vec<Step>,
    /// Only the configuration is imported.
    is_empty: bool,
    /// The server's snapshot directory, on its own file system.
    snapshots: String,
    timeouts: Timeouts,
    task: Arc<dyn Task>,
}

impl Work {
    async fn run(&self, client: &Client, cancellation: &Cancellation) -> anyhow::Result<StepResult> {
        let recorded = self.recorded();
        let chosen: Vec<(usize, &ExportedCollection, &Step)> = self
            .steps
            .iter()
            .filter(|step| step.action != Action::Keep)
            .filter_map(|step| {
                let number = self.from.collections.iter().position(|found| found.name == step.from)?;
                Some((number, &self.from.collections[number], step))
            })
            .collect();
        let numbers: BTreeSet<usize> = chosen.iter().map(|(number, _, _)| *number).collect();
        let mut batches = (!self.is_empty).then(|| Batches::read(&self.from.path, numbers));
        let mut done = StepResult::default();
        for (number, found, step) in chosen {
            self.task.detail(&step.to);
            let staged = free_name(client, step).await?;
            let loading = LoadJob {
                client,
                name: &staged,
                found,
                number,
                task: self.task.as_ref(),
                timeouts: &self.timeouts,
                cancellation,
            };
            let settling = FinalizeJob {
                client,
                step,
                staged: &staged,
                expected: &recorded.collections[&found.name],
                aliases: aliases::recorded(&recorded, step),
                snapshots: &self.snapshots,
                task: Arc::clone(&self.task),
                timeouts: self.timeouts,
                cancellation,
            };
            let context = || format!("collection `{}` was not restored", step.to);
            if let Err(error) = load(&loading, batches.as_mut()).await {
                let error = error.context("it could not be loaded; existing data was not touched");
                return Err(match client.delete_collection(&staged).await {
                    Ok(_) => error,
                    Err(left) => error.context(format!(
                        "the incomplete collection `{staged}` was left on the server: {left}"
                    )),
                })
                .with_context(context);
            }
            let one = finalize(settling).await.with_context(context)?;
            done.aliases.extend(one.aliases);
            done.remarks.extend(one.remarks);
        }
        if let Some(batches) = &mut batches {
            batches.ended().await.context("the file changed while it was being read")?;
        }
        Ok(done)
    }

    /// The contents of the file, in the form of a fingerprint.
    fn recorded(&self) -> QdrantFingerprint {
        let collection = |found: &ExportedCollection| CollectionFingerprint {
            points: Some(if self.is_empty { 0 } else { found.points }),
            points_after: None,
            status: "green".to_owned(),
            unreadable: None,
            config: found.config.clone(),
            payload_schema: found.payload_schema.clone(),
            sample: None,
            write_position: None,
        };
        let collections = self.from.collections.iter().map(|found| (found.name.clone(), collection(found)));
        QdrantFingerprint {
            version: self.from.server.clone().unwrap_or_default(),
            collections: collections.collect::<BTreeMap<_, _>>(),
            aliases: self.from.aliases.clone(),
        }
    }
}

/// A free name. What an earlier import left may be the only copy of a collection, so it is not reused.
async fn free_name(client: &Client, step: &Step) -> anyhow::Result<String> {
    let there = client.collections().await?;
    (0..60)
        .map(|attempt| names::temporary(&step.to, &["import", &step.from, &step.to, &attempt.to_string()]))
        .find(|candidate| !there.contains(candidate))
        .with_context(|| format!("no name is free for the temporary copy of collection `{}`", step.to))
}
