//! Locks a directory, so that it has a single writer.
//!
//! The kernel releases the lock when the process ends, however it ends. The process id in the file is only used in
//! messages. The file is never removed: otherwise two processes could lock two files of the same name.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::read::{open_or_create, open_regular};
use super::{FsError, Result, owner};

const NAME: &str = ".lock";
/// The digits of a process id at most.
const LONGEST_ID: u64 = 20;
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
        let mut file = open_or_create(&path, OFlags::empty()).map_err(error)?;
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
        if holds_process_id(&mut file) {
            // Best effort: the lock is valid without the process id.
            let _ = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()));
        }
        Ok(Self { file: Some(file) })
    }

    /// Whether the lock excludes other processes: `false` if the file system does not support locks.
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }

    /// Checks whether another process holds the lock of a directory.
    pub fn probe(directory: &Path) -> LockState {
        match open_regular(&directory.join(NAME)) {
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

/// The process id in a lock file; empty in a new one. `None` if something else is in it: then it is a file of somebody's,
/// which a hard link has put here.
fn process_id(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.take(LONGEST_ID + 1).read_to_string(&mut text)).ok()?;
    let is_id = text.len() as u64 <= LONGEST_ID && text.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some(text)
}

fn holds_process_id(file: &mut File) -> bool {
    process_id(file).is_some()
}

fn holder(file: &mut File) -> String {
    match process_id(file) {
        Some(id) if !id.is_empty() => format!("process {id}"),
        Some(_) | None => "another process".to_owned(),
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
    fn a_file_of_somebody_else_in_its_place_stays_as_it_is() {
        let (dir, victim) =
            (tempfile::tempdir().expect("a directory"), tempfile::NamedTempFile::new().expect("a file"));
        let content = || std::fs::read_to_string(victim.path()).expect("read");
        std::fs::write(victim.path(), "mine").expect("written");
        let lock = dir.path().join(NAME);
        std::os::unix::fs::symlink(victim.path(), &lock).expect("linked");
        assert!(DirectoryLock::acquire(dir.path(), Duration::ZERO).is_err());
        assert_eq!(DirectoryLock::probe(dir.path()), LockState::Unknown);
        assert_eq!(content(), "mine");
        std::fs::remove_file(&lock).expect("removed");
        std::fs::write(&lock, "mine").expect("written");
        drop(DirectoryLock::acquire(dir.path(), Duration::ZERO).expect("it is only locked"));
        assert_eq!(std::fs::read_to_string(&lock).expect("read"), "mine");
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
