//! `safe-compose backups`: list them, look into one, thin them out.

use jiff::Timestamp;

use super::context::{self, CommandContext};
use super::format;
use crate::backup::retention;
use crate::backup::store::{Backup, BackupRoot, Listing};
use crate::cli::{BackupsAction, BackupsArgs, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::{Column, Table};
use crate::units::{Bytes, count};

const COLUMNS: &[Column] = &[
    Column::fixed("BACKUP"),
    Column::fixed("MADE"),
    Column::detail("HOLDS"),
    Column::fixed("SIZE"),
    Column::fixed("PROOF"),
    Column::detail("WHY"),
];

pub(super) fn run(command: &CommandContext, args: &BackupsArgs) -> Result<Exit, Failure> {
    let project = command.project().map_err(|error| context::unreadable(command, error))?;
    let settings = context::settings(&project)?;
    let root = context::backup_root(&project, &settings);
    match args.action.as_ref().unwrap_or(&BackupsAction::List) {
        BackupsAction::List => list(command, &root, args.format),
        BackupsAction::Show { backup } => show(command, &root, backup, args.format),
        BackupsAction::Prune { dry_run } => prune(command, &root, &settings, *dry_run),
    }
}

fn listing(root: &BackupRoot) -> Result<Listing, Failure> {
    root.list(None)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))
}

fn list(command: &CommandContext, root: &BackupRoot, format: Format) -> Result<Exit, Failure> {
    let listing = listing(root)?;
    if format == Format::Json {
        let backups: Vec<_> = listing.backups.iter().map(format::backup_json).collect();
        command.ui.result(format::json(&backups));
        return Ok(Exit::Success);
    }
    if listing.backups.is_empty() {
        command.ui.paragraph(format!("There are no backups in {}.", format::short_path(root.directory())));
    } else {
        let rows: Vec<Vec<String>> = listing.backups.iter().map(row).collect();
        command.ui.result(Table::new(COLUMNS, rows));
    }
    for (path, reason) in &listing.damaged {
        command.ui.warn(format!("{} is damaged: {reason}", format::short_path(path)));
    }
    for path in &listing.interrupted {
        command
            .ui
            .say(format!("{} was never finished; the next backup removes it.", format::short_path(path)));
    }
    Ok(Exit::Success)
}

fn row(backup: &Backup) -> Vec<String> {
    let manifest = &backup.manifest;
    vec![
        backup.name(),
        format::ago(manifest.created),
        format::contents(&manifest.fingerprint),
        Bytes(backup.bytes()).to_string(),
        format::proof(backup.proof()).to_owned(),
        manifest.reason.clone(),
    ]
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
            command.ui.good("every file of it was read to its end, and is as it was written.");
            Ok(Exit::Success)
        }
        Err(damage) => {
            Err(Failure::new(Exit::BackupFailed, format!("`{}` is damaged", backup.name())).because(damage))
        }
    }
}

/// Finds a backup by its name, its path or `latest`.
pub(super) fn find(root: &BackupRoot, name: &str, list: &str) -> Result<Backup, Failure> {
    root.find_any(name).map_err(|error| {
        Failure::new(Exit::Usage, format!("there is no backup `{name}` to be used"))
            .because(error)
            .run("To see which there are", list)
    })
}

/// Thins out. Nothing is removed unless a backup of the same service that stays was just read back.
fn prune(
    command: &CommandContext,
    root: &BackupRoot,
    settings: &Settings,
    dry_run: bool,
) -> Result<Exit, Failure> {
    let broken = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, "the backups cannot be thinned out").because(error)
    };
    let listing = listing(root)?;
    let plans = retention::by_service(&listing.backups, settings.backup.keep, Timestamp::now());
    for (backup, why) in plans.kept() {
        let reasons: Vec<String> = why.reasons.iter().map(ToString::to_string).collect();
        command.ui.result(format!("keep    {}   {}", backup.name(), reasons.join(", ")));
    }
    for removable in plans.removed() {
        command.ui.result(format!("remove  {}", removable.name()));
    }
    let removed = plans.removed().len() as u64;
    let kept = plans.kept().len();
    if dry_run || removed == 0 {
        command.ui.say(format!("{} would be removed, {kept} kept.", count(removed, "backup")));
        return Ok(Exit::Success);
    }
    let _lock = root.lock().map_err(|error| broken(error.into()))?;
    for removable in plans.removed() {
        root.remove(removable).map_err(|error| broken(error.into()))?;
    }
    command.ui.say(format!("{} removed, {kept} kept.", count(removed, "backup")));
    Ok(Exit::Success)
}
