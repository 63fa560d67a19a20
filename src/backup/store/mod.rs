//! The backup directory: stage, finish, verify, find and prune backups.
//!
//! `<root>/<store id>/<store id>_backup_YYYYMMDD_HHMMSS/` is one backup; the time is UTC. Only a complete backup gets
//! such a name, by a rename, and loses it by a rename, so that a crash never leaves an incomplete one under it. Writers
//! below `<root>/<store id>` hold its lock. Foreign files are left alone and reported.

pub(crate) mod check;
mod damage;
mod find;
mod headers;
mod latest;
mod listing;
mod lockout;
mod name;
mod offloaded;
mod owner;
mod pin;
mod prune;
mod root;
mod staging;
pub(crate) mod sums;

use std::ops::Deref;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use damage::Damage;
pub use latest::Latest;
pub use listing::Listing;
pub use lockout::Lockout;
pub use name::Name;
pub(in crate::backup) use name::{
    BASELINE, OTHER_BASELINE_PREFIX, SET_PREFIX, is_baseline, is_set, next_second, stamp,
};
pub use owner::BackupOwner;
pub use root::BackupRoot;
pub(in crate::backup) use root::WAIT;
pub use staging::Staging;

use super::consistency::Consistency;
use super::fingerprint::Fingerprint;
use super::manifest::{self, BackupRole, Manifest, Proof};
use super::test_restore::{TestRestoreOutcome, TestRestoreRecord, TestRestoreResult};
use crate::fs::FsError;
use crate::inventory::StoreKind;

/// A finished backup whose manifest was read. Only [`Backup::check`] verifies its files.
#[derive(Debug, Clone)]
pub struct Backup {
    pub directory: PathBuf,
    pub manifest: Manifest,
    /// The result of the last test restore, if there was one.
    pub test_restore: Option<TestRestoreRecord>,
    /// Retention never removes it.
    pub is_pinned: bool,
    /// Its files are only in a repository.
    pub is_offloaded: bool,
}

impl Backup {
    /// Reads the manifest of a backup's directory.
    pub fn load(directory: &Path) -> std::result::Result<Self, Damage> {
        let manifest = Manifest::read(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            manifest,
            test_restore: TestRestoreRecord::read(directory),
            is_pinned: pin::is_pinned(directory),
            is_offloaded: offloaded::is_offloaded(directory),
        })
    }

    /// The name of its directory.
    pub fn name(&self) -> String {
        self.directory.file_name().unwrap_or(self.directory.as_os_str()).to_string_lossy().into_owned()
    }

    /// The store that it is of: the name of the directory that it is in.
    pub fn store(&self) -> &str {
        let directory = self.directory.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        directory.unwrap_or(&self.manifest.service)
    }

    /// The number of the replica that it is of, from 2; `None` for the first one.
    pub fn replica(&self) -> Option<u32> {
        self.store().strip_prefix(self.manifest.service.as_str())?.strip_prefix('-')?.parse().ok()
    }

    /// Whether it is of a store, or of a cluster that the store is a node of.
    pub fn is_of(&self, store: &str) -> bool {
        self.store() == store || self.manifest.cluster.iter().any(|node| node == store)
    }

    /// A backup without data, made from a baseline; it does not exist on disk.
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
            engine: root.owner().and_then(|owner| owner.engine.clone()).unwrap_or_default(),
            endpoint: String::new(),
            kind,
            cluster: Vec::new(),
            server: None,
            reason: "baseline of the last stop".to_owned(),
            role: BackupRole::Normal,
            sequence: 0,
            proof: Proof::Copied,
            // It has no files.
            consistency: Consistency::TornPossible,
            tree: None,
            fingerprint: held,
            evidence: None,
            shrinkage: None,
            sqlite: Vec::new(),
            artifacts: Vec::new(),
            manual_restore: Vec::new(),
        };
        let directory = root.directory().join(store).join(BASELINE);
        Self { directory, manifest, test_restore: None, is_pinned: false, is_offloaded: false }
    }

    /// A backup that is kept elsewhere, under the directory that it has or had here. A pin here holds there, too, and so does
    /// that its files are only there.
    pub fn elsewhere(root: &BackupRoot, store: &str, name: &str, manifest: Manifest) -> Result<Self> {
        let directory = root.of_store(store)?.join(name);
        let is_pinned = pin::is_pinned(&directory);
        let is_offloaded = offloaded::is_offloaded(&directory);
        Ok(Self { directory, manifest, test_restore: None, is_pinned, is_offloaded })
    }

    /// How far it was verified.
    pub fn proof(&self) -> Proof {
        match self.test_restore.as_ref().map(|record| &record.outcome) {
            Some(TestRestoreOutcome::Restored) => Proof::Restored,
            Some(TestRestoreOutcome::Failed { .. }) => Proof::Failed,
            None => self.manifest.proof,
        }
    }

    /// Whether its last test restore failed: it is no base for another backup, and no reason to make none.
    pub fn has_failed_proof(&self) -> bool {
        self.proof() == Proof::Failed
    }

    /// Whether `latest` can mean it: neither a safety copy, nor made after a loss, nor one that failed its test restore.
    pub fn can_be_latest(&self) -> bool {
        match self.manifest.role {
            BackupRole::Normal => !self.has_failed_proof(),
            BackupRole::SafetyCopy | BackupRole::AfterLoss => false,
        }
    }

    /// Records the result of a test restore beside it.
    pub fn record_test_restore(&mut self, result: &TestRestoreResult) -> Result<&TestRestoreRecord> {
        Ok(self.test_restore.insert(TestRestoreRecord::write(&self.directory, result)?))
    }

    /// The size of its files.
    pub fn bytes(&self) -> u64 {
        self.manifest.artifacts.iter().fold(0, |total, artifact| artifact.bytes.saturating_add(total))
    }
}

/// Proof that a backup is complete and was read back from disk and verified. Only [`Staging::finish`] and
/// [`Backup::check`] create one.
#[derive(Debug, Clone)]
pub struct Verified(Backup);

impl Verified {
    pub fn backup(&self) -> &Backup {
        &self.0
    }

    /// Records the result of a test restore beside it.
    pub fn record_test_restore(&mut self, result: &TestRestoreResult) -> Result<&TestRestoreRecord> {
        self.0.record_test_restore(result)
    }
}

impl Deref for Verified {
    type Target = Backup;

    fn deref(&self) -> &Backup {
        &self.0
    }
}

/// Why the backup directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error(
        "`{0}` cannot be the name of a backup: use letters, digits, `.`, `_` and `-`, and start without a `.`"
    )]
    BadStoreId(String),
    #[error("another backup of {what} is in progress")]
    Busy {
        what: String,
        #[source]
        source: FsError,
    },
    #[error("another safe-compose is removing, pinning or test-restoring backups of this project")]
    InUse {
        #[source]
        source: FsError,
    },
    #[error("there is no backup `{0}`")]
    NotFound(String),
    #[error("`{text}` is ambiguous: it could be {}", names.join(", "))]
    Ambiguous { text: String, names: Vec<String> },
    #[error("the backup `{}` cannot be used", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        damage: Damage,
    },
    #[error("the new backup did not pass verification")]
    Unsound(#[source] Damage),
    #[error("the previous backup has no file `{0}`")]
    NoSuchArtifact(String),
    #[error("no backup of `{0}` that would be kept is intact, so none was removed")]
    NoneIntact(String),
    #[error("`{}` is not a backup in this directory", .0.display())]
    Elsewhere(PathBuf),
    #[error("`{0}` is pinned")]
    Pinned(String),
}

pub type Result<T> = std::result::Result<T, StoreError>;
