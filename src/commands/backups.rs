//! `safe-compose backups`: list, inspect and prune backups.

mod all;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use super::context::{self, CommandContext, OwnBackups};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use crate::backup::manifest::BackupRole;
use crate::backup::retention::{self, Plans};
use crate::backup::set::{self, BackupSet};
use crate::backup::store::{Backup, BackupRoot, Listing, StoreError};
use crate::cli::{BackupsAction, BackupsArgs, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Column, Table};
use crate::units::{Bytes, count};

const COLUMNS: &[Column] = &[
    Column::fixed("BACKUP"),
    Column::fixed("CREATED"),
    Column::detail("CONTENTS"),
    Column::fixed("SIZE"),
    Column::fixed("PROOF"),
    Column::extra("REASON"),
];

const SET_COLUMNS: &[Column] = &[
    Column::fixed("BACKUP SET"),
    Column::fixed("CREATED"),
    Column::detail("SERVICES"),
    Column::extra("REASON"),
];

pub(super) async fn run(
    command: &CommandContext,
    args: &BackupsArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    if let Some(BackupsAction::Prune(prune)) = &args.action
        && prune.all.all
    {
        return all::prune(command, mode, output).await;
    }
    let OwnBackups { settings, root } = context::own_backups(command).await?;
    match args.action.as_ref().unwrap_or(&BackupsAction::List) {
        BackupsAction::List => list(command, &root, args.all_projects, output),
        BackupsAction::Show { backup } => show(command, &root, backup, output),
        BackupsAction::Prune(_) => {
            let listing = listing(&root)?;
            let plans = retention::by_service(&listing.backups, settings.backup.keep, Timestamp::now());
            match mode {
                Mode::DryRun => Ok(dry_run(&plans).show(&command.ui, output)),
                Mode::Apply(apply) => prune(command, &root, &plans, (apply, output)),
            }
        }
    }
}

fn listing(root: &BackupRoot) -> Result<Listing, Failure> {
    root.list(None)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))
}

fn list(
    command: &CommandContext,
    root: &BackupRoot,
    all_projects: bool,
    format: Format,
) -> Result<Exit, Failure> {
    let listing = if all_projects { listing(&root.clone().of_all())? } else { listing(root)? };
    if format == Format::Json {
        let sets = set::list(root);
        let backups: Vec<_> = listing
            .backups
            .iter()
            .map(|backup| {
                let mut value = format::backup_json(backup);
                value["sets"] = names_of_sets(&sets, backup).into();
                value
            })
            .collect();
        command.ui.result(format::json(&backups));
        return Ok(Exit::Success);
    }
    if listing.backups.is_empty() {
        let of = match root.owner() {
            Some(owner) if !listing.others.is_empty() => format!(" of project `{}`", owner.project),
            Some(_) | None => String::new(),
        };
        command.ui.paragraph(format!("No backups{of} in {}.", format::short_path(root.directory())));
    } else if all_projects {
        let mut columns = COLUMNS.to_vec();
        columns.insert(1, Column::name("PROJECT"));
        let rows = listing.backups.iter().map(|backup| {
            let mut row = row(backup);
            let engine = if root.is_foreign(backup)
                && root.owner().is_some_and(|owner| owner.project == backup.manifest.project)
            {
                " (another engine)"
            } else {
                ""
            };
            row.insert(1, format!("{}{engine}", backup.manifest.project));
            row
        });
        command.ui.result(Table::new(&columns, rows.collect()));
    } else {
        let rows: Vec<Vec<String>> = listing.backups.iter().map(row).collect();
        command.ui.result(Table::new(COLUMNS, rows));
    }
    list_sets(command, root);
    for warning in clock_warnings(&listing.backups) {
        command.ui.warn(warning);
    }
    if !listing.others.is_empty() {
        let others = count(listing.others.len() as u64, "backup");
        command.ui.say(format!("Not listed: {others} of other projects or engines."));
        command.ui.suggest("To list them", command.suggest.backups_of_all());
    }
    for (path, reason) in &listing.damaged {
        command.ui.warn(format!("{} cannot be used: {reason}.", format::short_path(path)));
    }
    for path in &listing.interrupted {
        command.ui.say(format!("{} is incomplete; the next backup removes it.", format::short_path(path)));
    }
    Ok(Exit::Success)
}

/// Where the clock went back between two backups of a store, which are in the order in which they were made.
fn clock_warnings(backups: &[Backup]) -> Vec<String> {
    let mut newer: BTreeMap<Option<&Path>, &Backup> = BTreeMap::new();
    let mut warnings = Vec::new();
    for backup in backups {
        let store = backup.directory.parent();
        if let Some(newer) = newer.insert(store, backup)
            && newer.manifest.created < backup.manifest.created
        {
            warnings.push(format!(
                "the clock went back: `{}` was made before `{}`, although it is dated {}. The order is that in which they were made.",
                backup.name(),
                newer.name(),
                backup.manifest.created.strftime("%Y-%m-%d %H:%M:%SZ"),
            ));
        }
    }
    warnings
}

