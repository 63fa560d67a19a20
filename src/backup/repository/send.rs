//! Copies a backup into a repository.

use std::sync::Arc;

use rustic_core::jiff::Timestamp;
use rustic_core::jiff::tz::TimeZone;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{BackupOptions, ParentOptions, SnapshotOptions};

use super::RepositoryError;
use super::description::StoredBackup;
use super::error;
use super::open::IndexedRepository;
use super::snapshots::{RepositorySnapshot, tags};
use super::source::{BackupSource, HandedOver};
use super::survey::{Surveyed, survey};
use crate::backup::manifest;
use crate::backup::store::Verified;
use crate::fs::read_bounded;

/// How backups are copied.
#[derive(Debug, Clone, Default)]
pub struct SendOptions {
    /// The name of this machine in the snapshots.
    pub host: String,
    /// The backup set that the backups belong to.
    pub set: Option<String>,
}

/// A backup that is in the repository now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the repository grew by; 0 if all of it was there.
    pub added: u64,
}

impl IndexedRepository {
    /// Copies a verified backup. `known` are the snapshots that are there already; `advance` is called with the bytes that
    /// were read.
    pub fn send(
        &self,
        backup: &Verified,
        options: &SendOptions,
        known: &[RepositorySnapshot],
        advance: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Sent, RepositoryError> {
        let stored = StoredBackup::new(backup.store(), backup.name(), options.set.clone(), &backup.manifest);
        let snapshot = new_snapshot(&stored, options)?;
        let same = known.iter().rev().find(|known| {
            known.stored.manifest.project == stored.manifest.project
                && known.stored.store == stored.store
                && known.stored.has_data_of(&backup.manifest)
        });
        match same {
            Some(same) => self.send_again(same, stored, snapshot),
            None => self.send_data(backup, stored, snapshot, advance),
        }
    }

    /// The data is there already.
    fn send_again(
        &self,
        same: &RepositorySnapshot,
        stored: StoredBackup,
        mut snapshot: SnapshotFile,
    ) -> Result<Sent, RepositoryError> {
        let stored = stored.with(same.stored.artifacts.clone());
        snapshot.tree = same.file.tree;
        snapshot.paths.clone_from(&same.file.paths);
        self.save(snapshot, &stored, 0)
    }

    fn send_data(
        &self,
        backup: &Verified,
        stored: StoredBackup,
        snapshot: SnapshotFile,
        advance: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Sent, RepositoryError> {
        let root = stored.root();
        let manifest = backup.directory.join(manifest::FILE_NAME);
        let manifest = read_bounded(&manifest)
            .map_err(|source| RepositoryError::Unreadable { path: manifest::FILE_NAME.to_owned(), source })?;
        let surveyed: Vec<Surveyed> = backup
            .manifest
            .artifacts
            .iter()
            .map(|artifact| survey(&backup.directory, artifact))
            .collect::<Result<_, _>>()?;
        let stored = stored.with(surveyed.iter().map(|one| one.stored.clone()).collect());
        let directories = (root.clone(), backup.directory.clone());
        let source = BackupSource::new(directories, surveyed, manifest, Arc::new(advance));
        // Every file is read: what did not change was recognized before.
        let parents = ParentOptions::default().force(true);
        let options = BackupOptions::default().parent_opts(parents).no_scan(true);
        // The snapshot is saved afterwards, with its description.
        let made = self
            .gate
            .closed(|| self.inner.archive(&options, &source, snapshot.clone(), std::slice::from_ref(&root)))
            .map_err(error::failed("copying to the repository"))?;
        complete(&source.outcome(), &made)?;
        let added = made.summary.as_ref().map_or(0, |summary| summary.data_added_packed);
        let SnapshotFile { tree, paths, summary, .. } = made;
        self.save(SnapshotFile { tree, paths, summary, ..snapshot }, &stored, added)
    }

    fn save(
        &self,
        mut snapshot: SnapshotFile,
        stored: &StoredBackup,
        added: u64,
    ) -> Result<Sent, RepositoryError> {
        snapshot.description = Some(stored.to_text());
        self.inner.save_snapshots(vec![snapshot]).map_err(error::failed("writing to the repository"))?;
        Ok(Sent { added })
    }
}

/// Whether the snapshot has everything.
fn complete(outcome: &HandedOver, made: &SnapshotFile) -> Result<(), RepositoryError> {
    if let Some(problem) = &outcome.problem {
        return Err(RepositoryError::Incomplete(problem.to_string()));
    }
    let found = made.summary.as_ref().map(|one| (one.total_files_processed, one.total_bytes_processed));
    if found == Some((outcome.entries, outcome.bytes)) {
        return Ok(());
    }
    let (entries, bytes) = found.unwrap_or_default();
    Err(RepositoryError::Incomplete(format!(
        "{entries} files with {bytes} bytes were stored, of {} with {}",
        outcome.entries, outcome.bytes
    )))
}

fn new_snapshot(stored: &StoredBackup, options: &SendOptions) -> Result<SnapshotFile, RepositoryError> {
    let created = stored.manifest.created;
    let time = Timestamp::new(created.as_second(), created.subsec_nanosecond()).unwrap_or_default();
    SnapshotOptions::default()
        .host(options.host.clone())
        .time(time.to_zoned(TimeZone::UTC))
        .add_tags(&tags(stored))
        .and_then(|options| options.to_snapshot())
        .map_err(error::failed("naming the snapshot"))
}
