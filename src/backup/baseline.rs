//! `last_stop.json`: the baseline of a store, which is what it held when it was last stopped.
//!
//! It is kept beside the backups of its store; the next `up` compares the store with it. The file keeps its name across
//! format versions, so that an older program finds it and refuses to replace it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::format::{self, FormatError};
use super::store::{self, BackupRoot, StoreError};
use crate::fs::{FsError, PRIVATE_FILE, create_private_dir_all, to_json, write_atomically};

/// The value of `format` in every baseline.
pub const FORMAT: &str = "safe-compose-baseline";

/// The value of `format` before format version 2.
const OLD_FORMAT: &str = "safe-compose-record";

/// The format version that this program writes. It reads all versions up to this one.
pub const FORMAT_VERSION: u32 = 2;

/// The name of the file.
pub const FILE_NAME: &str = store::BASELINE;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreBaseline {
    pub format: String,
    pub format_version: u32,
    pub time: Timestamp,
    /// `None` if the store could not be read.
    pub fingerprint: Option<Fingerprint>,
    /// The backup made at that time, by the name of its directory.
    pub backup: Option<String>,
    pub note: Note,
}

/// What happened to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note {
    /// It was left as it was.
    Stopped,
    /// It was destroyed on purpose, after this backup if there is one.
    Destroyed { backup: Option<String> },
    /// The user accepted it as the new baseline.
    Accepted,
}

/// Why a baseline could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreBaselineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("the baseline `{}` is damaged", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the baseline `{}` has an unknown format `{found}`", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "the format version {found} of the baseline `{}` is newer than this program supports ({FORMAT_VERSION}): use a newer safe-compose",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
}

impl StoreBaseline {
    pub fn new(
        time: Timestamp,
        note: Note,
        fingerprint: Option<Fingerprint>,
        backup: Option<String>,
    ) -> Self {
        Self { format: FORMAT.to_owned(), format_version: FORMAT_VERSION, time, fingerprint, backup, note }
    }

    /// The baseline of a store; `None` if there is none.
    pub fn read(root: &BackupRoot, store: &str) -> Result<Option<Self>, StoreBaselineError> {
        let path = root.of_store(store)?.join(FILE_NAME);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&path, &bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FsError::io("read", &path, source).into()),
        }
    }

    /// Replaces the baseline of a store, but never one that a newer program wrote. A damaged one is replaced.
    pub fn write(&self, root: &BackupRoot, store: &str) -> Result<(), StoreBaselineError> {
        match Self::read(root, store) {
            Err(refused @ (StoreBaselineError::Newer { .. } | StoreBaselineError::Foreign { .. })) => {
                return Err(refused);
            }
            Err(StoreBaselineError::Store(error)) => return Err(error.into()),
            Ok(_) | Err(StoreBaselineError::Malformed { .. } | StoreBaselineError::Fs(_)) => {}
        }
        let directory = root.of_store(store)?;
        create_private_dir_all(&directory)?;
        Ok(write_atomically(&directory.join(FILE_NAME), &to_json(self), PRIVATE_FILE)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreBaselineError> {
        let path = || path.to_owned();
        format::parse(bytes, &[FORMAT, OLD_FORMAT], FORMAT_VERSION).map_err(|error| match error {
            FormatError::Malformed(source) => StoreBaselineError::Malformed { path: path(), source },
            FormatError::Foreign(found) => StoreBaselineError::Foreign { path: path(), found },
            FormatError::Newer(found) => StoreBaselineError::Newer { path: path(), found },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(note: Note) -> StoreBaseline {
        let fingerprint = Some(Fingerprint::Volume { entries: 3, bytes: 9 });
        StoreBaseline::new(Timestamp::UNIX_EPOCH, note, fingerprint, Some("db_backup_20260801_100000".into()))
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        assert_eq!(StoreBaseline::read(&root, "db").expect("read"), None);
        for note in [
            Note::Stopped,
            Note::Accepted,
            Note::Destroyed { backup: None },
            Note::Destroyed { backup: Some("b".into()) },
        ] {
            baseline(note.clone()).write(&root, "db").expect("written");
            assert_eq!(StoreBaseline::read(&root, "db").expect("read"), Some(baseline(note)));
        }
        assert!(matches!(
            baseline(Note::Stopped).write(&root, "../db"),
            Err(StoreBaselineError::Store(StoreError::BadStoreId(_)))
        ));
    }

    #[test]
    fn a_newer_baseline_is_neither_read_nor_replaced_and_a_damaged_one_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        baseline(Note::Stopped).write(&root, "db").expect("written");
        let path = dir.path().join("db").join(FILE_NAME);
        for newer in [
            r#"{"format":"safe-compose-baseline","format_version":3}"#,
            r#"{"format":"another","format_version":1}"#,
        ] {
            std::fs::write(&path, newer).expect("written");
            assert!(StoreBaseline::read(&root, "db").is_err());
            assert!(baseline(Note::Stopped).write(&root, "db").is_err());
            assert_eq!(std::fs::read_to_string(&path).expect("read"), newer);
        }
        std::fs::write(&path, r#"{"format":"safe-comp"#).expect("written");
        let error = StoreBaseline::read(&root, "db").expect_err("damaged");
        assert!(matches!(error, StoreBaselineError::Malformed { .. }));
        baseline(Note::Stopped).write(&root, "db").expect("replaced");
        assert!(StoreBaseline::read(&root, "db").expect("read").is_some());
    }
}
