//! `manifest.json`: what a backup contains, where it comes from, and how far it was verified.
//!
//! It is written last; a directory without one is not a backup.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::consistency::Consistency;
use super::evidence::StoreEvidence;
use super::file_attributes::FileAttributes;
use super::fingerprint::Fingerprint;
use super::format::{self, FormatError};
use super::shrink::Shrinkage;
use super::sqlite::SqliteDatabase;
use crate::fs::{is_read_failure, read_bounded};
use crate::inventory::StoreKind;

/// The value of `format` in every manifest.
pub const FORMAT: &str = "safe-compose-backup";

/// The format version that this program writes. It reads all versions up to this one.
pub const FORMAT_VERSION: u32 = 8;

/// The name of the file.
pub const FILE_NAME: &str = "manifest.json";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    /// When the backup was started, UTC.
    pub created: jiff::Timestamp,
    /// When it was finished, UTC.
    pub finished: jiff::Timestamp,
    pub project: String,
    pub service: String,
    /// The name of the container that was backed up.
    pub container: String,
    pub image: String,
    pub image_id: String,
    /// Engine id and endpoint.
    pub engine: String,
    pub endpoint: String,
    pub kind: StoreKind,
    /// The stores that are nodes of the cluster this is a backup of; empty for a single server. Since format version 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<String>,
    /// The server's version, if there is a server.
    pub server: Option<String>,
    /// Why it was made: `before down`, `asked for`, `before restore`.
    pub reason: String,
    /// What it may be used for. Since format version 5.
    #[serde(default)]
    pub role: BackupRole,
    /// Its place in the order of the backups of its directory, from 1: a clock can be wrong. Since format version 5; 0
    /// before.
    #[serde(default)]
    pub sequence: u64,
    pub proof: Proof,
    /// Since format version 6.
    #[serde(default = "unknown_consistency")]
    pub consistency: Consistency,
    /// A digest of the names, sizes, times and inodes of the files, if they stayed the same from before the copy until
    /// after it. Since format version 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    pub fingerprint: Fingerprint,
    /// What was seen of the data, to tell it from other data; `None` in backups of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<StoreEvidence>,
    /// It has far less than the last good backup before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrinkage: Option<Shrinkage>,
    /// The SQLite databases among the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sqlite: Vec<SqliteDatabase>,
    pub artifacts: Vec<Artifact>,
    /// How to restore it without this program, one command or sentence per line. Called `restore_by_hand` before format
    /// version 4.
    #[serde(alias = "restore_by_hand")]
    pub manual_restore: Vec<String>,
}

/// The reason of backups that a restore makes of what it replaces.
pub const BEFORE_RESTORE: &str = "before restore";

/// What a backup may be used for. Only a normal one is ever chosen as the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupRole {
    #[default]
    Normal,
    /// It contains what a restore has replaced.
    SafetyCopy,
    /// It was made while data was missing that nobody had restored or given up.
    AfterLoss,
}

/// How far a backup was verified, weakest first. Messages never claim more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// A test restore failed. Never in a manifest.
    Failed,
    /// Its digest matches the server's.
    Copied,
    /// It was read back from disk to its end, and its structure is complete.
    Readable,
    /// A test restore into a temporary server succeeded.
    Restored,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Relative to the directory of the backup, with `/`.
    pub path: String,
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
    /// Called `holds` before format version 4.
    #[serde(alias = "holds")]
    pub contents: ArtifactContents,
}

/// What a file contains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ArtifactContents {
    /// A snapshot of one collection, as created by the server.
    CollectionSnapshot { collection: String },
    /// What changed in a shard of a collection since the file before it in the incremental chain. The snapshot has number 0.
    /// Since format version 2; called `collection_delta`, with a `link`, before version 4.
    #[serde(alias = "collection_delta")]
    CollectionIncrement {
        collection: String,
        shard: u32,
        #[serde(alias = "link")]
        number: u32,
    },
    /// A snapshot of one shard of a collection, from any node that has it. Since format version 3.
    ShardSnapshot { collection: String, shard: u32 },
    /// The versions of a shard's files just before the newest file of the chain, as reported by the server: the next increment
    /// starts from them. Not needed to restore. Since format version 2.
    SegmentVersions { collection: String, shard: u32 },
    /// The files below one path of the container, as a tar archive.
    Files {
        target: String,
        source: String,
        /// `None` in backups of older versions, which have no more than the basic ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attributes: Option<FileAttributes>,
        /// The sockets that were not copied, by their paths in the container: a program makes its sockets when it starts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped_sockets: Vec<String>,
    },
    /// A database, as its server's own tool dumps it. Since format version 8.
    DatabaseDump { database: String },
    /// The statement that creates a database, for `psql` with the variable `database`. Since format version 8.
    DatabaseDefinition { database: String },
    /// The owner, settings and privileges of a database itself, in the same form. Since format version 8.
    DatabaseProperties { database: String },
    /// The users, roles and memberships of a database server. Since format version 8.
    ServerGlobals,
    /// Anything else, for people.
    Note,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("it has no manifest: it was never finished")]
    Missing,
    #[error("its manifest cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("its manifest is damaged")]
    Malformed(#[source] serde_json::Error),
    #[error("its manifest has an unknown format `{0}`")]
    Foreign(String),
    #[error(
        "its format version {0} is newer than this program supports ({FORMAT_VERSION}): use a newer safe-compose"
    )]
    Newer(u32),
}

