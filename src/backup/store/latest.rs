//! The newest backup of a store, reading as little of the others as possible.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::headers::NamedBackup;
use super::root::{entries, refuse_link};
use super::{Backup, BackupRoot, Name, Result, StoreError};
use crate::backup::manifest::{BackupRole, FILE_NAME as MANIFEST, ManifestHeader};
use crate::fs::{FsError, is_missing};
use crate::inventory::StoreKind;

/// The backup to restore by default.
#[derive(Debug, Default)]
pub struct Latest {
    pub backup: Option<Backup>,
    /// The newest of those that are newer and were skipped: safety copies, backups after a loss, and backups that failed
    /// their test restore.
    pub skipped: Option<Backup>,
}

/// A backup of which only the header was read.
struct Found {
    header: Arc<ManifestHeader>,
    backup: NamedBackup,
}

/// The newest backup of a directory, whoever owns it.
#[derive(Debug, Default)]
pub(super) struct Newest {
    pub(super) sequence: u64,
    /// The one with the latest time, which is another one if a clock was wrong.
    pub(super) last: Option<(String, Timestamp)>,
}

impl BackupRoot {
    /// The newest readable backup of a store that can be the latest: its own, or one of the cluster that it is a node of.
    /// Safety copies, backups that were made after a loss, and backups that failed their test restore are skipped.
    pub fn latest(&self, store: &str) -> Result<Option<Backup>> {
        Ok(self.choose_latest(store)?.backup)
    }

    /// Like [`BackupRoot::latest`], with what was skipped.
    pub fn choose_latest(&self, store: &str) -> Result<Latest> {
        let mut latest = Latest::default();
        self.newest_first(store, |backup| {
            if backup.can_be_latest() {
                latest.backup = Some(backup);
            } else if latest.skipped.is_none() {
                latest.skipped = Some(backup);
            }
            latest.backup.is_some()
        })?;
        Ok(latest)
    }

    /// The newest readable backup that can be the latest and did not shrink: what a new one is compared with.
    pub fn last_good(&self, store: &str) -> Result<Option<Backup>> {
        let mut good = None;
        self.newest_first(store, |backup| {
            if backup.can_be_latest() && !backup.manifest.is_doubtful() {
                good = Some(backup);
            }
            good.is_some()
        })?;
        Ok(good)
    }

    /// The newest readable backup of a store whose files are here and that did not fail its test restore, safety copies
    /// included: the base of an incremental backup.
    pub fn newest(&self, store: &str) -> Result<Option<Backup>> {
        let mut newest = None;
        self.newest_first(store, |backup| {
            if !backup.has_failed_proof() && !backup.is_offloaded {
                newest = Some(backup);
            }
            newest.is_some()
        })?;
        Ok(newest)
    }

    /// The same of one kind.
    pub fn newest_of(&self, store: &str, kind: StoreKind) -> Result<Option<Backup>> {
        let mut newest = None;
        self.newest_first(store, |backup| {
            if backup.manifest.kind == kind && !backup.has_failed_proof() && !backup.is_offloaded {
                newest = Some(backup);
            }
            newest.is_some()
        })?;
        Ok(newest)
    }

    /// Passes the backups of a store, newest first, until `is_enough`.
    fn newest_first(&self, store: &str, mut is_enough: impl FnMut(Backup) -> bool) -> Result<()> {
        let own = self.of_store(store)?;
        refuse_link(&own)?;
        let (mut found, unread) =
            if is_missing(&own) { Default::default() } else { self.found(self.names(&own)?.iter()) };
        // The backup of a cluster lies with one of its nodes. Only those are read that are newer by their name.
        let is_normal = |found: &&Found| found.header.role() == BackupRole::Normal;
        let known = found.iter().filter(is_normal).map(|found| found.backup.name.time()).max();
        // Problems with the directories of other stores do not matter here.
        for other in self.store_directories()?.into_iter().filter(|path| *path != own) {
            let Ok(names) = self.names(&other) else { continue };
            let newer = names.iter().filter(|backup| known.is_none_or(|known| backup.name.time() > known));
            let (mut newer, _) = self.found(newer);
            newer.retain(|found| found.header.cluster.iter().any(|node| node == store));
            found.append(&mut newer);
        }
        found.sort_by_key(|Found { header, backup: NamedBackup { name, .. } }| {
            std::cmp::Reverse((header.sequence, name.time(), name.store() == store))
        });
        // One that cannot be read now may be the one that is meant.
        let mut unread = unread.into_iter().peekable();
        for Found { backup: NamedBackup { name, path, .. }, .. } in found {
            if let Some((_, error)) = unread.next_if(|(unread, _)| unread.time() > name.time()) {
                return Err(error.into());
            }
            let backup = match Backup::load(&path) {
                Ok(backup) => backup,
                Err(damage) if damage.is_read_failure() => return Err(StoreError::Damaged { path, damage }),
                Err(_) => continue,
            };
            let of_cluster = backup.manifest.cluster.iter().any(|node| node == store);
            if (name.store() == store || of_cluster) && is_enough(backup) {
                return Ok(());
            }
        }
        match unread.next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The headers of the owner's backups, and those that could not be read, newest first.
    fn found<'a>(
        &self,
        backups: impl Iterator<Item = &'a NamedBackup>,
    ) -> (Vec<Found>, Vec<(Name, FsError)>) {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for backup in backups {
            match self.cache.header(backup) {
                Ok(Some(header)) => found.push(Found { header, backup: backup.clone() }),
                Ok(None) => {}
                Err(source) => {
                    let error = FsError::io("read", &backup.path.join(MANIFEST), source);
                    unread.push((backup.name.clone(), error));
                }
            }
        }
        found.retain(|found| self.owner().is_none_or(|owner| owner.owns_header(&found.header)));
        unread.sort_by_key(|(name, _)| std::cmp::Reverse(name.time()));
        (found, unread)
    }

    /// The highest sequence number and the latest time of all backups in the directory.
    pub(super) fn newest_of_all(&self) -> Result<Newest> {
        let mut newest = Newest::default();
        for directory in self.store_directories()? {
            let Ok(names) = self.names(&directory) else { continue };
            for backup in names.iter() {
                // A backup is not refused because another one cannot be read.
                let Ok(Some(header)) = self.cache.header(backup) else { continue };
                newest.sequence = newest.sequence.max(header.sequence);
                if newest.last.as_ref().is_none_or(|(_, last)| *last < header.created) {
                    newest.last = Some((backup.name.to_string(), header.created));
                }
            }
        }
        Ok(newest)
    }

    /// Whether others than the owner have backups of a store.
    pub(in crate::backup) fn is_shared(&self, store: &str) -> Result<bool> {
        let own = self.of_store(store)?;
        let Some(owner) = self.owner().filter(|_| !is_missing(&own)) else { return Ok(false) };
        let names = self.names(&own)?;
        let mut headers = names.iter().filter_map(|backup| self.cache.header(backup).ok().flatten());
        Ok(headers.any(|header| !owner.owns_header(&header)))
    }

    fn names(&self, directory: &Path) -> Result<Arc<[NamedBackup]>> {
        self.cache.names(directory, entries)
    }

    /// The directories in which backups can be. A link in the place of one is not followed.
    fn store_directories(&self) -> Result<Vec<PathBuf>> {
        let is_directory = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        Ok(self.entries()?.iter().filter(|entry| is_directory(entry)).map(DirEntry::path).collect())
    }
}
