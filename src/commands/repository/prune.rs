//! `safe-compose repository prune`: removes backups from the repository by the rules for the ones on this machine.

use jiff::Timestamp;
use serde_json::json;

use super::access;
use crate::backup::repository::{OpenRepository, RepositoryAccess, RepositorySnapshot};
use crate::backup::retention::{self, UnresolvedLosses};
use crate::backup::store::{Backup, BackupRoot, StoreError};
use crate::cli::Format;
use crate::commands::command_context::CommandContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::format;
use crate::commands::mode::Mode;
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::{Progress as _, Unit};
use crate::settings::RetentionSettings;
use crate::units::count;

pub(super) async fn run(
    command: &CommandContext,
    (root, keep): (&BackupRoot, RetentionSettings),
    access: RepositoryAccess,
    (mode, output): (Mode, Format),
) -> Result<Exit, Failure> {
    let failed = |error| super::failed("the repository was not pruned", error);
    let (repository, all) = access::open(access.clone()).await.map_err(failed)?;
    let removed =
        to_remove((root, &command.env.host_name), keep, &all).map_err(|error| failed(error.into()))?;
    let apply = match mode {
        Mode::DryRun => {
            let change = |one: &RepositorySnapshot| {
                PlannedChange::new("remove", format!("backup `{}`", one.stored.name))
                    .with(format!("snapshot {} of {}", one.id, access.location))
            };
            let changes = removed.iter().map(change).collect();
            return Ok(DryRun::new("repository prune", changes).show(&command.ui, output));
        }
        Mode::Apply(apply) => apply,
    };
    let names: Vec<String> = removed.iter().map(|one| one.stored.name.clone()).collect();
    for name in &names {
        command.record.will(format!("removes backup {name} from {}", access.location));
    }
    command.record.begin(apply);
    let task = command.ui.meter().begin("pruning the repository", Unit::Time, None);
    let name = access.location.to_string();
    let (pruned, left) = access::blocking(move || {
        let forgotten = repository.forget(&removed.iter().collect::<Vec<_>>());
        let pruned = forgotten.and_then(|()| repository.prune());
        let left = if pruned.is_err() { still_there(&repository, &removed) } else { Vec::new() };
        (pruned, left)
    })
    .await;
    drop(task);
    pruned.map_err(|error| {
        let failure = failed(error);
        let failure = match left.as_slice() {
            [] if names.is_empty() => failure,
            [] => failure.say("The backups were removed, and their data was not."),
            left => failure.say(format!("Not removed: {}.", left.join(", "))),
        };
        failure.say("A server that only lets backups be added refuses this.")
    })?;
    if names.is_empty() {
        command.ui.good(format!("the settings keep every backup in {name}."));
    } else {
        command.ui.good(format!("removed {} from {name}.", count(names.len() as u64, "backup")));
    }
    command.ui.say(
        "Data that no backup needs any more is removed by a later prune, a day from now at the earliest.",
    );
    if output == Format::Json {
        command.ui.result(format::json(&json!({ "removed": names })));
    }
    Ok(Exit::Success)
}

/// Which of these backups the repository still has; all of them if it does not say.
fn still_there(repository: &OpenRepository, removed: &[RepositorySnapshot]) -> Vec<String> {
    let left = repository.backups();
    let is_left = |one: &&RepositorySnapshot| {
        left.as_ref().map_or(true, |left| left.iter().any(|known| known.id == one.id))
    };
    removed.iter().filter(is_left).map(|one| format!("`{}`", one.stored.name)).collect()
}

/// The backups of this project and this machine that the settings do not keep.
fn to_remove(
    (root, host): (&BackupRoot, &str),
    keep: RetentionSettings,
    all: &[RepositorySnapshot],
) -> Result<Vec<RepositorySnapshot>, StoreError> {
    let is_own = |one: &&RepositorySnapshot| {
        one.host == host && root.owner().is_some_and(|owner| owner.owns(&one.stored.manifest))
    };
    let own: Vec<&RepositorySnapshot> = all.iter().filter(is_own).collect();
    let backup = |one: &&RepositorySnapshot| {
        Backup::elsewhere(root, &one.stored.store, &one.stored.name, (*one.stored.manifest).clone())
    };
    let backups: Vec<Backup> = own.iter().map(backup).collect::<Result<_, _>>()?;
    let losses = UnresolvedLosses::read(root, &backups);
    let plans = retention::by_service(&backups, keep, &losses, Timestamp::now());
    // What is listed here has its files there.
    let is_needed = |backup: &Backup| backup.is_pinned || backup.is_offloaded;
    let removed: Vec<String> =
        plans.removed().filter(|backup| !is_needed(backup)).map(|backup| backup.name()).collect();
    Ok(own.into_iter().filter(|one| removed.contains(&one.stored.name)).cloned().collect())
}
