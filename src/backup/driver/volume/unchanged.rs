//! A store whose files are exactly those of its previous backup: its archives are linked, and no file is read.

use super::places;
use super::tree::FileTree;
use crate::backup::consistency::Consistency;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{Artifact, ArtifactContents, Manifest, Proof};
use crate::backup::sqlite::SqliteDatabase;
use crate::backup::store::{Backup, Staging, StoreError};
use crate::inventory::DataLocation;

/// The format version since which the digest of a copy of paused processes counts what they have mapped into memory.
const COUNTS_MAPPED_FILES: u32 = 7;

/// A previous backup with the same files.
pub(super) struct Same<'a> {
    previous: &'a Backup,
    tree: String,
}

/// What was linked.
pub(super) struct Linked {
    pub(super) artifacts: Vec<Artifact>,
    pub(super) fingerprint: Fingerprint,
    pub(super) tree: String,
    pub(super) sqlite: Vec<SqliteDatabase>,
}

/// The previous backup, if it is of the same places and every file below them is the one that was copied then.
pub(super) fn find<'a>(places: &[&DataLocation], tree: &FileTree, previous: &'a Backup) -> Option<Same<'a>> {
    let manifest = &previous.manifest;
    let is_reliable = match manifest.consistency {
        Consistency::Cold => true,
        Consistency::Frozen => manifest.format_version >= COUNTS_MAPPED_FILES,
        Consistency::Dumped | Consistency::TornPossible => false,
    };
    // What an older version or another user left out can be recorded now.
    let has_attributes = manifest
        .artifacts
        .iter()
        .all(|artifact| !matches!(artifact.contents, ArtifactContents::Files { attributes: None, .. }));
    let is_same = is_reliable
        && has_attributes
        && previous.proof() != Proof::Failed
        && manifest.tree.as_ref() == Some(&tree.digest)
        && places::are_those_of(places, manifest);
    is_same.then(|| Same { previous, tree: tree.digest.clone() })
}

/// Links every archive, and reads it to see that it is intact.
pub(super) fn link(same: Same<'_>, into: &mut Staging) -> Result<Linked, StoreError> {
    let Same { previous, tree } = same;
    let mut artifacts = Vec::new();
    for artifact in &previous.manifest.artifacts {
        match into.link_from(previous, &artifact.path) {
            Ok(artifact) => artifacts.push(artifact),
            Err(error) => {
                for linked in &artifacts {
                    into.discard(&linked.path)?;
                }
                return Err(error);
            }
        }
    }
    let Manifest { fingerprint, sqlite, .. } = previous.manifest.clone();
    Ok(Linked { artifacts, fingerprint, tree, sqlite })
}
