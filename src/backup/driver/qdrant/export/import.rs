//! Puts an export back as planned: each collection is loaded under a name of its own, counted, and then moved to its
//! place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;

use super::finalize::{Settling, finalize};
use super::load::{Loading, load};
use crate::backup::driver::qdrant::cancellation::{Gone, to_its_end};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::restore::aliases;
use crate::backup::driver::qdrant::restore::aliases::Done;
use crate::backup::driver::qdrant::restore::disk_space;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, Plan, Request, Restored, Step, Target};
use crate::backup::export::{Batches, Contents, Found};
use crate::backup::fingerprint::{Collection, Qdrant};
use crate::policy::Clearance;
use crate::progress::{Task, Unit};

/// Everything an import goes by.
pub(crate) struct Importing<'a> {
    pub(crate) from: &'a Contents,
    pub(crate) plan: &'a Plan,
    pub(crate) request: &'a Request,
    pub(crate) timeouts: Timeouts,
}

pub(crate) async fn import(
    target: Target<'_>,
    importing: &Importing<'_>,
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
        is_empty: importing.request.schema_only,
        snapshots: disk_space::snapshots(target.container()?),
        timeouts: importing.timeouts,
        task,
    };
    let done = to_its_end(async move |gone| work.run(&client.again().await?, &gone).await).await?;
    Ok(Restored { steps, aliases: done.aliases, remarks: done.remarks })
}

/// What goes to the thread that does it.
struct Work {
    from: Contents,
    steps: Vec<Step>,
    /// Only configurations are wanted.
    is_empty: bool,
    /// Where the server keeps snapshots, on its own file system.
    snapshots: String,
    timeouts: Timeouts,
    task: Arc<dyn Task>,
}

impl Work {
    async fn run(&self, client: &Client, gone: &Gone) -> anyhow::Result<Done> {
        let recorded = self.recorded();
        let chosen: Vec<(usize, &Found, &Step)> = self
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
        let mut done = Done::default();
        for (number, found, step) in chosen {
            self.task.detail(&step.to);
            let beside = free_name(client, step).await?;
            let loading = Loading {
                client,
                name: &beside,
                found,
                number,
                task: self.task.as_ref(),
                timeouts: &self.timeouts,
                gone,
            };
            let settling = Settling {
                client,
                step,
                beside: &beside,
                expected: &recorded.collections[&found.name],
                aliases: aliases::recorded(&recorded, step),
                snapshots: &self.snapshots,
                task: Arc::clone(&self.task),
                timeouts: self.timeouts,
                gone,
            };
            let context = || format!("collection `{}` was not restored", step.to);
            if let Err(error) = load(&loading, batches.as_mut()).await {
                let error = error.context("it could not be loaded; nothing that was there is touched");
                return Err(match client.delete_collection(&beside).await {
                    Ok(_) => error,
                    Err(left) => error.context(format!("collection `{beside}` is left half-loaded: {left}")),
                })
                .with_context(context);
            }
            let one = finalize(settling).await.with_context(context)?;
            done.aliases.extend(one.aliases);
            done.remarks.extend(one.remarks);
        }
        if let Some(batches) = &mut batches {
            batches.ended().await.context("the file has changed while it was read")?;
        }
        Ok(done)
    }

    /// What the file says, as a backup would.
    fn recorded(&self) -> Qdrant {
        let collection = |found: &Found| Collection {
            points: Some(if self.is_empty { 0 } else { found.points }),
            points_after: None,
            status: "green".to_owned(),
            unreadable: None,
            config: found.config.clone(),
            payload_schema: found.payload_schema.clone(),
            sample: None,
            mark: None,
        };
        let collections = self.from.collections.iter().map(|found| (found.name.clone(), collection(found)));
        Qdrant {
            version: self.from.server.clone().unwrap_or_default(),
            collections: collections.collect::<BTreeMap<_, _>>(),
            aliases: self.from.aliases.clone(),
        }
    }
}

/// A name that nothing has: what an earlier import has left may be all that there is of a collection, and is not loaded into.
async fn free_name(client: &Client, step: &Step) -> anyhow::Result<String> {
    let there = client.collections().await?;
    (0..60)
        .map(|attempt| names::temporary(&step.to, &["import", &step.from, &step.to, &attempt.to_string()]))
        .find(|candidate| !there.contains(candidate))
        .with_context(|| format!("no name is free to load collection `{}` beside it", step.to))
}
