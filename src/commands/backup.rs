//! `safe-compose backup`: save now.

use super::context::{CommandContext, ProjectContext};
use super::{backup_run, export, format};
use crate::backup::export::Kind;
use crate::cli::{BackupArgs, BackupFormat};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::settings::Required;

pub(super) async fn run(command: &CommandContext, args: &BackupArgs) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    for service in &args.services {
        if cx.inventory.stores.iter().all(|store| store.service != *service) {
            return Err(Failure::new(
                Exit::Usage,
                format!("no service `{service}` holds data in this project"),
            )
            .say(format!("Services that do: {}.", format::services(&cx.inventory))));
        }
    }
    let mut stores = Vec::new();
    for store in cx.inventory.of_services(&args.services) {
        let running = store.is_running();
        match (store.kind, running) {
            (StoreKind::Qdrant, false) => {
                command
                    .ui
                    .warn(format!("`{}` is not running, so it cannot be asked for a backup.", store.service));
                command.ui.suggest("To start it", command.suggest.up(&store.service));
            }
            // Without a container there is nothing of it on the engine yet.
            (StoreKind::Volume, _) if store.container.is_none() => {}
            (StoreKind::Qdrant | StoreKind::Volume, _) => stores.push(store.clone()),
        }
    }
    if stores.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, "there is nothing running to back up")
            .say(format!("Services that hold data: {}.", format::services(&cx.inventory))));
    }
    let portable = match args.format {
        BackupFormat::Snapshot => None,
        BackupFormat::Json => Some(Kind::Document),
        BackupFormat::Jsonl => Some(Kind::Lines),
    };
    if let Some(kind) = portable {
        return super::interruptible(export::run(&cx, &stores, kind, args.json)).await;
    }
    let saved =
        super::interruptible(backup_run::save_to(&cx, &stores, "asked for", required(&cx, args))).await?;
    if args.json {
        let mut backups: Vec<_> = saved.iter().map(|one| one.backup.backup()).collect();
        // The nodes of a cluster have one together.
        backups.dedup_by_key(|backup| backup.name());
        let backups: Vec<_> = backups.into_iter().map(format::backup_json).collect();
        command.ui.result(format::json(&backups));
    }
    warn_of_bare(&cx, &stores);
    Ok(Exit::Success)
}

/// As far as the settings want it, and further where that was asked for.
fn required(cx: &ProjectContext<'_>, args: &BackupArgs) -> Required {
    let command = if args.prove { Required::Restored } else { Required::default() };
    command.max(cx.settings.backup.proof)
}

/// A store whose data is in the container itself can be backed up, and will be lost all the same.
fn warn_of_bare(cx: &ProjectContext<'_>, stores: &[Store]) {
    for store in stores {
        for place in &store.places {
            if place.source == crate::inventory::PlaceSource::Layer {
                cx.ui().warn(format!(
                    "`{}` keeps its data inside the container: nothing is mounted at `{}`, and the next `down` deletes it.",
                    store.service,
                    place.target.display()
                ));
            }
        }
    }
}
