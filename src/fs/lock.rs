//! One writer for one directory.
//!
//! The kernel holds the lock and drops it with the process, however that ends; the number in the file only serves the
//! message. The file stays: removing it would let two processes hold locks on two files of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{FsError, PRIVATE_FILE, Result};

const NAME: &str = ".lock";
const PAUSE: Duration = Duration::from_millis(50);

/// The right to write in a directory. Dropping it gives it back.
#[derive(Debug)]
pub struct DirectoryLock {
    /// `None` on a file system without locks.
    file: Option<File>,
}

/// What is known about somebody else's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    Free,
    Held,
    /// The file system has no locks, or the file cannot be opened.
    Unknown,
}

impl DirectoryLock {
    /// Takes the lock of a directory, waiting for somebody else's at most so long.
    pub fn acquire(directory: &Path, wait: Duration) -> Result<Self> {
        let path = directory.join(NAME);
        let error = |source| FsError::io("lock", &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(error)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(FsError::Locked { path: directory.to_owned(), holder: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { file: None });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        }
        // Best effort: the lock is ours whether or not its file says so.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file: Some(file) })
    }

    /// Whether the lock keeps others out: `false` where the file system has none.
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }

    /// Looks whether somebody holds the lock of a directory.
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

    /// Whether a directory entry is a lock's file.
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
    fn the_second_waits_and_is_told_who_holds_it() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(DirectoryLock::probe(dir.path()), LockState::Free);
        let first = DirectoryLock::acquire(dir.path(), Duration::ZERO).expect("free");
        assert_eq!(DirectoryLock::probe(dir.path()), LockState::Held);
        let begun = Instant::now();
        let error = DirectoryLock::acquire(dir.path(), Duration::from_millis(120)).expect_err("held");
        assert!(begun.elapsed() >= Duration::from_millis(120));
        assert!(
            error.to_string().ends_with(&format!("is in use by process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        // A program that another test starts may hold a copy of the file for a moment.
        drop(DirectoryLock::acquire(dir.path(), Duration::from_secs(10)).expect("free again"));
    }

    #[test]
    fn whoever_waits_gets_it_when_it_is_given_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DirectoryLock::acquire(dir.path(), Duration::ZERO).expect("free");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| DirectoryLock::acquire(dir.path(), Duration::from_secs(10)));
            std::thread::sleep(Duration::from_millis(80));
            drop(first);
            second.join().expect("no panic").expect("given back");
        });
    }
}
