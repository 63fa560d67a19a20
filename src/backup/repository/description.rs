//! The description of a snapshot: what this program needs to make the backup again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::backup::format::{self, FormatError};
use crate::backup::manifest::{BackupRole, Manifest};

/// The value of `format` in every description.
const FORMAT: &str = "safe-compose-repository-backup";

/// The format version that this program writes.
const FORMAT_VERSION: u32 = 1;

/// A backup in a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredBackup {
    format: String,
    format_version: u32,
    /// The store, which may be a replica.
    pub store: String,
    /// The name of its directory.
    pub name: String,
    /// The name of the backup set that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    pub artifacts: Vec<StoredArtifact>,
    pub manifest: Box<Manifest>,
}

/// One file of a backup, in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredArtifact {
    /// As in the manifest.
    pub path: String,
    /// Of the file in the manifest: what an unchanged backup is recognized by.
    pub sha256: String,
    pub form: StoredForm,
    /// Of what is in the repository, which is not compressed.
    pub content_bytes: u64,
    /// Lowercase hex.
    pub content_sha256: String,
}

/// How a repository has a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredForm {
    /// As one file.
    File,
    /// An archive as the files that are in it, and its headers.
    Tree,
}

/// The path of an artifact in the snapshot, below [`super::FILES`] or [`super::HEADERS`].
pub(super) fn stored_path(path: &str, form: StoredForm) -> &str {
    let uncompressed = path.strip_suffix(".zst").unwrap_or(path);
    match form {
        StoredForm::File => uncompressed,
        StoredForm::Tree => uncompressed.strip_suffix(".tar").unwrap_or(uncompressed),
    }
}

impl StoredBackup {
    pub(super) fn new(store: &str, name: String, set: Option<String>, manifest: &Manifest) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            store: store.to_owned(),
            name,
            set,
            artifacts: Vec::new(),
            manifest: Box::new(manifest.clone()),
        }
    }

    pub(super) fn with(self, artifacts: Vec<StoredArtifact>) -> Self {
        Self { artifacts, ..self }
    }

    /// `None` if a snapshot is not of this program, and the version if it is newer.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, u32>> {
        match format::parse(text.as_bytes(), &[FORMAT], FORMAT_VERSION) {
            Ok(stored) => Some(Ok(stored)),
            Err(FormatError::Newer(version)) => Some(Err(version)),
            Err(FormatError::Malformed(_) | FormatError::Foreign(_)) => None,
        }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where the snapshot has it: `/PROJECT/STORE`.
    pub(super) fn root(&self) -> PathBuf {
        Path::new("/").join(&self.manifest.project).join(&self.store)
    }

    /// What is read to make the backup again.
    pub fn bytes(&self) -> u64 {
        self.artifacts.iter().map(|artifact| artifact.content_bytes).sum()
    }

    /// Whether `latest` can mean it.
    pub fn can_be_latest(&self) -> bool {
        self.manifest.role == BackupRole::Normal
    }

    /// Whether a backup of the same name is this one: archives may have been compressed again since.
    pub fn is_same(&self, other: &Manifest) -> bool {
        self.manifest.finished == other.finished && self.manifest.fingerprint == other.fingerprint
    }

    /// Whether another one has the same data.
    pub(super) fn has_data_of(&self, manifest: &Manifest) -> bool {
        self.artifacts.len() == manifest.artifacts.len()
            && self
                .artifacts
                .iter()
                .zip(&manifest.artifacts)
                .all(|(stored, artifact)| stored.path == artifact.path && stored.sha256 == artifact.sha256)
    }
}
