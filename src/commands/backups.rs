//! `safe-compose backups`: list, inspect, pin and prune backups.

mod all;
mod pin;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pin::Pinning;
use serde_json::json;

use super::context::{self, CommandContext, OwnBackups};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use super::prune_run::{self, Pruned};
use super::repository;
use crate::backup::manifest::BackupRole;
use crate::backup::set::{self, BackupSet, SetMember};
use crate::backup::store::{Backup, BackupRoot, Listing, StoreError};
use crate::cli::{BackupsAction, BackupsArgs, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::RetentionSettings;
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
    let own = context::own_backups(command).await?;
    if args.repository {
        return repository::list(command, &own, args.all_projects, output).await;
    }
    let OwnBackups { settings, root, .. } = own;
    match args.action.as_ref().unwrap_or(&BackupsAction::List) {
        BackupsAction::List => list(command, &root, args.all_projects, output),
        BackupsAction::Show { backup } => show(command, &root, backup, output),
        BackupsAction::Pin(args) => pin::run(command, &root, (args, Pinning::Pin), (mode, output)),
        BackupsAction::Unpin(args) => pin::run(command, &root, (args, Pinning::Unpin), (mode, output)),
        BackupsAction::Prune(_) => {
            let keep = settings.backup.keep;
            match mode {
                Mode::DryRun => {
                    let planned = prune_run::plan(&root, &listing(&root)?.backups, keep);
                    if output == Format::Text {
                        show_kept(command, &planned);
                    }
                    Ok(dry_run(&planned).show(&command.ui, output))
                }
                Mode::Apply(apply) => prune(command, (&root, keep), (apply, output)).map(|_| Exit::Success),
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
        let sets_of = sets_by_backup(&sets);
        let backups: Vec<_> = listing
            .backups
            .iter()
            .map(|backup| {
                let mut value = format::backup_json(backup);
                let name = backup.name();
                let sets = sets_of.get(name.as_str()).map_or(&[][..], Vec::as_slice);
                value["sets"] = sets.iter().map(|(path, _)| set::name(path)).collect::<Vec<_>>().into();
                value["one_moment_with"] = of_same_moment(sets.iter().map(|(_, set)| set), &name).into();
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
    list_pinned(command, &listing.backups);
    count_offloaded(command, &listing.backups);
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
            vec![set::name(path), format::ago(set.created), stores_of(set), set.reason.clone()]
        })
        .collect();
    if !rows.is_empty() {
        command.ui.result(Table::new(SET_COLUMNS, rows));
    }
}

/// The stores of a set; those of one moment are joined by `+`.
fn stores_of(set: &BackupSet) -> String {
    let name = |SetMember { store, .. }: &SetMember| match set
        .moments
        .iter()
        .find(|moment| moment.stores.contains(store))
    {
        Some(moment) if moment.stores.first() != Some(store) => None,
        Some(moment) => Some(moment.stores.join(" + ")),
        None => Some(store.clone()),
    };
    set.backups.iter().filter_map(name).collect::<Vec<_>>().join(", ")
}

/// The sets that each backup is in, by its name.
fn sets_by_backup(sets: &[(PathBuf, BackupSet)]) -> BTreeMap<&str, Vec<&(PathBuf, BackupSet)>> {
    let mut found: BTreeMap<&str, Vec<&(PathBuf, BackupSet)>> = BTreeMap::new();
    for set in sets {
        for member in &set.1.backups {
            found.entry(member.name.as_str()).or_default().push(set);
        }
    }
    found
}

/// The names of the backups that are of the same moment as this one.
fn of_same_moment<'a>(sets: impl Iterator<Item = &'a BackupSet>, name: &'a str) -> Vec<String> {
    let members = sets.flat_map(|set| set.of_same_moment(name));
    let names: BTreeSet<&str> = members.map(|member| member.name.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The pinned backups: narrow terminals have no column that shows them.
fn list_pinned(command: &CommandContext, backups: &[Backup]) {
    let pinned: Vec<String> = backups
        .iter()
        .filter(|backup| backup.is_pinned)
        .map(|backup| format!("`{}`", backup.name()))
        .collect();
    if !pinned.is_empty() {
        command.ui.paragraph(format!("Pinned, so never removed: {}.", pinned.join(", ")));
    }
}

/// The backups without files.
fn count_offloaded(command: &CommandContext, backups: &[Backup]) {
    let offloaded = backups.iter().filter(|backup| backup.is_offloaded).count() as u64;
    if offloaded > 0 {
        command.ui.paragraph(format!("Only in the repository: {}.", count(offloaded, "backup")));
    }
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

/// Why it was made, whether it is passed over as the latest, and whether it is pinned.
fn reason(backup: &Backup) -> String {
    let marks = [
        (backup.is_pinned, "pinned, "),
        (backup.is_offloaded, "in the repository, "),
        // Of a safety copy, the reason says what it is.
        (backup.manifest.role == BackupRole::AfterLoss, "after a loss, "),
        (backup.manifest.shrinkage.is_some(), "shrank, "),
        (backup.manifest.damaged_databases().next().is_some(), "damaged database, "),
    ];
    let marks: String = marks.iter().filter_map(|(holds, mark)| holds.then_some(*mark)).collect();
    format!("{marks}{}", backup.manifest.reason)
}

fn show(command: &CommandContext, root: &BackupRoot, name: &str, format: Format) -> Result<Exit, Failure> {
    let backup = find(root, name, &command.suggest.backups())?;
    let checked = backup.check();
    let sets = set::list(root);
    let same_moment = of_same_moment(sets.iter().map(|(_, set)| set), &backup.name());
    if format == Format::Json {
        command.ui.result(format::json(&with_records(&backup, &same_moment)));
    } else {
        command.ui.result(format::backup(&backup, &same_moment));
    }
    if backup.is_offloaded {
        return Err(super::verify::offloaded(command, &backup));
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

/// The manifest, and what is recorded beside it.
fn with_records(backup: &Backup, same_moment: &[String]) -> serde_json::Value {
    let mut value = json!(backup.manifest);
    value["pinned"] = backup.is_pinned.into();
    value["offloaded"] = backup.is_offloaded.into();
    value["one_moment_with"] = same_moment.into();
    value
}

/// Finds a backup by its name, its path or `latest`.
pub(super) fn find(root: &BackupRoot, name: &str, list: &str) -> Result<Backup, Failure> {
    let unusable = |exit| Failure::new(exit, format!("backup `{name}` cannot be used"));
    root.find_any(name).map_err(|error| {
        let failure = match error {
            StoreError::NotFound(_) => Failure::new(Exit::Usage, error.to_string()),
            StoreError::Fs(_) => unusable(Exit::BackupFailed).because(error),
            StoreError::Damaged { ref damage, .. } if damage.is_read_failure() => {
                unusable(Exit::BackupFailed).because(error)
            }
            StoreError::BadStoreId(_)
            | StoreError::Busy { .. }
            | StoreError::Ambiguous { .. }
            | StoreError::Damaged { .. }
            | StoreError::Unsound(_)
            | StoreError::NoSuchArtifact(_)
            | StoreError::NoneIntact(_)
            | StoreError::InUse { .. }
            | StoreError::Pinned(_)
            | StoreError::Elsewhere(_) => unusable(Exit::Usage).because(error),
        };
        failure.run("To list the backups", list)
    })
}

fn dry_run(planned: &Pruned) -> DryRun {
    let removed = planned.removed.iter().map(|name| PlannedChange::new("remove", format!("backup `{name}`")));
    let kept = planned.kept.iter().map(|(name, reasons)| (name.clone(), reasons.clone()));
    DryRun { kept: kept.collect(), ..DryRun::new("backups prune", removed.collect()) }
}

fn show_kept(command: &CommandContext, pruned: &Pruned) {
    for (name, reasons) in &pruned.kept {
        command.ui.result(format!("kept     {name}   {}", reasons.join(", ")));
    }
}

/// Removes what the settings do not keep. Each removal requires that a backup of the same service is kept that was just
/// read back.
fn prune(
    command: &CommandContext,
    (root, keep): (&BackupRoot, RetentionSettings),
    (apply, output): (Apply, Format),
) -> Result<Pruned, Failure> {
    let failed = |error: StoreError| {
        Failure::new(Exit::BackupFailed, "the backups cannot be pruned")
            .because(error)
            .run("To list the backups", command.suggest.backups())
    };
    let mut pruned =
        prune_run::prune((&command.record, apply), (root, keep), &[], prune_run::PATIENT).map_err(failed)?;
    let (removed, kept) = (&pruned.removed, &pruned.kept);
    match output {
        Format::Text => {
            show_kept(command, &pruned);
            for name in removed {
                command.ui.result(format!("removed  {name}"));
            }
        }
        Format::Json => command.ui.result(format::json(&json!({
            "removed": removed,
            "kept": kept.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "reasons": kept.iter().cloned().collect::<BTreeMap<_, _>>(),
        }))),
    }
    if let Some(error) = pruned.failed.pop() {
        return Err(failed(error));
    }
    if output == Format::Text {
        let kept = count(kept.len() as u64, "backup");
        command.ui.say(match removed.len() {
            0 => format!("no backup was removed: the retention settings keep {kept}."),
            removed => format!("removed {} and kept {kept}.", count(removed as u64, "backup")),
        });
    }
    Ok(pruned)
}
