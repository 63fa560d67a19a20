//! The backup directory: staging, finishing, reading back, finding, thinning out.
//!
//! `<root>/<store id>/<store id>_backup_YYYYMMDD_HHMMSS/` is one backup; the time is UTC. A name of that form is only
//! ever given to a complete backup, by a rename, and taken from it by a rename, so that a crash leaves no half one
//! under it. Whoever writes below `<root>/<store id>` holds its lock. What is not ours is left alone and reported.

mod check;
mod damage;
mod find;
mod latest;
mod listing;
mod name;
mod prune;
mod root;
mod staging;
mod sums;

use std::ops::Deref;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use damage::Damage;
pub use listing::Listing;
pub use name::Name;
pub(in crate::backup) use name::{BASELINE, next_second, parse_stamp, stamp};
pub use root::BackupRoot;
pub(in crate::backup) use root::WAIT;
pub use staging::Staging;

use super::fingerprint::Fingerprint;
use super::manifest::{self, Manifest, Proof};
use super::test_restore::{TestRestoreOutcome, TestRestoreRecord, TestRestoreResult};
use crate::fs::FsError;
use crate::inventory::StoreKind;

/// A finished backup whose manifest was read. Its files are as they were written only after [`Backup::check`].
#[derive(Debug, Clone)]
pub struct Backup {
    pub directory: PathBuf,
    pub manifest: Manifest,
    /// What putting it into a scratch server has shown, where that was tried.
    pub test_restore: Option<TestRestoreRecord>,
}

impl Backup {
    /// Reads the manifest of a backup's directory.
    pub fn load(directory: &Path) -> std::result::Result<Self, Damage> {
        let manifest = Manifest::read(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest,
            test_restore: TestRestoreRecord::read(directory),
        })
    }

    /// The name of its directory.
    pub fn name(&self) -> String {
        self.directory.file_name().unwrap_or(self.directory.as_os_str()).to_string_lossy().into_owned()
    }

    /// A backup without data, of what a record says; there is nothing on disk of it.
    pub fn from_baseline(
        root: &BackupRoot,
        project: &str,
        store: &str,
        kind: StoreKind,
        held: Fingerprint,
    ) -> Self {
        let now = Timestamp::now();
        let manifest = Manifest {
            format: manifest::FORMAT.to_owned(),
            format_version: manifest::FORMAT_VERSION,
            tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
            created: now,
            finished: now,
            project: project.to_owned(),
            service: store.to_owned(),
            container: String::new(),
            image: String::new(),
            image_id: String::new(),
            engine: String::new(),
            endpoint: String::new(),
            kind,
            cluster: Vec::new(),
            server: None,
            reason: "the record of the last stop".to_owned(),
            proof: Proof::Copied,
            fingerprint: held,
            artifacts: Vec::new(),
            manual_restore: Vec::new(),
        };
        Self { directory: root.directory().join(store).join(BASELINE), manifest, test_restore: None }
    }

    /// How far it was checked.
    pub fn proof(&self) -> Proof {
        match self.test_restore.as_ref().map(|record| &record.outcome) {
            Some(TestRestoreOutcome::Restored) => Proof::Restored,
            Some(TestRestoreOutcome::Failed { .. }) => Proof::Failed,
            None => self.manifest.proof,
        }
    }

    /// Writes down beside it what a trial has shown.
    pub fn record_test_restore(&mut self, result: &TestRestoreResult) -> Result<&TestRestoreRecord> {
        Ok(self.test_restore.insert(TestRestoreRecord::write(&self.directory, result)?))
    }

    /// What its files take, without what they share with other backups.
    pub fn bytes(&self) -> u64 {
        self.manifest.artifacts.iter().map(|artifact| artifact.bytes).sum()
    }
}

/// Proof that a backup is complete, and was read back from disk and checked. Only [`Staging::finish`] and
/// [`Backup::check`] make one.
#[derive(Debug, Clone)]
pub struct Verified(Backup);

impl Verified {
    pub fn backup(&self) -> &Backup {
        &self.0
    }

    /// Writes down beside it what a trial has shown.
    pub fn record_test_restore(&mut self, result: &TestRestoreResult) -> Result<&TestRestoreRecord> {
        self.0.record_test_restore(result)
    }

    pub fn into_backup(self) -> Backup {
        self.0
    }
}

impl Deref for Verified {
    type Target = Backup;

    fn deref(&self) -> &Backup {
        &self.0
    }
}

/// Why the backup directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("`{0}` cannot name a backup: only letters, digits, `.`, `_` and `-`, and no `.` in front")]
    BadStoreId(String),
    #[error("a backup of {what} is being written already")]
    Busy {
        what: String,
        #[source]
        source: FsError,
    },
    #[error("no backup is called `{0}`")]
    NotFound(String),
    #[error("`{text}` could be any of {}", names.join(", "))]
    Ambiguous { text: String, names: Vec<String> },
    #[error("the backup `{}` cannot be used", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        damage: Damage,
    },
    #[error("what was written did not stand the check")]
    Unsound(#[source] Damage),
    #[error("`{0}` is not in the backup that it was to be taken from")]
    NoSuchArtifact(String),
    #[error("none of the backups of `{0}` that would stay is whole, so none is removed")]
    NoneWhole(String),
    #[error("`{}` is no backup of this directory", .0.display())]
    Elsewhere(PathBuf),
}

pub type Result<T> = std::result::Result<T, StoreError>;
