//! The backups in a repository.

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{Open, PruneOptions};
use serde::Serialize;

use super::RepositoryError;
use super::description::StoredBackup;
use super::error;
use super::open::OpenRepository;
use crate::backup::manifest::BackupRole;

/// The tag of every snapshot of this program.
pub(super) const TAG: &str = "safe-compose";

/// A backup in a repository.
#[derive(Debug, Clone)]
pub struct RepositorySnapshot {
    /// As restic shows it.
    pub id: String,
    /// The machine that it was copied from.
    pub host: String,
    pub stored: StoredBackup,
    pub(super) file: Box<SnapshotFile>,
}

impl<S: Open> OpenRepository<S> {
    /// The backups in the repository, oldest first. Snapshots of other programs are left out.
    ///
    /// # Errors
    /// A backup of a newer format version is one: what it means is not known.
    pub fn backups(&self) -> Result<Vec<RepositorySnapshot>, RepositoryError> {
        let all = self.inner.get_all_snapshots().map_err(error::failed("reading the snapshots"))?;
        let mut backups = Vec::new();
        for file in all {
            let Some(stored) = file.description.as_deref().and_then(StoredBackup::parse) else { continue };
            let id: String = file.id.to_string().chars().take(8).collect();
            let newer = |version| RepositoryError::NewerBackup { snapshot: id.clone(), version };
            let stored = stored.map_err(newer)?;
            backups.push(RepositorySnapshot {
                id,
                host: file.hostname.clone(),
                stored,
                file: Box::new(file),
            });
        }
        backups.sort_by_key(|one| (one.created(), one.stored.manifest.sequence));
        Ok(backups)
    }

    /// Removes backups. Their data stays until [`OpenRepository::prune`].
    pub fn forget(&self, backups: &[&RepositorySnapshot]) -> Result<(), RepositoryError> {
        let ids: Vec<_> = backups.iter().map(|one| one.file.id).collect();
        self.inner.delete_snapshots(&ids).map_err(error::failed("removing snapshots"))
    }

    /// Removes data that no snapshot has any more. The library marks it first, and removes it when it was marked a day before:
    /// a copy that runs meanwhile may need it.
    pub fn prune(&self) -> Result<(), RepositoryError> {
        let options = PruneOptions::default();
        let failed = error::failed("removing unused data");
        let plan = self.inner.prune_plan(&options).map_err(failed)?;
        self.inner.prune(&options, plan).map_err(failed)
    }
}

impl RepositorySnapshot {
    /// When the backup was made.
    pub fn created(&self) -> Timestamp {
        self.stored.manifest.created
    }
}

/// What people can select snapshots by: `restic snapshots --tag project=shop`.
pub(super) fn tags(stored: &StoredBackup) -> String {
    let manifest = &stored.manifest;
    let mut tags = vec![
        TAG.to_owned(),
        format!("project={}", manifest.project),
        format!("service={}", manifest.service),
        format!("kind={}", word(&manifest.kind)),
        format!("consistency={}", manifest.consistency),
        format!("proof={}", word(&manifest.proof)),
        format!("reason={}", manifest.reason),
    ];
    match manifest.role {
        BackupRole::Normal => {}
        BackupRole::SafetyCopy => tags.push("role=safety-copy".to_owned()),
        BackupRole::AfterLoss => tags.push("role=after-loss".to_owned()),
    }
    tags.extend(stored.set.iter().map(|set| format!("set={set}")));
    // A comma separates tags.
    let tags: Vec<String> = tags.into_iter().map(|tag| tag.replace([',', ' '], "-")).collect();
    tags.join(",")
}

/// As JSON has it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => other.map(|value| value.to_string()).unwrap_or_default(),
    }
}
