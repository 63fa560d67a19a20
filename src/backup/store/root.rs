//! The directory that all backups of a project are in.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::name::valid_store;
use super::{Result, StoreError};
use crate::fs::{DirectoryLock, FsError, create_private_dir_all};

/// How long a writer waits for another one before it gives up.
pub(in crate::backup) const WAIT: Duration = Duration::from_secs(10);

/// `backups/`.
#[derive(Debug, Clone)]
pub struct BackupRoot {
    path: PathBuf,
}

impl BackupRoot {
    /// For a directory that need not be there yet: until something is written, it is empty.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// A directory that is not there is an empty one; the first backup makes it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match fs::metadata(&path) {
            // Unreadable directories are found out here, with the path, and not later as an empty list.
            Ok(meta) if meta.is_dir() => entries(&path).map(|_| Self { path }),
            Ok(_) => Err(not_a_directory(&path).into()),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound => Ok(Self { path }),
                std::io::ErrorKind::NotADirectory => Err(not_a_directory(&path).into()),
                _ => Err(FsError::io("read", &path, error).into()),
            },
        }
    }

    /// Makes the directory where it is not there, 0700. One that is there keeps its mode.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        create_private_dir_all(&path)?;
        Ok(Self { path })
    }

    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// Where the backups of one store are.
    pub fn of_store(&self, store: &str) -> Result<PathBuf> {
        Ok(self.path.join(valid_store(store)?))
    }

    /// Keeps other holders of this lock out. Each store has a lock of its own besides, which needs no taking.
    pub fn lock(&self) -> Result<DirectoryLock> {
        create_private_dir_all(&self.path)?;
        DirectoryLock::acquire(&self.path, WAIT).map_err(|error| busy("this project", error))
    }

    /// Makes the directory of a store and takes its lock.
    pub(in crate::backup) fn lock_store(
        &self,
        store: &str,
        wait: Duration,
    ) -> Result<(PathBuf, DirectoryLock)> {
        let directory = self.of_store(store)?;
        create_private_dir_all(&directory)?;
        let lock =
            DirectoryLock::acquire(&directory, wait).map_err(|error| busy(&format!("`{store}`"), error))?;
        Ok((directory, lock))
    }

    /// What lies in the root itself.
    pub(in crate::backup) fn entries(&self) -> Result<Vec<DirEntry>> {
        if self.path.symlink_metadata().is_err() { Ok(Vec::new()) } else { entries(&self.path) }
    }
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

fn not_a_directory(path: &Path) -> FsError {
    let file = path.ancestors().find(|path| path.exists() && !path.is_dir()).unwrap_or(path);
    FsError::NotADirectory { path: file.to_owned() }
}
