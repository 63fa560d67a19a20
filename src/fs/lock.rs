//! Locks a directory, so that it has a single writer.
//!
//! The kernel releases the lock when the process ends, however it ends. The process id in the file is only used in
//! messages. The file is never removed: otherwise two processes could lock two files of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{FsError, PRIVATE_FILE, Result, owner};

const NAME: &str = ".lock";
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// An exclusive lock on a directory. Dropping it releases the lock.
#[derive(Debug)]
pub struct DirectoryLock {
    /// `None` if the file system does not support locks.
    file: Option<File>,
}

/// Whether another process holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    Free,
    Held,
    /// The file system does not support locks, or the file cannot be opened.
    Unknown,
}

impl DirectoryLock {
    /// Acquires the lock of a directory. Waits at most `wait` for another process to release it.
    pub fn acquire(directory: &Path, wait: Duration) -> Result<Self> {
        let path = directory.join(NAME);
        let error = |source| FsError::io("lock", &path, source);
        let is_new = std::fs::symlink_metadata(&path).is_err();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(error)?;
        if is_new {
            owner::give_file(&path, &file);
        }
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(RETRY_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(FsError::Locked { path: directory.to_owned(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { file: None });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        }
        // Best effort: the lock is valid without the process id.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file: Some(file) })
    }

    /// Whether the lock excludes other processes: `false` if the file system does not support locks.
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }

    /// Checks whether another process holds the lock of a directory.
    pub fn probe(directory: &Path) -> LockState {
        match File::open(path_in(directory)) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => LockState::Free,
                Err(TryLockError::WouldBlock) => LockState::Held,
                Err(TryLockError::Error(_)) => LockState::Unknown,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => LockState::Free,
            Err(_) => LockState::Unknown,
        }
    }

    /// Whether a directory entry is a lock file.
    pub fn is_lock(name: &str) -> bool {
        name == NAME
    }
}

fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.read_to_string(&mut text)) {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("process {text}")
        }
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_and_learns_which_process_holds_it() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(DirectoryLock::probe(dir.path()), LockState::Free);
        let first = DirectoryLock::acquire(dir.path(), Duration::ZERO).expect("free");
        assert_eq!(DirectoryLock::probe(dir.path()), LockState::Held);
        let started = Instant::now();
        let error = DirectoryLock::acquire(dir.path(), Duration::from_millis(120)).expect_err("held");
        assert!(started.elapsed() >= Duration::from_millis(120));
        assert!(
            error.to_string().ends_with(&format!("is in use by process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        // A program started by another test may hold a copy of the file for a moment.
        drop(DirectoryLock::acquire(dir.path(), Duration::from_secs(10)).expect("free again"));
    }

    #[test]
    fn a_waiting_process_gets_the_lock_when_it_is_released() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DirectoryLock::acquire(dir.path(), Duration::ZERO).expect("free");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| DirectoryLock::acquire(dir.path(), Duration::from_secs(10)));
            std::thread::sleep(Duration::from_millis(80));
            drop(first);
            second.join().expect("no panic").expect("released");
        });
    }
}
