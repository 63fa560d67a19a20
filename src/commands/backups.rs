//! `safe-compose backups`: list them, look into one, thin them out.

use jiff::Timestamp;

use super::describe;
use super::stack::{self, Asked};
use crate::backup::retention;
use crate::backup::store::{Backup, BackupRoot, Listing};
use crate::cli::{Backups, BackupsAction, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::table;
use crate::units::{Bytes, count};

pub(super) fn run(asked: &Asked, args: &Backups) -> Result<Exit, Failure> {
    let project = asked.project().map_err(|error| stack::unreadable(asked, error))?;
    let settings = stack::settings(&project)?;
    let root = stack::backup_root(&project, &settings);
    match args.action.as_ref().unwrap_or(&BackupsAction::List) {
        BackupsAction::List => list(asked, &root, args.format),
        BackupsAction::Show { backup } => show(asked, &root, backup, args.format),
        BackupsAction::Prune { dry_run } => prune(asked, &root, &settings, *dry_run),
    }
}

fn listing(root: &BackupRoot) -> Result<Listing, Failure> {
    root.list(None)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))
}

fn list(asked: &Asked, root: &BackupRoot, format: Format) -> Result<Exit, Failure> {
    let listing = listing(root)?;
    if format == Format::Json {
        let backups: Vec<_> = listing.backups.iter().map(describe::backup_json).collect();
        asked.ui.result(describe::json(&backups));
        return Ok(Exit::Success);
    }
    if listing.backups.is_empty() {
        asked.ui.result(format!("There are no backups in {}.", describe::short_path(root.directory())));
    } else {
        let rows: Vec<Vec<String>> = listing.backups.iter().map(row).collect();
        asked.ui.result(table::render(&["BACKUP", "MADE", "HOLDS", "SIZE", "PROOF", "WHY"], &rows));
    }
    for (path, reason) in &listing.damaged {
        asked.ui.warn(format!("{} is damaged: {reason}", describe::short_path(path)));
    }
    for path in &listing.interrupted {
        asked
            .ui
            .say(format!("{} was never finished; the next backup removes it.", describe::short_path(path)));
    }
    Ok(Exit::Success)
}

fn row(backup: &Backup) -> Vec<String> {
    let manifest = &backup.manifest;
    vec![
        backup.name(),
        describe::ago(manifest.created),
        describe::contents(&manifest.fingerprint),
        Bytes(backup.bytes()).to_string(),
        describe::proof(backup.proof()).to_owned(),
        manifest.reason.clone(),
    ]
}

fn show(asked: &Asked, root: &BackupRoot, name: &str, format: Format) -> Result<Exit, Failure> {
    let backup = find(root, name, &asked.suggest.backups())?;
    let checked = backup.check();
    if format == Format::Json {
        asked.ui.result(describe::json(&backup.manifest));
    } else {
        asked.ui.result(describe::backup(&backup));
    }
    match checked {
        Ok(_) => {
            asked.ui.good("every file of it was read to its end, and is as it was written.");
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
fn prune(asked: &Asked, root: &BackupRoot, settings: &Settings, dry_run: bool) -> Result<Exit, Failure> {
    let broken = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, "the backups cannot be thinned out").because(error)
    };
    let listing = listing(root)?;
    let plans = retention::by_service(&listing.backups, settings.backup.keep, Timestamp::now());
    for (backup, why) in plans.kept() {
        let reasons: Vec<String> = why.reasons.iter().map(ToString::to_string).collect();
        asked.ui.result(format!("keep    {}   {}", backup.name(), reasons.join(", ")));
    }
    for removable in plans.removed() {
        asked.ui.result(format!("remove  {}", removable.name()));
    }
    let removed = plans.removed().len() as u64;
    let kept = plans.kept().len();
    if dry_run || removed == 0 {
        asked.ui.say(format!("{} would be removed, {kept} kept.", count(removed, "backup")));
        return Ok(Exit::Success);
    }
    let _lock = root.lock().map_err(|error| broken(error.into()))?;
    for removable in plans.removed() {
        root.remove(removable).map_err(|error| broken(error.into()))?;
    }
    asked.ui.say(format!("{} removed, {kept} kept.", count(removed, "backup")));
    Ok(Exit::Success)
}