impl Manifest {
    /// Reads the manifest in the directory of a backup.
    pub fn read(directory: &Path) -> Result<Self, ManifestError> {
        match read_bounded(&directory.join(FILE_NAME)) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ManifestError::Missing),
            Err(error) => Err(ManifestError::Unreadable(error)),
        }
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self =
            format::parse(bytes, &[FORMAT], FORMAT_VERSION).map_err(|error| match error {
                FormatError::Malformed(source) => ManifestError::Malformed(source),
                FormatError::Foreign(found) => ManifestError::Foreign(found),
                FormatError::Newer(found) => ManifestError::Newer(found),
            })?;
        let consistency = if manifest.format_version < 6 {
            Consistency::of_older(manifest.kind, &manifest.container)
        } else {
            manifest.consistency
        };
        let role = role(manifest.format_version, manifest.role, &manifest.reason);
        Ok(Self { role, consistency, ..manifest })
    }

    /// As it is written to disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::fs::to_json(self)
    }

    /// The SQLite databases that SQLite finds damaged, and what it says.
    pub fn damaged_databases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sqlite.iter().filter_map(|one| Some((one.path.as_str(), one.problem()?)))
    }

    /// Whether it may be less than what was there before it: it shrank, or a database in it is damaged. Such a backup
    /// never displaces an older one.
    pub fn is_doubtful(&self) -> bool {
        self.shrinkage.is_some() || self.damaged_databases().next().is_some()
    }

    /// The collections in the backup.
    pub fn collections(&self) -> BTreeSet<&str> {
        self.artifacts
            .iter()
            .filter_map(|artifact| match &artifact.contents {
                ArtifactContents::CollectionSnapshot { collection }
                | ArtifactContents::ShardSnapshot { collection, .. } => Some(collection.as_str()),
                ArtifactContents::CollectionIncrement { .. }
                | ArtifactContents::SegmentVersions { .. }
                | ArtifactContents::Files { .. }
                | ArtifactContents::DatabaseDump { .. }
                | ArtifactContents::DatabaseDefinition { .. }
                | ArtifactContents::DatabaseProperties { .. }
                | ArtifactContents::ServerGlobals
                | ArtifactContents::Note => None,
            })
            .collect()
    }

    /// The snapshots of a collection's shards, by number; empty if the collection has a single snapshot.
    pub fn shards(&self, name: &str) -> BTreeMap<u32, &Artifact> {
        self.artifacts
            .iter()
            .filter_map(|artifact| match &artifact.contents {
                ArtifactContents::ShardSnapshot { collection, shard } if collection == name => {
                    Some((*shard, artifact))
                }
                _ => None,
            })
            .collect()
    }

    /// What a collection is restored from: its snapshot, and the increments in their order. Empty if one is missing.
    pub fn incremental_chain(&self, name: &str) -> Vec<&Artifact> {
        let number = |artifact: &Artifact| match &artifact.contents {
            ArtifactContents::CollectionSnapshot { collection } if collection == name => Some(0),
            ArtifactContents::CollectionIncrement { collection, number, .. } if collection == name => {
                Some(*number)
            }
            _ => None,
        };
        let mut chain: Vec<_> =
            self.artifacts.iter().filter_map(|artifact| Some((number(artifact)?, artifact))).collect();
        chain.sort_by_key(|(number, _)| *number);
        let complete = (0..).zip(&chain).all(|(expected, (number, _))| expected == *number);
        if complete { chain.into_iter().map(|(_, artifact)| artifact).collect() } else { Vec::new() }
    }
}

/// What is not known is not claimed.
fn unknown_consistency() -> Consistency {
    Consistency::TornPossible
}

