//! `backup --all`: backs up every project of the engine. What fails does not stop the rest.

use serde_json::{Value, json};

use super::{chosen, plan, required};
use crate::backup::manifest::BackupRole;
use crate::backup::store::Verified;
use crate::cli::{BackupArgs, Format};
use crate::commands::all_projects::{AllProjects, OpenedProject, Unread, worst};
use crate::commands::backup_run::{self, BackupRun, Purpose, Saved};
use crate::commands::compose::store_of_volume;
use crate::commands::context::{CommandContext, ProjectContext};
use crate::commands::dry_run::DryRun;
use crate::commands::mode::{Apply, Mode};
use crate::commands::repository;
use crate::commands::{disposable, format, held_record, prune_run};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::{LocationSource, Store};
use crate::units::count;

pub(super) async fn run(
    command: &CommandContext,
    args: &BackupArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let all = AllProjects::list(command, &command.ui).await?;
    let opened = all.open().await;
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let mut shown = DryRun::new("backup --all", Vec::new());
            for one in opened.iter().filter(|one| !is_refused(one)) {
                let planned = plan(&one.cx, &stores(&one.cx), required(&one.cx, args));
                shown.changes.extend(planned.changes);
            }
            return Ok(shown.show(&command.ui, output));
        }
    };
    let mut exit = Exit::Success;
    let mut results = Vec::new();
    let (mut saved_projects, mut failed_projects) = (0, Vec::new());
    for one in &opened {
        let project = &one.known.name;
        let Outcome { saved, failures } = Box::pin(back_up(one, args, apply)).await;
        for failure in &failures {
            if matches!(failure.exit, Exit::Signal(_)) {
                return Err(Failure::new(failure.exit, "interrupted")
                    .say("Partial files were removed; nothing incomplete was left behind."));
            }
            command.ui.failure(failure);
            exit = worst(exit, failure.exit);
        }
        if failures.is_empty() {
            saved_projects += u64::from(!saved.is_empty());
        } else {
            failed_projects.push(format!("`{project}`"));
        }
        results.push(to_json(project, &saved, &failures));
    }
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-backup-all",
            "format_version": 1,
            "projects": results,
        })));
    }
    let saved = count(saved_projects, "project");
    if failed_projects.is_empty() {
        command.ui.good(format!("backed up {saved}."));
    } else {
        command.ui.warn(format!("backed up {saved}; failed: {}.", failed_projects.join(", ")));
    }
    Ok(exit)
}

/// What became of one project.
#[derive(Default)]
struct Outcome {
    saved: Vec<Saved>,
    failures: Vec<Failure>,
}

fn is_refused(one: &OpenedProject<'_>) -> bool {
    matches!(one.unread, Some(Unread::Refused(_)))
}

/// Everything that is backed up in a project: its stores, and its volumes that no known service keeps data in.
fn stores(cx: &ProjectContext<'_>) -> Vec<Store> {
    if cx.is_disposable() {
        return Vec::new();
    }
    // Without any there is nothing to do.
    let mut stores = chosen(cx, &[]).unwrap_or_default();
    let has = |volume: &str| {
        let mut places = cx.inventory.stores.iter().flat_map(|store| &store.locations);
        places.any(|place| matches!(&place.source, LocationSource::Volume { name: Some(name), .. } if name == volume))
    };
    let loose = cx
        .volumes
        .iter()
        .filter(|volume| volume.project() == Some(cx.project.name.as_str()) && !has(&volume.name));
    stores.extend(loose.map(|volume| store_of_volume(cx, volume)));
    stores.retain(|store| {
        let service = cx.settings.services.get(&store.service);
        let is_disposable = service.is_some_and(|service| service.disposable);
        !is_disposable && !store.locations.iter().all(|place| disposable::is_disposable(cx, &place.source))
    });
    stores
}

async fn back_up(one: &OpenedProject<'_>, args: &BackupArgs, apply: Apply) -> Outcome {
    let name = &one.known.name;
    if let Some(Unread::Refused(reason)) = &one.unread {
        let failure = Failure::new(Exit::BackupFailed, format!("project `{name}` was not backed up"))
            .because(anyhow::anyhow!("its Compose file cannot be read: {reason}"));
        return Outcome { saved: Vec::new(), failures: vec![failure] };
    }
    let cx = &one.cx;
    held_record::let_go(cx, apply).await;
    let stores = stores(cx);
    let purpose = Purpose {
        reason: "on request",
        role: BackupRole::Normal,
        required: required(cx, args),
        replaces_data: false,
    };
    let saved = Box::pin(async {
        let mut outcome = save(cx, apply, &stores, purpose).await;
        let made: Vec<&Verified> = outcome.saved.iter().map(|one| &one.backup).collect();
        let copied = repository::after_backups(cx, apply, &made).await;
        if !made.is_empty() {
            prune_run::after_backups(cx, apply, &made);
            repository::offload(cx, apply).await;
        }
        outcome.failures.extend(copied.err());
        Ok(outcome)
    });
    let outcome = one.recording(apply, saved, |outcome| {
        outcome.failures.first().map_or(Exit::Success, |failure| failure.exit)
    });
    let mut outcome = Box::pin(outcome).await.unwrap_or_default();
    for failure in &mut outcome.failures {
        failure.message = format!("project `{name}`: {}", failure.message);
    }
    outcome
}

async fn save(cx: &ProjectContext<'_>, apply: Apply, stores: &[Store], purpose: Purpose<'_>) -> Outcome {
    match backup_run::save_to(cx, apply, stores, purpose).await {
        Ok(BackupRun { saved, failures }) => {
            Outcome { saved, failures: failures.into_iter().map(|one| one.failure).collect() }
        }
        Err(failure) => Outcome { saved: Vec::new(), failures: vec![failure] },
    }
}

fn to_json(project: &str, saved: &[Saved], failures: &[Failure]) -> Value {
    let mut backups: Vec<_> = saved.iter().map(|one| one.backup.backup()).collect();
    // The nodes of a cluster share one.
    backups.dedup_by_key(|backup| backup.name());
    let error = |failure: &Failure| match &failure.cause {
        Some(cause) => format!("{failure}: {}", causes(cause)),
        None => failure.to_string(),
    };
    json!({
        "project": project,
        "backups": backups.into_iter().map(format::backup_json).collect::<Vec<_>>(),
        "errors": failures.iter().map(error).collect::<Vec<_>>(),
    })
}
