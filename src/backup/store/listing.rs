//! Lists the backup directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::name::{TAKEN, is_baseline, is_set, valid_store};
use super::pin::is_pin;
use super::root::{entries, refuse_link};
use super::staging::is_interrupted;
use super::{Backup, BackupRoot, Damage, Name, Result};
use crate::fs::{DirectoryLock, FsError, LockState};

/// Everything in the backup directory, by what it is.
#[derive(Debug, Default)]
pub struct Listing {
    /// Newest first. Their manifests were read, their files were not.
    pub backups: Vec<Backup>,
    /// The backups of other projects, and of this project on other engines; newest first. Empty for a directory without
    /// an owner.
    pub others: Vec<Backup>,
    /// Named like a backup, but unusable.
    pub damaged: Vec<(PathBuf, Damage)>,
    /// Left by a crash; the next backup of the same store removes them.
    pub interrupted: Vec<PathBuf>,
    /// Not created by this program; left alone.
    pub foreign: Vec<PathBuf>,
}

impl BackupRoot {
    /// Lists the backups of one store, or of all.
    pub fn list(&self, store: Option<&str>) -> Result<Listing> {
        let mut listing = Listing::default();
        if let Some(store) = store {
            let directory = self.of_store(store)?;
            refuse_link(&directory)?;
            match fs::metadata(&directory) {
                Ok(meta) if meta.is_dir() => listing.store(store, &directory)?,
                Ok(_) => return Err(FsError::NotADirectory { path: directory }.into()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(FsError::io("list", &directory, source).into()),
            }
        } else {
            for entry in self.entries()? {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') || TAKEN.contains(&name.as_str()) || is_set(&name) {
                    continue;
                }
                let path = entry.path();
                if valid_store(&name).is_ok()
                    && !path.is_symlink()
                    && path.is_dir()
                    && has_ours(&name, &path)?
                {
                    listing.store(&name, &path)?;
                } else if valid_store(&name).is_ok() && path.is_symlink() && path.is_dir() {
                    listing.damaged.push((path, Damage::Link));
                } else {
                    listing.foreign.push(path);
                }
            }
        }
        if self.owner().is_some() {
            (listing.others, listing.backups) =
                listing.backups.into_iter().partition(|backup| self.is_foreign(backup));
        }
        listing.sort();
        Ok(listing)
    }
}

impl Listing {
    fn store(&mut self, store: &str, directory: &Path) -> Result<()> {
        for entry in entries(directory)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if is_backup_of(store, &name) {
                match Backup::load(&path) {
                    Ok(backup) => self.backups.push(backup),
                    Err(damage) => self.damaged.push((path, damage)),
                }
            } else if is_interrupted(&name) {
                if DirectoryLock::probe(directory) != LockState::Held {
                    self.interrupted.push(path);
                }
            } else if !DirectoryLock::is_lock(&name) && !is_baseline(&name) && !is_pin(&name) {
                self.foreign.push(path);
            }
        }
        Ok(())
    }

    fn sort(&mut self) {
        for backups in [&mut self.backups, &mut self.others] {
            sort_newest_first(backups);
        }
        self.damaged.sort_by(|one, other| other.0.cmp(&one.0));
        self.interrupted.sort();
        self.foreign.sort();
    }
}

/// Within a store, the sequence number counts, and the time only between backups that have none. Between stores, the time
/// counts, where no backup is taken to be later than one that was made after it.
fn sort_newest_first(backups: &mut Vec<Backup>) {
    backups.sort_by(|one, other| {
        let order = |backup: &Backup| (backup.manifest.sequence, backup.manifest.created);
        order(other).cmp(&order(one)).then_with(|| other.directory.cmp(&one.directory))
    });
    let mut last: BTreeMap<Option<PathBuf>, Timestamp> = BTreeMap::new();
    let mut timed: Vec<(Timestamp, Backup)> = backups
        .drain(..)
        .map(|backup| {
            let store = backup.directory.parent().map(Path::to_owned);
            let time = last.entry(store).or_insert(backup.manifest.created);
            *time = backup.manifest.created.min(*time);
            (*time, backup)
        })
        .collect();
    // Stable: within a store the order stays.
    timed.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    backups.extend(timed.into_iter().map(|(_, backup)| backup));
}

fn is_backup_of(store: &str, name: &str) -> bool {
    Name::parse(name).is_some_and(|name| name.store() == store)
}

/// Whether a directory contains anything that this program created; otherwise it is listed as one foreign entry.
fn has_ours(store: &str, directory: &Path) -> Result<bool> {
    let ours = |name: &str| {
        is_backup_of(store, name)
            || is_interrupted(name)
            || DirectoryLock::is_lock(name)
            || is_baseline(name)
            || is_pin(name)
    };
    Ok(entries(directory)?.iter().any(|entry| ours(&entry.file_name().to_string_lossy())))
}