/// The sets with more than one backup: a set of one is restored by the name of that one.
fn list_sets(command: &CommandContext, root: &BackupRoot) {
    let sets = set::list(root);
    let rows: Vec<Vec<String>> = sets
        .iter()
        .filter(|(_, set)| set.backups.len() > 1)
        .map(|(path, set)| {
            let stores: Vec<&str> = set.backups.iter().map(|member| member.store.as_str()).collect();
            vec![set::name(path), format::ago(set.created), stores.join(", "), set.reason.clone()]
        })
        .collect();
    if !rows.is_empty() {
        command.ui.result(Table::new(SET_COLUMNS, rows));
    }
}

/// The names of the sets that a backup is in.
fn names_of_sets(sets: &[(PathBuf, BackupSet)], backup: &Backup) -> Vec<String> {
    let name = backup.name();
    let has = |set: &&(PathBuf, BackupSet)| set.1.backups.iter().any(|member| member.name == name);
    sets.iter().filter(has).map(|(path, _)| set::name(path)).collect()
}

fn row(backup: &Backup) -> Vec<String> {
    let manifest = &backup.manifest;
    vec![
        backup.name(),
        format::ago(manifest.created),
        format::contents(&manifest.fingerprint),
        Bytes(backup.bytes()).to_string(),
        format!("{}, {}", format::proof(backup.proof()), manifest.consistency),
        reason(backup),
    ]
}

/// Why it was made, and whether it is passed over as the latest.
fn reason(backup: &Backup) -> String {
    let reason = match backup.manifest.shrinkage {
        Some(_) => &format!("shrank, {}", backup.manifest.reason),
        None => &backup.manifest.reason,
    };
    match backup.manifest.role {
        // The reason says so.
        BackupRole::Normal | BackupRole::SafetyCopy => reason.clone(),
        BackupRole::AfterLoss => format!("after a loss, {reason}"),
    }
}

fn show(command: &CommandContext, root: &BackupRoot, name: &str, format: Format) -> Result<Exit, Failure> {
    let backup = find(root, name, &command.suggest.backups())?;
    let checked = backup.check();
    if format == Format::Json {
        command.ui.result(format::json(&backup.manifest));
    } else {
        command.ui.result(format::backup(&backup));
    }
    match checked {
        Ok(_) => {
            command.ui.good("all files were read and match their checksums.");
            Ok(Exit::Success)
        }
        Err(damage) => Err(Failure::new(Exit::BackupFailed, format!("`{}` is damaged", backup.name()))
            .because(damage)
            .run("To list the other backups", command.suggest.backups())),
    }
}

/// Finds a backup by its name, its path or `latest`.
pub(super) fn find(root: &BackupRoot, name: &str, list: &str) -> Result<Backup, Failure> {
    root.find_any(name).map_err(|error| {
        let failure = match error {
            StoreError::NotFound(_) => Failure::new(Exit::Usage, error.to_string()),
            StoreError::Fs(_)
            | StoreError::BadStoreId(_)
            | StoreError::Busy { .. }
            | StoreError::Ambiguous { .. }
            | StoreError::Damaged { .. }
            | StoreError::Unsound(_)
            | StoreError::NoSuchArtifact(_)
            | StoreError::NoneIntact(_)
            | StoreError::Elsewhere(_) => {
                Failure::new(Exit::Usage, format!("backup `{name}` cannot be used")).because(error)
            }
        };
        failure.run("To list the backups", list)
    })
}

fn dry_run(plans: &Plans<'_>) -> DryRun {
    let removed =
        plans.removed().map(|backup| PlannedChange::new("remove", format!("backup `{}`", backup.name())));
    DryRun::new("backups prune", removed.collect())
}

/// Removes what the plans remove. Each removal requires that a backup of the same service is kept that was just read back.
fn prune(
    command: &CommandContext,
    root: &BackupRoot,
    plans: &Plans<'_>,
    (apply, output): (Apply, Format),
) -> Result<Exit, Failure> {
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, "the backups cannot be pruned")
            .because(error)
            .run("To list the backups", command.suggest.backups())
    };
    if output == Format::Text {
        for (backup, why) in plans.kept() {
            let reasons: Vec<String> = why.reasons.iter().map(ToString::to_string).collect();
            command.ui.result(format!("kept     {}   {}", backup.name(), reasons.join(", ")));
        }
    }
    if plans.removed().len() > 0 {
        let _lock = root.lock().map_err(|error| failed(error.into()))?;
        for removable in plans.removed() {
            command.record.will(format!("removes backup {}", removable.name()));
            command.record.begin(apply);
            root.remove(removable).map_err(|error| failed(error.into()))?;
            if output == Format::Text {
                command.ui.result(format!("removed  {}", removable.name()));
            }
        }
    }
    let removed: Vec<String> = plans.removed().map(|backup| backup.name()).collect();
    let kept: Vec<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
    match output {
        Format::Text => {
            let kept = count(kept.len() as u64, "backup");
            command.ui.say(match removed.len() {
                0 => format!("no backup was removed: the retention settings keep {kept}."),
                removed => format!("removed {} and kept {kept}.", count(removed as u64, "backup")),
            });
        }
        Format::Json => command.ui.result(format::json(&json!({ "removed": removed, "kept": kept }))),
    }
    Ok(Exit::Success)
}
