//! The directory of all backups of a project.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::headers::HeaderCache;
use super::name::valid_store;
use super::{BackupOwner, Result, StoreError};
use crate::fs::{DirectoryLock, FsError, create_ignored_dir_all, create_private_dir_all, is_missing};

/// How long a writer waits for another writer.
pub(in crate::backup) const WAIT: Duration = Duration::from_secs(10);

/// `backups/`.
#[derive(Debug, Clone)]
pub struct BackupRoot {
    pub(super) path: PathBuf,
    /// Whose backups are listed and found by default.
    pub(super) owner: Option<BackupOwner>,
    pub(super) cache: Arc<HeaderCache>,
}

impl BackupRoot {
    /// For a directory that may not exist yet: then it counts as empty.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), owner: None, cache: Arc::default() }
    }

    /// Like [`BackupRoot::at`], but fails if there is something else in its place or it cannot be read.
    /// A directory that does not exist counts as empty; the first backup creates it.
    #[cfg(any(test, feature = "internals"))]
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match fs::metadata(&path) {
            // An unreadable directory is an error here, with its path, not an empty list later.
            Ok(meta) if meta.is_dir() => entries(&path).map(|_| Self::at(path)),
            Ok(_) => Err(not_a_directory(&path).into()),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound => Ok(Self::at(path)),
                std::io::ErrorKind::NotADirectory => Err(not_a_directory(&path).into()),
                _ => Err(FsError::io("read", &path, error).into()),
            },
        }
    }

    /// Creates the directory with mode 0700 and a `.gitignore`. An existing one keeps its mode.
    #[cfg(any(test, feature = "internals"))]
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        create_ignored_dir_all(&path)?;
        Ok(Self::at(path))
    }

    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// The directory of the backups of one store.
    pub fn of_store(&self, store: &str) -> Result<PathBuf> {
        Ok(self.path.join(valid_store(store)?))
    }

    /// Takes the lock of the whole directory, under which backups are pinned, removed and test-restored. Each store has a
    /// lock of its own, under which backups are made, and which this does not take.
    pub fn lock(&self) -> Result<DirectoryLock> {
        self.lock_within(WAIT)
    }

    /// Like [`BackupRoot::lock`]; waits at most this long for another process.
    pub fn lock_within(&self, wait: Duration) -> Result<DirectoryLock> {
        create_ignored_dir_all(&self.path)?;
        DirectoryLock::acquire(&self.path, wait).map_err(|error| match error {
            source @ FsError::Locked { .. } => StoreError::InUse { source },
            other => other.into(),
        })
    }

    /// Creates the directory of a store and takes its lock.
    pub(in crate::backup) fn lock_store(
        &self,
        store: &str,
        wait: Duration,
    ) -> Result<(PathBuf, DirectoryLock)> {
        let directory = self.of_store(store)?;
        create_ignored_dir_all(&self.path)?;
        refuse_link(&directory)?;
        create_private_dir_all(&directory)?;
        let lock =
            DirectoryLock::acquire(&directory, wait).map_err(|error| busy(&format!("`{store}`"), error))?;
        Ok((directory, lock))
    }

    /// The entries of the directory itself.
    pub(in crate::backup) fn entries(&self) -> Result<Vec<DirEntry>> {
        if is_missing(&self.path) { Ok(Vec::new()) } else { entries(&self.path) }
    }
}

/// The directory of a store is made by this program. A link in its place leads to files of somebody else, which backups
/// would be mixed with and removed from.
pub(super) fn refuse_link(directory: &Path) -> std::result::Result<(), FsError> {
    if directory.is_symlink() { Err(FsError::Link { path: directory.to_owned() }) } else { Ok(()) }
}

impl AsRef<Path> for BackupRoot {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

pub(super) fn entries(directory: &Path) -> Result<Vec<DirEntry>> {
    let error = |source| FsError::io("list", directory, source);
    Ok(fs::read_dir(directory).map_err(error)?.collect::<std::io::Result<_>>().map_err(error)?)
}

fn busy(what: &str, error: FsError) -> StoreError {
    match error {
        source @ FsError::Locked { .. } => StoreError::Busy { what: what.to_owned(), source },
        other => other.into(),
    }
}

#[cfg(any(test, feature = "internals"))]
fn not_a_directory(path: &Path) -> FsError {
    let file = path.ancestors().find(|path| path.exists() && !path.is_dir()).unwrap_or(path);
    FsError::NotADirectory { path: file.to_owned() }
}
