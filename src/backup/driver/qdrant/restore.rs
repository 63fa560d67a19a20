//! Puts a backup back as planned.
//!
//! What is new goes to its place and is counted there. What is to be replaced stays until the backup has been uploaded
//! beside it and found whole. From the moment the old one is deleted nothing stops us but an error, and then what was
//! uploaded beside stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};

use super::changes::Change;
use super::client::Client;
use super::detached::{Gone, to_its_end};
use super::patience::Patience;
use super::place::{self, Known, Snapshot};
use super::plan::{links_of, recorded};
use super::{aliases, names, schema};
use crate::backup::driver::{Action, Plan, Request, Restored, Step, Target};
use crate::backup::fingerprint::{Collection, Qdrant};
use crate::backup::store::Backup;
use crate::policy::Clearance;
use crate::progress::{Task, Unit};

/// Everything a restore goes by.
pub(super) struct Restoring<'a> {
    pub(super) from: &'a Backup,
    pub(super) plan: &'a Plan,
    pub(super) request: &'a Request,
    pub(super) patience: Patience,
}

pub(super) async fn restore(
    target: Target<'_>,
    restoring: &Restoring<'_>,
    _: &Clearance,
) -> anyhow::Result<Restored> {
    let recorded = recorded(restoring.from)?;
    let client = Client::connect(target).await?;
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
    Ok(restored)
}

/// What one step has brought back beside the collection.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) aliases: Vec<String>,
    pub(super) remarks: Vec<String>,
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
    let mut links = links_of(restoring.from, &step.from)?.into_iter();
    let (file, artifact) = links.next().expect("the first link is the snapshot");
    let changes: Vec<Change> = links.filter_map(|(file, artifact)| Change::of(file, artifact)).collect();
    let uploads = if step.action == Action::Replace { 2 } else { 1 };
    let task: Arc<dyn Task> =
        Arc::from(target.progress.begin(&title, Unit::Bytes, Some(artifact.bytes * uploads)));
    let snapshot = Snapshot {
        file,
        sha256: artifact.sha256.clone(),
        changes,
        expected: expected.clone(),
        task,
        patience: restoring.patience,
    };
    let directory = restoring.from.directory.clone();
    to_its_end(async move |gone| {
        let client = shared.again().await?;
        match step.action {
            Action::Create => create(&client, &step, &snapshot, own_aliases, &gone).await,
            Action::Replace => replace(&client, &step, &snapshot, own_aliases, &gone, &directory).await,
            Action::Keep => Ok(Done::default()),
        }
    })
    .await
}

async fn is_there(client: &Client, name: &str) -> anyhow::Result<bool> {
    Ok(client.collections().await?.iter().any(|one| one == name))
}

/// Between the plan and now somebody may have made one of that name.
async fn still_free(client: &Client, name: &str) -> anyhow::Result<()> {
    if is_there(client, name).await? {
        bail!(
            "a collection `{name}` has come into being since the restore was planned; nothing was done to it"
        );
    }
    Ok(())
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

async fn create(
    client: &Client,
    step: &Step,
    snapshot: &Snapshot,
    own: BTreeSet<String>,
    gone: &Gone,
) -> anyhow::Result<Done> {
    still_free(client, &step.to).await?;
    let remarks = place::put(client, &step.to, snapshot, Known::Everybody, gone).await?;
    let mut done = Done { aliases: Vec::new(), remarks };
    aliases::bring_back(client, step, own, &mut done).await;
    Ok(done)
}

async fn replace(
    client: &Client,
    step: &Step,
    snapshot: &Snapshot,
    own: BTreeSet<String>,
    gone: &Gone,
    directory: &Path,
) -> anyhow::Result<Done> {
    let name = step.to.as_str();
    let beside = free_name(client, name).await?;
    place::put(client, &beside, snapshot, Known::Nobody, gone).await.context(
        "the backup was put beside it to be tried, and is not whole there; the collection is untouched",
    )?;
    let led_here: BTreeMap<String, String> = match client.aliases().await {
        Ok(aliases) => aliases.into_iter().filter(|(_, collection)| collection == name).collect(),
        Err(error) => {
            client.delete_collection(&beside).await?;
            return Err(error.into());
        }
    };
    let _committed = match gone.commit() {
        Ok(committed) => committed,
        Err(interrupted) => {
            client.delete_collection(&beside).await?;
            return Err(interrupted.into());
        }
    };
    snapshot.task.detail("switching");
    if let Err(error) = client.delete_collection(name).await {
        let untouched = is_there(client, name).await.unwrap_or(false);
        return Err(anyhow::Error::from(error).context(if untouched {
            let _ = client.delete_collection(&beside).await;
            "the collection cannot be replaced, and is untouched".to_owned()
        } else {
            way_out(name, &beside, directory)
        }));
    }
    let put = place::try_put(client, name, snapshot, Known::Everybody, &Gone::never()).await;
    let remarks = put.map_err(|error| error.context(way_out(name, &beside, directory)))?;
    let mut done = Done { aliases: Vec::new(), remarks };
    // The server drops the aliases of what is deleted, those too that are younger than the backup.
    let own = own.into_iter().chain(led_here.into_keys()).collect();
    aliases::bring_back(client, step, own, &mut done).await;
    if let Err(error) = client.delete_collection(&beside).await {
        done.remarks
            .push(format!("collection `{beside}`, which was only for the way, is still there: {error}"));
    }
    Ok(done)
}

async fn free_name(client: &Client, name: &str) -> anyhow::Result<String> {
    let there = client.collections().await?;
    let now = jiff::Timestamp::now();
    (0..60)
        .map(|ahead| names::temporary(name, now + jiff::SignedDuration::from_secs(ahead)))
        .find(|candidate| !there.contains(candidate))
        .ok_or_else(|| anyhow!("no name is free to put the backup beside collection `{name}`"))
}

/// What to tell somebody whose collection is gone and not back yet.
fn way_out(name: &str, beside: &str, directory: &Path) -> String {
    format!(
        "collection `{name}` was deleted to be replaced, and putting the backup in its place failed. Nothing is lost: \
         collection `{beside}` on the server has all of it, and so has `{}`. Restore once more, or lead an alias `{name}` \
         to `{beside}`",
        directory.display()
    )
}
