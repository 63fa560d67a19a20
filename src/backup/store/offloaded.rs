//! Backups whose files are only in a repository. Their manifests stay here, so that they are listed, compared and restored like
//! others; `offloaded.json` in the directory of one says where the files are.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::root::WAIT;
use super::{Backup, BackupRoot, Name, Result, StoreError, pin, sums};
use crate::fs::{PRIVATE_FILE, remove_file, remove_tree, sync_dir, to_json, write_atomically};

pub(super) const FILE_NAME: &str = "offloaded.json";

/// What is in the file, for people. It counts by being there.
#[derive(Serialize)]
struct OffloadRecord<'a> {
    format: &'static str,
    format_version: u32,
    time: Timestamp,
    repository: &'a str,
}

pub(super) fn is_offloaded(directory: &Path) -> bool {
    directory.join(FILE_NAME).symlink_metadata().is_ok()
}

impl BackupRoot {
    /// Removes the files of a backup that is in a repository; the caller holds [`BackupRoot::lock`] since before the repository
    /// was read. One that is pinned stays. Returns whether it was offloaded.
    pub fn offload(&self, backup: &Backup, repository: &str) -> Result<bool> {
        let path = backup.directory.as_path();
        let elsewhere = || StoreError::Elsewhere(path.to_owned());
        let name = Name::parse(&backup.name()).ok_or_else(elsewhere)?;
        let (_, _lock) = self.lock_store(name.store(), WAIT)?;
        if !self.has(path, name.store())? {
            return Err(elsewhere());
        }
        if pin::is_pinned(path) || path.symlink_metadata().is_err() {
            return Ok(false);
        }
        let record = OffloadRecord {
            format: "safe-compose-offloaded-backup",
            format_version: 1,
            time: Timestamp::now(),
            repository,
        };
        // From now on, nobody takes it for a backup that was damaged.
        write_atomically(&path.join(FILE_NAME), &to_json(&record), PRIVATE_FILE)?;
        sync_dir(path)?;
        for artifact in &backup.manifest.artifacts {
            let first = Path::new(&artifact.path).components().next();
            let file = first.map(|first| path.join(first)).filter(|file| file.symlink_metadata().is_ok());
            match file {
                Some(directory) if directory.is_dir() => remove_tree(&directory)?,
                Some(file) => remove_file(&file)?,
                None => {}
            }
        }
        let sums = path.join(sums::FILE_NAME);
        if sums.symlink_metadata().is_ok() {
            remove_file(&sums)?;
        }
        sync_dir(path)?;
        Ok(true)
    }
}
