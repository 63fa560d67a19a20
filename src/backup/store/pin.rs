//! Pinned backups: `BACKUP.pinned` beside the directory of a backup.
//!
//! It is not inside, where every file is listed in the manifest, so that older versions and the checksums know nothing of
//! it. The file alone counts, whatever is in it: one that was damaged, or created by hand, pins the backup, too.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Backup, BackupRoot, Name, Result, StoreError};
use crate::fs::{FsError, PRIVATE_FILE, is_missing, remove_file, sync_dir, to_json, write_new};

const SUFFIX: &str = ".pinned";

/// How long to wait for backups that are being removed.
const WAIT: Duration = Duration::from_mins(1);

/// What is in the file, for people.
#[derive(Serialize)]
struct PinRecord {
    format: &'static str,
    format_version: u32,
    tool: &'static str,
    time: Timestamp,
    backup: String,
}

impl BackupRoot {
    /// Pins a backup. Returns whether it was not pinned before.
    pub fn pin(&self, backup: &Backup) -> Result<bool> {
        let _lock = self.lock_within(WAIT)?;
        let file = self.pin_of(backup)?;
        if is_missing(&backup.directory) {
            return Err(StoreError::NotFound(backup.name()));
        }
        let record = PinRecord {
            format: "safe-compose-pin",
            format_version: 1,
            tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")),
            time: Timestamp::now(),
            backup: backup.name(),
        };
        match write_new(&file, &to_json(&record), PRIVATE_FILE) {
            Ok(()) => Ok(true),
            Err(FsError::Exists { .. }) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Unpins a backup. Returns whether it was pinned.
    pub fn unpin(&self, backup: &Backup) -> Result<bool> {
        let _lock = self.lock_within(WAIT)?;
        let file = self.pin_of(backup)?;
        if !is_pinned(&backup.directory) {
            return Ok(false);
        }
        remove_file(&file)?;
        if let Some(parent) = file.parent() {
            sync_dir(parent)?;
        }
        Ok(true)
    }

    /// The file that pins a backup of this directory.
    fn pin_of(&self, backup: &Backup) -> Result<PathBuf> {
        let elsewhere = || StoreError::Elsewhere(backup.directory.clone());
        let name = Name::parse(&backup.name()).ok_or_else(elsewhere)?;
        if self.has(&backup.directory, name.store())? {
            Ok(pin_file(&backup.directory))
        } else {
            Err(elsewhere())
        }
    }
}

/// Whether a file beside the backups of a store pins one of them.
pub(super) fn is_pin(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|name| Name::parse(name).is_some())
}

/// Whether a backup is pinned. It counts as pinned where that cannot be known.
pub(super) fn is_pinned(directory: &Path) -> bool {
    match pin_file(directory).symlink_metadata() {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

fn pin_file(directory: &Path) -> PathBuf {
    let mut path = directory.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}
