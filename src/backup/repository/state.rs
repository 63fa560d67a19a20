//! `repository.json` in the backup directory: which backups wait to be copied, and why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backup::format;
use crate::backup::store::BackupRoot;
use crate::fs::{
    FsError, PRIVATE_FILE, create_ignored_dir_all, is_read_failure, read_bounded, to_json, write_atomically,
};

/// The name of the file.
pub(in crate::backup) const FILE_NAME: &str = "repository.json";

const FORMAT: &str = "safe-compose-repository-state";
const FORMAT_VERSION: u32 = 1;

/// How far the backups of a project were copied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CopyState {
    /// The repository, without secrets.
    pub repository: String,
    /// When a copy last succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Timestamp>,
    /// The backups that could not be copied. The next copy tries them again.
    #[serde(default)]
    pub pending: BTreeSet<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The file. The projects of a directory may have different repositories.
#[derive(Debug, Serialize, Deserialize)]
struct CopyStates {
    format: String,
    format_version: u32,
    projects: BTreeMap<String, CopyState>,
}

impl CopyState {
    /// What was recorded for a project; what cannot be read counts as nothing.
    pub fn read(root: &BackupRoot, project: &str) -> Option<Self> {
        states(root).ok()?.projects.remove(project)
    }

    /// Records it.
    pub fn write(self, root: &BackupRoot, project: &str) -> Result<(), FsError> {
        let mut states = states(root)?;
        states.projects.insert(project.to_owned(), self);
        create_ignored_dir_all(root.directory())?;
        write_atomically(&root.directory().join(FILE_NAME), &to_json(&states), PRIVATE_FILE)
    }
}

/// Fails if the system does: what other projects wait for must not be overwritten.
fn states(root: &BackupRoot) -> Result<CopyStates, FsError> {
    let path = root.directory().join(FILE_NAME);
    let bytes = match read_bounded(&path) {
        Err(source) if is_read_failure(&source) => return Err(FsError::io("read", &path, source)),
        other => other.unwrap_or_default(),
    };
    Ok(format::parse(&bytes, &[FORMAT], FORMAT_VERSION).unwrap_or_else(|_| CopyStates {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        projects: BTreeMap::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_has_its_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(directory.path().join("backups")).expect("a root");
        assert_eq!(CopyState::read(&root, "shop"), None);
        let waiting = CopyState {
            repository: "/repo".to_owned(),
            pending: BTreeSet::from(["db_backup_20260801_100000".to_owned()]),
            error: Some("no route to host".to_owned()),
            copied: None,
        };
        waiting.clone().write(&root, "shop").expect("written");
        CopyState::default().write(&root, "blog").expect("written");
        assert_eq!(CopyState::read(&root, "shop"), Some(waiting));
        assert_eq!(CopyState::read(&root, "blog"), Some(CopyState::default()));
        std::fs::write(root.directory().join(FILE_NAME), "{").expect("written");
        assert_eq!(CopyState::read(&root, "shop"), None);
    }
}
