//! What this process has read of the backups in a directory, so that a command that asks for the newest backup of each of
//! many stores reads each manifest once.
//!
//! A finished backup is never changed, so its header holds for as long as the directory of the backup is the same one. The
//! names of backups are read again whenever the directory that they are in has changed, or has changed so recently that another
//! change could have the same time.

use std::collections::HashMap;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Name, Result};
use crate::backup::manifest::ManifestHeader;
use crate::fs::FsError;

/// A backup in the directory of a store, by its name.
#[derive(Debug, Clone)]
pub(super) struct NamedBackup {
    pub(super) name: Name,
    pub(super) path: PathBuf,
    inode: u64,
}

/// Tells whether a directory is as it was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DirectoryState {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

/// File systems may give all changes within a tick of the kernel's clock, or within two seconds, the same time.
const SAME_TIME: Duration = Duration::from_secs(2);

impl DirectoryState {
    /// Whether every later change will be seen by its time.
    fn is_settled(&self, now: SystemTime) -> bool {
        let newest = self.modified.max(self.changed);
        let newest =
            u64::try_from(newest.0).map_or(UNIX_EPOCH, |seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        now.duration_since(newest).is_ok_and(|age| age > SAME_TIME)
    }

    fn of(found: &Metadata) -> Self {
        Self {
            inode: (found.dev(), found.ino()),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The names in a directory, as it was.
#[derive(Debug)]
struct ListedNames {
    state: DirectoryState,
    names: Arc<[NamedBackup]>,
}

/// Shared by all copies of a [`BackupRoot`](super::BackupRoot).
#[derive(Debug, Default)]
pub(super) struct HeaderCache {
    headers: Mutex<HashMap<(PathBuf, u64), Arc<ManifestHeader>>>,
    names: Mutex<HashMap<PathBuf, ListedNames>>,
}

impl HeaderCache {
    /// The header of a backup; `None` if there is none. Fails if the system does; the next call tries it again.
    pub(super) fn header(&self, backup: &NamedBackup) -> io::Result<Option<Arc<ManifestHeader>>> {
        let key = (backup.path.clone(), backup.inode);
        if let Some(known) = lock(&self.headers).get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(header) = ManifestHeader::read(&backup.path)?.map(Arc::new) else { return Ok(None) };
        lock(&self.headers).insert(key, Arc::clone(&header));
        Ok(Some(header))
    }

    /// The names of the backups in the directory of a store, which `list` lists.
    pub(super) fn names(
        &self,
        directory: &Path,
        list: impl FnOnce(&Path) -> Result<Vec<DirEntry>>,
    ) -> Result<Arc<[NamedBackup]>> {
        let found = directory.metadata().map_err(|source| FsError::io("list", directory, source))?;
        let state = DirectoryState::of(&found);
        if let Some(known) = lock(&self.names).get(directory)
            && known.state == state
        {
            return Ok(Arc::clone(&known.names));
        }
        let of_store = |name: &Name| directory.file_name().is_some_and(|store| store == name.store());
        let named = list(directory)?.into_iter().filter_map(|entry| {
            let name = Name::parse(&entry.file_name().to_string_lossy()).filter(of_store)?;
            Some(NamedBackup { name, path: entry.path(), inode: entry.ino() })
        });
        let names: Arc<[NamedBackup]> = named.collect();
        if state.is_settled(SystemTime::now()) {
            let listed = ListedNames { state, names: Arc::clone(&names) };
            lock(&self.names).insert(directory.to_owned(), listed);
        }
        Ok(names)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_just_changed_may_change_again_unseen() {
        let state =
            |seconds| DirectoryState { inode: (1, 1), modified: (seconds, 5), changed: (seconds - 9, 0) };
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert!(state(990).is_settled(now));
        assert!(!state(998).is_settled(now));
        assert!(!state(1000).is_settled(now), "now");
        assert!(!state(2000).is_settled(now), "a clock that went back");
    }

    #[test]
    fn names_are_kept_only_where_a_change_would_be_seen() {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("db");
        std::fs::create_dir(&directory).expect("created");
        let cache = HeaderCache::default();
        let listed = std::cell::Cell::new(0);
        let list = |path: &Path| {
            listed.set(listed.get() + 1);
            Ok(std::fs::read_dir(path).expect("listed").map(|entry| entry.expect("an entry")).collect())
        };
        let count = || cache.names(&directory, list).expect("listed").len();
        assert_eq!((count(), count(), listed.get()), (0, 0, 2), "it was created just now");
        std::fs::create_dir(directory.join("db_backup_20260801_100000")).expect("created");
        assert_eq!(count(), 1);
    }
}
