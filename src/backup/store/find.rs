//! Finds the backup that the user means.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Backup, BackupRoot, Listing, Name, Result, StoreError};

const LATEST: &str = "latest";

impl BackupRoot {
    /// Finds one backup of a store by a path, the name of its directory, a time (`20260801_103005` or
    /// `2026-08-01T10:30:05`, in UTC), or `latest`.
    pub fn find(&self, store: &str, text: &str) -> Result<Backup> {
        one(self.find_all(Some(store), text)?, text)
    }

    /// Like [`BackupRoot::find`], for any store; `latest` is the newest of all.
    pub fn find_any(&self, text: &str) -> Result<Backup> {
        let mut found = self.find_all(None, text)?;
        if text == LATEST {
            found.truncate(1);
        }
        one(found, text)
    }

    /// Every backup that could be meant. A name or a path means one, whoever owns it; a time or `latest` means one of each
    /// store, of the owner of this directory. `latest` is never a safety copy, a backup that was made after a loss, or one that failed its test restore.
    pub fn find_all(&self, store: Option<&str>, text: &str) -> Result<Vec<Backup>> {
        if text.contains('/') {
            return Self::load(Path::new(text)).map(|backup| vec![backup]);
        }
        if let Some(name) = Name::parse(text) {
            let path = self.of_store(name.store())?.join(text);
            if path.symlink_metadata().is_err() || store.is_some_and(|store| store != name.store()) {
                return Err(StoreError::NotFound(text.to_owned()));
            }
            return Self::load(&path).map(|backup| vec![backup]);
        }
        let listing = self.list(store)?;
        if text == LATEST { Ok(newest(listing)) } else { of_time(listing, text) }
    }

    fn load(path: &Path) -> Result<Backup> {
        if path.symlink_metadata().is_err() {
            return Err(StoreError::NotFound(path.display().to_string()));
        }
        Backup::load(path).map_err(|damage| StoreError::Damaged { path: path.to_owned(), damage })
    }
}

fn one(mut found: Vec<Backup>, text: &str) -> Result<Backup> {
    match (found.pop(), found.is_empty()) {
        (Some(backup), true) => Ok(backup),
        (None, _) => Err(StoreError::NotFound(text.to_owned())),
        (Some(last), false) => {
            let mut names: Vec<String> = found.iter().map(Backup::name).collect();
            names.push(last.name());
            Err(StoreError::Ambiguous { text: text.to_owned(), names })
        }
    }
}

/// The first of each store; the list starts with the newest.
fn newest(listing: Listing) -> Vec<Backup> {
    let mut seen = BTreeSet::new();
    listing
        .backups
        .into_iter()
        .filter(Backup::can_be_latest)
        .filter(|backup| seen.insert(backup.directory.parent().map(Path::to_owned)))
        .collect()
}

fn of_time(listing: Listing, text: &str) -> Result<Vec<Backup>> {
    let typed = digits(text);
    if typed.len() != 14 {
        return Ok(Vec::new());
    }
    let is_meant =
        |name: &str| Name::parse(name).is_some_and(|name| digits(&super::name::stamp(name.time())) == typed);
    let found: Vec<Backup> = listing.backups.into_iter().filter(|backup| is_meant(&backup.name())).collect();
    let damaged = listing
        .damaged
        .into_iter()
        .find(|(path, _)| path.file_name().is_some_and(|name| is_meant(&name.to_string_lossy())));
    match damaged {
        Some((path, damage)) if found.is_empty() => Err(StoreError::Damaged { path, damage }),
        _ => Ok(found),
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
