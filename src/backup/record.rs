//! `last_stop.json`: what a store held when it was last stopped.
//!
//! It lies beside the backups of its store, and is what the next `up` is compared with.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use super::store::{self, BackupRoot, StoreError};
use crate::fs::{FsError, PRIVATE_FILE, create_private_dir_all, to_json, write_atomically};

/// The value of `format` in every record.
pub const FORMAT: &str = "safe-compose-record";

/// The newest format that this program reads and the one that it writes.
pub const FORMAT_VERSION: u32 = 1;

/// The name of the file.
pub const FILE_NAME: &str = store::RECORD;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub format: String,
    pub format_version: u32,
    pub time: Timestamp,
    /// `None` where it could not be counted.
    pub fingerprint: Option<Fingerprint>,
    /// The backup of that time, by the name of its directory.
    pub backup: Option<String>,
    pub note: Note,
    /// Where the directories of the host were mounted from. A disk that is missing at the next `up` shows as another
    /// mount point above the same path.
    #[serde(default)]
    pub mounts: Vec<BoundMount>,
}

/// What became of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note {
    /// It was left as it was.
    Stopped,
    /// It was destroyed on purpose, saved in this backup where there is one.
    Destroyed { backup: Option<String> },
    /// Somebody took what was there as the new state.
    Accepted,
}

/// A directory of the host, and the mount point that it was below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundMount {
    pub path: PathBuf,
    pub mount_point: PathBuf,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("the record `{}` is damaged", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("`{}` is of another kind: `{found}`", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "the record `{}` has format version {found}, and this program reads up to {FORMAT_VERSION}: use a newer safe-compose",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
}

#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

impl Record {
    pub fn new(
        time: Timestamp,
        note: Note,
        fingerprint: Option<Fingerprint>,
        backup: Option<String>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            time,
            fingerprint,
            backup,
            note,
            mounts: Vec::new(),
        }
    }

    /// The record of a store; `None` when nothing was recorded.
    pub fn read(root: &BackupRoot, store: &str) -> Result<Option<Self>, RecordError> {
        let path = root.of_store(store)?.join(FILE_NAME);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&path, &bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FsError::io("read", &path, source).into()),
        }
    }

    /// Replaces the record of a store, but never one that a newer program wrote. A damaged one is replaced.
    pub fn write(&self, root: &BackupRoot, store: &str) -> Result<(), RecordError> {
        match Self::read(root, store) {
            Err(refused @ (RecordError::Newer { .. } | RecordError::Foreign { .. })) => return Err(refused),
            Err(RecordError::Store(error)) => return Err(error.into()),
            Ok(_) | Err(RecordError::Malformed { .. } | RecordError::Fs(_)) => {}
        }
        let directory = root.of_store(store)?;
        create_private_dir_all(&directory)?;
        Ok(write_atomically(&directory.join(FILE_NAME), &to_json(self), PRIVATE_FILE)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, RecordError> {
        let malformed = |source| RecordError::Malformed { path: path.to_owned(), source };
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(RecordError::Foreign { path: path.to_owned(), found: head.format });
        }
        if head.format_version > FORMAT_VERSION {
            return Err(RecordError::Newer { path: path.to_owned(), found: head.format_version });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(note: Note) -> Record {
        let fingerprint = Some(Fingerprint::Volume { entries: 3, bytes: 9 });
        let mut record =
            Record::new(Timestamp::UNIX_EPOCH, note, fingerprint, Some("db_backup_20260801_100000".into()));
        record.mounts = vec![BoundMount { path: "/srv/db".into(), mount_point: "/srv".into() }];
        record
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        assert_eq!(Record::read(&root, "db").expect("read"), None);
        for note in [
            Note::Stopped,
            Note::Accepted,
            Note::Destroyed { backup: None },
            Note::Destroyed { backup: Some("b".into()) },
        ] {
            record(note.clone()).write(&root, "db").expect("written");
            assert_eq!(Record::read(&root, "db").expect("read"), Some(record(note)));
        }
        assert!(matches!(
            record(Note::Stopped).write(&root, "../db"),
            Err(RecordError::Store(StoreError::BadStoreId(_)))
        ));
    }

    #[test]
    fn a_newer_record_is_neither_read_nor_replaced_and_a_damaged_one_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        record(Note::Stopped).write(&root, "db").expect("written");
        let path = dir.path().join("db").join(FILE_NAME);
        for newer in [
            r#"{"format":"safe-compose-record","format_version":2}"#,
            r#"{"format":"another","format_version":1}"#,
        ] {
            std::fs::write(&path, newer).expect("written");
            assert!(Record::read(&root, "db").is_err());
            assert!(record(Note::Stopped).write(&root, "db").is_err());
            assert_eq!(std::fs::read_to_string(&path).expect("read"), newer);
        }
        std::fs::write(&path, r#"{"format":"safe-comp"#).expect("written");
        let error = Record::read(&root, "db").expect_err("damaged");
        assert!(matches!(error, RecordError::Malformed { .. }));
        record(Note::Stopped).write(&root, "db").expect("replaced");
        assert!(Record::read(&root, "db").expect("read").is_some());
    }
}
