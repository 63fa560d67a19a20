//! The newest backup of a store, reading as little of the others as possible.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

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
    header: ManifestHeader,
    name: Name,
    path: PathBuf,
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
            if is_missing(&own) { Default::default() } else { self.found(names(&own)?) };
        // The backup of a cluster lies with one of its nodes. Only those are read that are newer by their name.
        let is_normal = |found: &&Found| found.header.role() == BackupRole::Normal;
        let known = found.iter().filter(is_normal).map(|found| found.name.time()).max();
        // Problems with the directories of other stores do not matter here.
        for other in self
            .entries()?
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(|path| *path != own && !path.is_symlink())
        {
            let newer = names(&other).unwrap_or_default().into_iter();
            let newer = newer.filter(|(name, _)| known.is_none_or(|known| name.time() > known));
            found.extend(self.found(newer.collect()).0);
        }
        found.sort_by_key(|found| {
            std::cmp::Reverse((found.header.sequence, found.name.time(), found.name.store() == store))
        });
        // One that cannot be read now may be the one that is meant.
        let mut unread = unread.into_iter().peekable();
        for Found { name, path, .. } in found {
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
    fn found(&self, names: Vec<(Name, PathBuf)>) -> (Vec<Found>, Vec<(Name, FsError)>) {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for (name, path) in names {
            match ManifestHeader::read(&path) {
                Ok(Some(header)) => found.push(Found { header, name, path }),
                Ok(None) => {}
                Err(source) => unread.push((name, FsError::io("read", &path.join(MANIFEST), source))),
            }
        }
        found.retain(|found| self.owner().is_none_or(|owner| owner.owns_header(&found.header)));
        unread.sort_by_key(|(name, _)| std::cmp::Reverse(name.time()));
        (found, unread)
    }

    /// The highest sequence number and the latest time of all backups in the directory.
    pub(super) fn newest_of_all(&self) -> Result<Newest> {
        let mut newest = Newest::default();
        for entry in self.entries()? {
            for (name, path) in names(&entry.path()).unwrap_or_default() {
                // A backup is not refused because another one cannot be read.
                let Ok(Some(header)) = ManifestHeader::read(&path) else { continue };
                newest.sequence = newest.sequence.max(header.sequence);
                if newest.last.as_ref().is_none_or(|(_, last)| *last < header.created) {
                    newest.last = Some((name.to_string(), header.created));
                }
            }
        }
        Ok(newest)
    }

    /// Whether others than the owner have backups of a store.
    pub(in crate::backup) fn is_shared(&self, store: &str) -> Result<bool> {
        let own = self.of_store(store)?;
        let Some(owner) = self.owner().filter(|_| !is_missing(&own)) else { return Ok(false) };
        Ok(names(&own)?
            .iter()
            .filter_map(|(_, path)| ManifestHeader::read(path).ok().flatten())
            .any(|header| !owner.owns_header(&header)))
    }
}

/// The names of the backups in the directory of a store.
fn names(directory: &Path) -> Result<Vec<(Name, PathBuf)>> {
    let of_store = |name: &Name| directory.file_name().is_some_and(|store| store == name.store());
    let named = entries(directory)?.into_iter().filter_map(|entry| {
        let name = Name::parse(&entry.file_name().to_string_lossy()).filter(of_store)?;
        Some((name, entry.path()))
    });
    Ok(named.collect())
}
