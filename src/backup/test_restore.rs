//! `proof.json`: the result of a test restore, which restores a backup into a temporary server.
//!
//! It is kept beside the manifest and contains the digest of the manifest, which is never written twice. Without it, a
//! backup is verified as far as its manifest says.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest;
use crate::fs::{Digest, FsError, PRIVATE_FILE, read_bounded, to_json, write_atomically};

/// The value of `format` in every record.
pub const FORMAT: &str = "safe-compose-proof";

/// The format version that this program writes. It reads all versions up to this one.
pub const FORMAT_VERSION: u32 = 1;

/// The name of the file.
pub const FILE_NAME: &str = "proof.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRestoreRecord {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    /// When the test restore ended, UTC.
    pub time: Timestamp,
    /// Of the `manifest.json` of the backup, lowercase hex.
    pub manifest_sha256: String,
    /// The image of the temporary container.
    pub image: String,
    /// The version of the temporary server.
    pub server: Option<String>,
    pub outcome: TestRestoreOutcome,
}

/// The outcome of a test restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum TestRestoreOutcome {
    /// It was restored, and matches the backup.
    Restored,
    /// It could not be restored, or does not match the backup.
    Failed { reasons: Vec<String> },
}

/// The result of a test restore, before it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRestoreResult {
    pub image: String,
    pub server: Option<String>,
    /// What the temporary server has counted, where a copy of files has no counts. Not recorded.
    pub contents: Option<String>,
    /// What is wrong; empty if the test restore succeeded.
    pub reasons: Vec<String>,
}

impl TestRestoreRecord {
    /// The record in the directory of a backup, if there is one, this program can read it, and it belongs to the
    /// manifest.
    pub fn read(directory: &Path) -> Option<Self> {
        let record = Self::parse(&read_bounded(&directory.join(FILE_NAME)).ok()?)?;
        let of_this = digest_of_manifest(directory).ok()? == record.manifest_sha256;
        of_this.then_some(record)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        let is_understood = record.format == FORMAT && record.format_version <= FORMAT_VERSION;
        is_understood.then_some(record)
    }

    /// Records the result of a test restore in the directory of the backup; replaces an earlier record.
    pub fn write(directory: &Path, result: &TestRestoreResult) -> Result<Self, FsError> {
        let manifest = directory.join(manifest::FILE_NAME);
        let record = Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
            time: Timestamp::now(),
            manifest_sha256: digest_of_manifest(directory)
                .map_err(|source| FsError::io("read", &manifest, source))?,
            image: result.image.clone(),
            server: result.server.clone(),
            outcome: match result.reasons.as_slice() {
                [] => TestRestoreOutcome::Restored,
                reasons => TestRestoreOutcome::Failed { reasons: reasons.to_vec() },
            },
        };
        write_atomically(&directory.join(FILE_NAME), &to_json(&record), PRIVATE_FILE)?;
        Ok(record)
    }
}

fn digest_of_manifest(directory: &Path) -> io::Result<String> {
    Ok(Digest::of(&read_bounded(&directory.join(manifest::FILE_NAME))?).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(reasons: &[&str]) -> TestRestoreResult {
        TestRestoreResult {
            image: "qdrant/qdrant".into(),
            server: Some("1.19.0".into()),
            contents: None,
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_as_long_as_the_manifest_is_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(TestRestoreRecord::read(dir.path()), None);
        assert!(TestRestoreRecord::write(dir.path(), &result(&[])).is_err(), "there is no manifest");
        std::fs::write(dir.path().join(manifest::FILE_NAME), "{}").expect("written");
        let failed = TestRestoreRecord::write(dir.path(), &result(&["no"])).expect("written");
        assert_eq!(failed.outcome, TestRestoreOutcome::Failed { reasons: vec!["no".into()] });
        let record = TestRestoreRecord::write(dir.path(), &result(&[])).expect("replaced");
        assert_eq!(record.outcome, TestRestoreOutcome::Restored);
        assert_eq!(TestRestoreRecord::read(dir.path()), Some(record));
        std::fs::write(dir.path().join(manifest::FILE_NAME), "{} ").expect("written");
        assert_eq!(TestRestoreRecord::read(dir.path()), None);
    }
}
