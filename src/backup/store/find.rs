//! Finds the backup that the user means.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Backup, BackupRoot, Listing, Name, Result, StoreError};
use crate::fs::is_missing;

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
            if is_missing(&path) || store.is_some_and(|store| store != name.store()) {
                return Err(StoreError::NotFound(text.to_owned()));
            }
            return Self::load(&path).map(|backup| vec![backup]);
        }
        let listing = self.list(store)?;
        if text == LATEST { newest(listing) } else { of_time(listing, text) }
    }

    fn load(path: &Path) -> Result<Backup> {
        if is_missing(path) {
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

/// The first of each store; the list starts with the newest. Fails if one that cannot be read now may be newer.
fn newest(listing: Listing) -> Result<Vec<Backup>> {
    let mut seen = BTreeSet::new();
    let newest: Vec<Backup> = listing
        .backups
        .into_iter()
        .filter(Backup::can_be_latest)
        .filter(|backup| seen.insert(backup.directory.parent().map(Path::to_owned)))
        .collect();
    let time = |path: &Path| Some(Name::parse(path.file_name()?.to_str()?)?.time());
    let may_be_newest = |path: &Path| {
        let of_store = newest.iter().filter(|backup| backup.directory.parent() == path.parent());
        of_store.map(|backup| time(&backup.directory)).all(|known| known < time(path))
    };
    let mut unread = listing.damaged.into_iter().filter(|(_, damage)| damage.is_read_failure());
    match unread.find(|(path, _)| may_be_newest(path)) {
        Some((path, damage)) => Err(StoreError::Damaged { path, damage }),
        None => Ok(newest),
    }
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::backup::manifest::tests::manifest;
    use crate::backup::store::Damage;

    /// What `latest` is beside a backup of 10 o'clock, if one of this name cannot be used for this reason.
    fn latest(name: &str, source: io::Error) -> Result<Vec<String>> {
        let backup = Backup {
            directory: "/backups/db/db_backup_20260801_100000".into(),
            manifest: manifest("db", "2026-08-01T10:00:00Z"),
            test_restore: None,
            is_pinned: false,
            is_offloaded: false,
        };
        let path = Path::new("/backups").join(name);
        let damaged = vec![(path.clone(), Damage::Unreadable { path, source })];
        let found = newest(Listing { backups: vec![backup], damaged, ..Listing::default() })?;
        Ok(found.iter().map(Backup::name).collect())
    }

    #[test]
    fn what_cannot_be_read_may_be_the_latest() {
        let failure = || io::Error::from_raw_os_error(5);
        let error = latest("db/db_backup_20260801_110000", failure()).expect_err("it may be the latest");
        assert!(error.to_string().contains("db_backup_20260801_110000"), "{error}");
        latest("web/web_backup_20200101_000000", failure()).expect_err("the only one of its store");
        for (name, why) in [
            ("db/db_backup_20260801_090000", failure()),
            ("db/db_backup_20260801_110000", io::ErrorKind::InvalidInput.into()),
        ] {
            assert_eq!(latest(name, why).expect("it is not the latest"), ["db_backup_20260801_100000"]);
        }
    }
}