/// Before format version 5, only the reason shows that a backup is a safety copy.
fn role(format_version: u32, role: BackupRole, reason: &str) -> BackupRole {
    if format_version < 5 && reason == BEFORE_RESTORE { BackupRole::SafetyCopy } else { role }
}

/// The part of a manifest that orders and assigns backups. Parsing it is much cheaper than parsing all of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ManifestHeader {
    format_version: u32,
    pub(super) created: jiff::Timestamp,
    pub(super) project: String,
    pub(super) engine: String,
    reason: String,
    #[serde(default)]
    role: BackupRole,
    #[serde(default)]
    pub(super) sequence: u64,
    #[serde(default)]
    pub(super) cluster: Vec<String>,
}

impl ManifestHeader {
    /// Reads it from the directory of a backup; `None` if there is none. Fails if the system does.
    pub(super) fn read(directory: &Path) -> io::Result<Option<Self>> {
        match read_bounded(&directory.join(FILE_NAME)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if is_read_failure(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn role(&self) -> BackupRole {
        role(self.format_version, self.role, &self.reason)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest(service: &str, created: &str) -> Manifest {
        let created: jiff::Timestamp = created.parse().expect("a time");
        Manifest {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            tool: "safe-compose 0.0.0".into(),
            created,
            finished: created,
            project: "shop".into(),
            service: service.into(),
            container: format!("shop-{service}-1"),
            image: "busybox".into(),
            image_id: "sha256:0".into(),
            engine: "E".into(),
            endpoint: "unix:///var/run/docker.sock".into(),
            kind: StoreKind::Volume,
            cluster: Vec::new(),
            server: None,
            reason: "asked for".into(),
            role: BackupRole::Normal,
            sequence: 0,
            proof: Proof::Readable,
            consistency: Consistency::Cold,
            tree: None,
            fingerprint: Fingerprint::Volume { entries: 1, bytes: 1 },
            evidence: None,
            shrinkage: None,
            sqlite: Vec::new(),
            artifacts: Vec::new(),
            manual_restore: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest("db", "2026-08-01T10:00:00Z");
        assert_eq!(Manifest::parse(&manifest.to_bytes()).expect("sound"), manifest);
    }

    #[test]
    fn an_old_backup_before_a_restore_is_a_safety_copy() {
        let mut manifest =
            Manifest { reason: BEFORE_RESTORE.into(), ..manifest("db", "2026-08-01T10:00:00Z") };
        let read = |manifest: &Manifest| Manifest::parse(&manifest.to_bytes()).expect("sound").role;
        assert_eq!(read(&manifest), BackupRole::Normal);
        manifest.format_version = 4;
        assert_eq!(read(&manifest), BackupRole::SafetyCopy);
        manifest.reason = "before down".into();
        assert_eq!(read(&manifest), BackupRole::Normal);
    }

    #[test]
    fn an_older_copy_of_files_may_be_torn() {
        let older = |manifest: Manifest| {
            let text = String::from_utf8(manifest.to_bytes()).expect("JSON");
            let text = text.replace("  \"consistency\": \"cold\",\n", "");
            assert!(!text.contains("consistency"), "{text}");
            Manifest::parse(text.as_bytes()).expect("sound").consistency
        };
        let manifest = manifest("db", "2026-08-01T10:00:00Z");
        assert_eq!(older(manifest.clone()), Consistency::TornPossible, "version 6 without it");
        let files = Manifest { format_version: 5, ..manifest };
        assert_eq!(older(files.clone()), Consistency::TornPossible);
        assert_eq!(older(Manifest { container: String::new(), ..files.clone() }), Consistency::Cold);
        assert_eq!(older(Manifest { kind: StoreKind::Qdrant, ..files }), Consistency::Dumped);
    }

    #[test]
    fn a_newer_version_is_not_taken_for_damage() {
        let newer = br#"{"format":"safe-compose-backup","format_version":9,"parts":{}}"#;
        assert!(matches!(Manifest::parse(newer), Err(ManifestError::Newer(9))));
        let damaged = br#"{"format":"safe-compose-backup","format_version":1}"#;
        assert!(matches!(Manifest::parse(damaged), Err(ManifestError::Malformed(_))));
        assert!(matches!(Manifest::parse(b"{"), Err(ManifestError::Malformed(_))));
        let foreign = br#"{"format":"other","format_version":1}"#;
        assert!(matches!(Manifest::parse(foreign), Err(ManifestError::Foreign(_))));
        assert!(matches!(Manifest::read(Path::new("/nonexistent")), Err(ManifestError::Missing)));
    }
}
