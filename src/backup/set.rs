//! `backup_set_YYYYMMDD_HHMMSS.json`: which backups were made together.
//!
//! For people, and for whoever copies backups elsewhere; the program itself only writes it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest;
use super::store::{Backup, BackupRoot, SET_PREFIX, StoreError, Verified, next_second, stamp};
use crate::fs::{Digest, FsError, PRIVATE_FILE, create_private_dir_all, to_json, write_new};

/// The value of `format` in every backup set.
pub const FORMAT: &str = "safe-compose-backup-set";

/// The format version that this program writes. Version 1 was called `safe-compose-stack`.
pub const FORMAT_VERSION: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSet {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    pub created: Timestamp,
    pub project: String,
    /// Why it was made: `before down`, `asked for`.
    pub reason: String,
    pub backups: Vec<SetMember>,
}

/// One backup of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMember {
    pub store: String,
    /// The name of the backup's directory.
    pub name: String,
    /// Of its `manifest.json`, lowercase hex.
    pub manifest_sha256: String,
}

/// Records that these backups of a project were made together. Returns the file and what is in it.
pub fn write(
    root: &BackupRoot,
    project: &str,
    backups: &[&Verified],
) -> Result<(PathBuf, BackupSet), StoreError> {
    let mut set = BackupSet {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: Timestamp::now(),
        project: project.to_owned(),
        reason: backups.first().map(|backup| backup.manifest.reason.clone()).unwrap_or_default(),
        backups: backups.iter().map(|backup| member(backup)).collect::<Result<_, _>>()?,
    };
    create_private_dir_all(root.directory())?;
    loop {
        let path = root.directory().join(format!("{SET_PREFIX}{}.json", stamp(set.created)));
        match write_new(&path, &to_json(&set), PRIVATE_FILE) {
            Ok(()) => return Ok((path, set)),
            // Two in one second.
            Err(FsError::Exists { .. }) => set.created = next_second(set.created),
            Err(other) => return Err(other.into()),
        }
    }
}

fn member(backup: &Backup) -> Result<SetMember, StoreError> {
    let store = backup.directory.parent().and_then(Path::file_name).unwrap_or_default();
    let path = backup.directory.join(manifest::FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|source| FsError::io("read", &path, source))?;
    Ok(SetMember {
        store: store.to_string_lossy().into_owned(),
        name: backup.name(),
        manifest_sha256: Digest::of(&bytes).to_string(),
    })
}
