//! Whose backups they are: those of one project of one engine.
//!
//! Several projects can share a backup directory, and services of two projects often have the same name.

use super::Backup;
use crate::backup::manifest::{Manifest, ManifestHeader};

/// A project of an engine. A backup directory that has an owner shows only the backups of that owner by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOwner {
    pub project: String,
    /// The engine's id; `None` where the engine could not be asked: then the project alone counts.
    pub engine: Option<String>,
}

impl BackupOwner {
    /// Whether it is a project of an engine.
    pub fn is(&self, project: &str, engine: &str) -> bool {
        self.project == project && self.engine.as_ref().is_none_or(|own| own == engine)
    }

    /// Whether a backup is its own.
    pub fn owns(&self, manifest: &Manifest) -> bool {
        self.is(&manifest.project, &manifest.engine)
    }

    pub(super) fn owns_header(&self, header: &ManifestHeader) -> bool {
        self.is(&header.project, &header.engine)
    }
}

impl super::BackupRoot {
    /// The same directory as one project of an engine sees it.
    #[must_use]
    pub fn owned_by(self, owner: BackupOwner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The same directory with the backups of all projects.
    #[must_use]
    pub fn of_all(self) -> Self {
        Self { owner: None, ..self }
    }

    /// Whose backups are shown; `None` for all.
    pub fn owner(&self) -> Option<&BackupOwner> {
        self.owner.as_ref()
    }

    /// Whether every user of this machine may add, replace and remove backups.
    pub fn is_open_to_all(&self) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        self.path.metadata().is_ok_and(|found| found.permissions().mode() & 0o002 != 0)
    }

    /// Whether a backup belongs to another project, or to this project on another engine.
    pub fn is_foreign(&self, backup: &Backup) -> bool {
        self.owner.as_ref().is_some_and(|owner| !owner.owns(&backup.manifest))
    }
}
