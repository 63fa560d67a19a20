//! Marks a store that is being restored.
//!
//! The kernel releases the lock when the process ends, however it ends. The name of the backup stays beside it until the
//! restore is finished: where it is left without a lock, a restore was interrupted.

use std::path::PathBuf;
use std::time::Duration;

use super::store::{BackupRoot, StoreError};
use crate::fs::{
    DirectoryLock, FsError, LockState, PRIVATE_FILE, create_ignored_dir_all, create_private_dir_all,
    read_bounded, remove_file, write_atomically,
};

/// The directory with the marks. Its first letter keeps it out of the list of backups.
const DIRECTORY: &str = ".restoring";

/// The file with the name of the backup.
const BACKUP: &str = "backup";

/// A store that is being restored.
#[derive(Debug)]
pub struct RestoreLock {
    directory: PathBuf,
    _lock: DirectoryLock,
}

/// How far the restore of a store has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreState {
    /// No restore has begun, or all have been finished.
    None,
    /// Another process restores this backup now.
    Running { backup: String },
    /// The restore of this backup was interrupted.
    Interrupted { backup: String },
}

impl RestoreLock {
    /// Marks a store. Fails if another process restores it.
    pub fn acquire(root: &BackupRoot, store: &str, backup: &str) -> Result<Self, StoreError> {
        let directory = directory(root, store);
        create_ignored_dir_all(root.directory())?;
        create_private_dir_all(&directory)?;
        let lock = DirectoryLock::acquire(&directory, Duration::ZERO).map_err(|error| match error {
            locked @ FsError::Locked { .. } => {
                StoreError::Busy { what: format!("`{store}` or its restore"), source: locked }
            }
            other => other.into(),
        })?;
        write_atomically(&directory.join(BACKUP), backup.as_bytes(), PRIVATE_FILE)?;
        Ok(Self { directory, _lock: lock })
    }

    /// The restore is finished, or what it began was removed.
    pub fn finish(self) -> Result<(), StoreError> {
        Ok(remove_file(&self.directory.join(BACKUP))?)
    }
}

/// How far the restore of a store has come. Reads one file, which mostly does not exist.
pub fn state(root: &BackupRoot, store: &str) -> RestoreState {
    let directory = directory(root, store);
    let Ok(bytes) = read_bounded(&directory.join(BACKUP)) else { return RestoreState::None };
    let Ok(backup) = String::from_utf8(bytes) else { return RestoreState::None };
    match DirectoryLock::probe(&directory) {
        LockState::Held => RestoreState::Running { backup },
        LockState::Free | LockState::Unknown => RestoreState::Interrupted { backup },
    }
}

/// The same store of two projects is two stores.
fn directory(root: &BackupRoot, store: &str) -> PathBuf {
    let project = root.owner().map_or("", |owner| owner.project.as_str());
    root.directory().join(DIRECTORY).join(format!("{project}.{store}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_running_then_interrupted_or_finished() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::at(directory.path().join("backups"));
        assert_eq!(state(&root, "db"), RestoreState::None);
        let backup = "db_backup_20260102_030405".to_owned();
        let lock = RestoreLock::acquire(&root, "db", &backup).expect("free");
        assert_eq!(state(&root, "db"), RestoreState::Running { backup: backup.clone() });
        assert_eq!(state(&root, "other"), RestoreState::None);
        assert!(RestoreLock::acquire(&root, "db", &backup).is_err());
        drop(lock);
        // A program started by another test may hold a copy of the file for a moment.
        while let RestoreState::Running { .. } = state(&root, "db") {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(state(&root, "db"), RestoreState::Interrupted { backup: backup.clone() });
        let lock = loop {
            match RestoreLock::acquire(&root, "db", &backup) {
                Ok(lock) => break lock,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        lock.finish().expect("finished");
        assert_eq!(state(&root, "db"), RestoreState::None);
        assert!(root.list(None).expect("listed").foreign.is_empty(), "it is no backup");
    }
}
