//! `manifest.json`: what a backup holds, who made it of what, and how far it was checked.
//!
//! It is written last; a directory without one is not a backup.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fingerprint::Fingerprint;
use crate::inventory::StoreKind;

/// The value of `format` in every manifest of ours.
pub const FORMAT: &str = "safe-compose-backup";

/// The newest format that this program reads and the one that it writes.
pub const FORMAT_VERSION: u32 = 3;

/// The name of the file.
pub const FILE_NAME: &str = "manifest.json";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    /// When the backup was begun, UTC.
    pub created: jiff::Timestamp,
    /// When it was finished, UTC.
    pub finished: jiff::Timestamp,
    pub project: String,
    pub service: String,
    /// The name of the container it was taken from.
    pub container: String,
    pub image: String,
    pub image_id: String,
    /// Engine id and endpoint.
    pub engine: String,
    pub endpoint: String,
    pub kind: StoreKind,
    /// The stores whose servers are nodes of one cluster, which this is a backup of; empty where a server stands alone.
    /// Since format version 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<String>,
    /// The server's own version, where there is a server.
    pub server: Option<String>,
    /// Why it was made: `before down`, `asked for`, `before restore`.
    pub reason: String,
    pub proof: Proof,
    pub fingerprint: Fingerprint,
    pub artifacts: Vec<Artifact>,
    /// How to put it back without this program, one command or sentence a line.
    pub restore_by_hand: Vec<String>,
}

/// How far a backup was checked, weakest first. A message never claims more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It was tried, and could not be put back, or came out as something else. Never in a manifest.
    Failed,
    /// The server's digest and ours agree.
    Copied,
    /// Read back from disk to the end, and its structure is whole.
    Readable,
    /// Put into a scratch server, and found equal there.
    Restored,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Relative to the backup's directory, with `/`.
    pub path: String,
    pub bytes: u64,
    /// Lowercase hex.
    pub sha256: String,
    pub holds: Holds,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Holds {
    /// A snapshot of one collection, as the server made it.
    CollectionSnapshot { collection: String },
    /// What has changed in a shard of a collection since the link before: link 0 is the snapshot, and all changes before
    /// this one lie on it. Since format version 2.
    CollectionDelta { collection: String, shard: u32, link: u32 },
    /// A snapshot of one shard of a collection, of whichever node has it. Since format version 3.
    ShardSnapshot { collection: String, shard: u32 },
    /// The versions of a shard's files just before the newest link, as the server printed them: the next changes begin
    /// from them. Not needed to restore. Since format version 2.
    SegmentVersions { collection: String, shard: u32 },
    /// The files below one path of the container, as a tar archive.
    Files { target: String, source: String },
    /// Anything else, for people.
    Note,
}

/// Why a manifest says nothing.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("it has no manifest, so it was never finished")]
    Missing,
    #[error("its manifest cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("its manifest is damaged")]
    Malformed(#[source] serde_json::Error),
    #[error("its manifest is of another kind: `{0}`")]
    Foreign(String),
    #[error(
        "it has format version {0}, and this program reads up to {FORMAT_VERSION}: use a newer safe-compose"
    )]
    Newer(u32),
}

/// What every version of a format of ours has, so that a newer one is told from a damaged one.
#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

impl Manifest {
    /// Reads the manifest of a backup's directory.
    pub fn read(directory: &Path) -> Result<Self, ManifestError> {
        match std::fs::read(directory.join(FILE_NAME)) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ManifestError::Missing),
            Err(error) => Err(ManifestError::Unreadable(error)),
        }
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let head: Head = serde_json::from_slice(bytes).map_err(ManifestError::Malformed)?;
        if head.format != FORMAT {
            return Err(ManifestError::Foreign(head.format));
        }
        if head.format_version > FORMAT_VERSION {
            return Err(ManifestError::Newer(head.format_version));
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Malformed)
    }

    /// As it is written to disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::fs::to_json(self)
    }

    /// The collections in it.
    pub fn collections(&self) -> BTreeSet<&str> {
        self.artifacts
            .iter()
            .filter_map(|artifact| match &artifact.holds {
                Holds::CollectionSnapshot { collection } | Holds::ShardSnapshot { collection, .. } => {
                    Some(collection.as_str())
                }
                Holds::CollectionDelta { .. }
                | Holds::SegmentVersions { .. }
                | Holds::Files { .. }
                | Holds::Note => None,
            })
            .collect()
    }

    /// The snapshots of a collection's shards, by their numbers; empty where the collection was saved in one piece.
    pub fn shards(&self, name: &str) -> BTreeMap<u32, &Artifact> {
        self.artifacts
            .iter()
            .filter_map(|artifact| match &artifact.holds {
                Holds::ShardSnapshot { collection, shard } if collection == name => Some((*shard, artifact)),
                _ => None,
            })
            .collect()
    }

    /// What a collection is restored from: its snapshot, and the changes to put over it in this order. Empty where a link
    /// is missing.
    pub fn links(&self, name: &str) -> Vec<&Artifact> {
        let number = |artifact: &Artifact| match &artifact.holds {
            Holds::CollectionSnapshot { collection } if collection == name => Some(0),
            Holds::CollectionDelta { collection, link, .. } if collection == name => Some(*link),
            _ => None,
        };
        let mut links: Vec<_> =
            self.artifacts.iter().filter_map(|artifact| Some((number(artifact)?, artifact))).collect();
        links.sort_by_key(|(number, _)| *number);
        let whole = (0..).zip(&links).all(|(expected, (number, _))| expected == *number);
        if whole { links.into_iter().map(|(_, artifact)| artifact).collect() } else { Vec::new() }
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
            proof: Proof::Readable,
            fingerprint: Fingerprint::Volume { entries: 1, bytes: 1 },
            artifacts: Vec::new(),
            restore_by_hand: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = manifest("db", "2026-08-01T10:00:00Z");
        assert_eq!(Manifest::parse(&manifest.to_bytes()).expect("sound"), manifest);
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let newer = br#"{"format":"safe-compose-backup","format_version":4,"parts":{}}"#;
        assert!(matches!(Manifest::parse(newer), Err(ManifestError::Newer(4))));
        let damaged = br#"{"format":"safe-compose-backup","format_version":1}"#;
        assert!(matches!(Manifest::parse(damaged), Err(ManifestError::Malformed(_))));
        assert!(matches!(Manifest::parse(b"{"), Err(ManifestError::Malformed(_))));
        let foreign = br#"{"format":"other","format_version":1}"#;
        assert!(matches!(Manifest::parse(foreign), Err(ManifestError::Foreign(_))));
        assert!(matches!(Manifest::read(Path::new("/nonexistent")), Err(ManifestError::Missing)));
    }
}
