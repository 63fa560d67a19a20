//! `safe-compose backup`: save now.

use super::stack::{Asked, Stack};
use super::{describe, export, saving};
use crate::backup::export::Kind;
use crate::cli::{Backup, Written};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::settings::Required;

pub(super) async fn run(asked: &Asked, args: &Backup) -> Result<Exit, Failure> {
    let stack = Stack::gather(asked).await?;
    for service in &args.services {
        if stack.inventory.stores.iter().all(|store| store.service != *service) {
            return Err(Failure::new(
                Exit::Usage,
                format!("no service `{service}` holds data in this project"),
            )
            .say(format!("Services that do: {}.", describe::services(&stack.inventory))));
        }
    }
    let mut stores = Vec::new();
    for store in stack.inventory.of_services(&args.services) {
        let running = store.is_running();
        match (store.kind, running) {
            (StoreKind::Qdrant, false) => asked.ui.warn(format!(
                "`{}` is not running, so it cannot be asked for a backup. Start it: {}",
                store.service,
                asked.suggest.up(&store.service)
            )),
            // Without a container there is nothing of it on the engine yet.
            (StoreKind::Volume, _) if store.container.is_none() => {}
            (StoreKind::Qdrant | StoreKind::Volume, _) => stores.push(store.clone()),
        }
    }
    if stores.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, "there is nothing running to back up")
            .say(format!("Services that hold data: {}.", describe::services(&stack.inventory))));
    }
    let portable = match args.format {
        Written::Snapshot => None,
        Written::Json => Some(Kind::Document),
        Written::Jsonl => Some(Kind::Lines),
    };
    if let Some(kind) = portable {
        return super::interruptible(export::run(&stack, &stores, kind, args.json)).await;
    }
    let saved =
        super::interruptible(saving::save_to(&stack, &stores, "asked for", required(&stack, args))).await?;
    if args.json {
        let mut backups: Vec<_> = saved.iter().map(|one| one.backup.backup()).collect();
        // The nodes of a cluster have one together.
        backups.dedup_by_key(|backup| backup.name());
        let backups: Vec<_> = backups.into_iter().map(describe::backup_json).collect();
        asked.ui.result(describe::json(&backups));
    }
    warn_of_bare(&stack, &stores);
    Ok(Exit::Success)
}

/// As far as the settings want it, and further where that was asked for.
fn required(stack: &Stack<'_>, args: &Backup) -> Required {
    let asked = if args.prove { Required::Restored } else { Required::default() };
    asked.max(stack.settings.backup.proof)
}

/// A store whose data is in the container itself can be backed up, and will be lost all the same.
fn warn_of_bare(stack: &Stack<'_>, stores: &[Store]) {
    for store in stores {
        for place in &store.places {
            if place.source == crate::inventory::PlaceSource::Layer {
                stack.ui().warn(format!(
                    "`{}` keeps its data inside the container: nothing is mounted at `{}`, and the next `down` deletes it.",
                    store.service,
                    place.target.display()
                ));
            }
        }
    }
}
