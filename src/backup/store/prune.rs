//! Removes backups that no rule keeps.

use std::path::Path;

use super::root::WAIT;
use super::staging::DELETING;
use super::{Backup, BackupRoot, Name, Result, StoreError, pin};
use crate::backup::retention::Removable;
use crate::fs::{is_missing, remove_tree, rename_new, sync_dir};

impl BackupRoot {
    /// Removes one backup that a plan removes; the caller holds [`BackupRoot::lock`] since before the plan was made. One of
    /// the backups that are kept is verified first, once for each store: the last good backup is never removed while only
    /// damaged ones are kept. Returns whether it was still there.
    pub fn remove(&self, backup: &Removable<'_>) -> Result<bool> {
        let path = backup.directory.as_path();
        let elsewhere = || StoreError::Elsewhere(path.to_owned());
        let name = Name::parse(&backup.name()).ok_or_else(elsewhere)?;
        let (directory, _lock) = self.lock_store(name.store(), WAIT)?;
        if !self.has(path, name.store())? {
            return Err(elsewhere());
        }
        if pin::is_pinned(path) {
            return Err(StoreError::Pinned(name.to_string()));
        }
        if is_missing(path) {
            return Ok(false);
        }
        // Its data stays in the repository.
        if !backup.is_offloaded && !backup.has_intact_sibling(Backup::is_intact) {
            return Err(StoreError::NoneIntact(name.store().to_owned()));
        }
        let hidden = directory.join(format!("{DELETING}{name}"));
        if hidden.symlink_metadata().is_ok() {
            remove_tree(&hidden)?;
        }
        rename_new(path, &hidden)?;
        sync_dir(&directory)?;
        remove_tree(&hidden)?;
        Ok(true)
    }

    /// Whether a path is in this directory's directory of a store.
    pub(super) fn has(&self, path: &Path, store: &str) -> Result<bool> {
        let directory = self.of_store(store)?;
        Ok(path.parent().is_some_and(|parent| same(parent, &directory)))
    }
}

impl Backup {
    fn is_intact(&self) -> bool {
        self.check().is_ok()
    }
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
