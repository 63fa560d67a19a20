//! Lists the backup directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::name::{BASELINE, TAKEN, is_set, valid_store};
use super::root::entries;
use super::staging::is_interrupted;
use super::{Backup, BackupRoot, Damage, Name, Result};
use crate::fs::{DirectoryLock, FsError, LockState};

/// Everything in the backup directory, by what it is.
#[derive(Debug, Default)]
pub struct Listing {
    /// Newest first. Their manifests were read, their files were not.
    pub backups: Vec<Backup>,
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
                if valid_store(&name).is_ok() && path.is_dir() && has_ours(&name, &path)? {
                    listing.store(&name, &path)?;
                } else {
                    listing.foreign.push(path);
                }
            }
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
            } else if !DirectoryLock::is_lock(&name) && name != BASELINE {
                self.foreign.push(path);
            }
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.backups.sort_by(|one, other| {
            (other.manifest.created, &other.directory).cmp(&(one.manifest.created, &one.directory))
        });
        self.damaged.sort_by(|one, other| other.0.cmp(&one.0));
        self.interrupted.sort();
        self.foreign.sort();
    }
}

fn is_backup_of(store: &str, name: &str) -> bool {
    Name::parse(name).is_some_and(|name| name.store() == store)
}

/// Whether a directory contains anything that this program created; otherwise it is listed as one foreign entry.
fn has_ours(store: &str, directory: &Path) -> Result<bool> {
    let ours = |name: &str| {
        is_backup_of(store, name) || is_interrupted(name) || DirectoryLock::is_lock(name) || name == BASELINE
    };
    Ok(entries(directory)?.iter().any(|entry| ours(&entry.file_name().to_string_lossy())))
}
