//! The free space of a disk, and how much of it a backup leaves to what else is on it.

use std::path::Path;

use super::{FsError, Result};

/// The most that a backup leaves free on a small disk, in bytes.
const RESERVE: u64 = 256 * 1000 * 1000;

/// A backup consists of a few files.
const FILES: u64 = 16;

/// What a disk has.
#[derive(Debug, Clone, Copy)]
struct DiskSpace {
    /// The bytes that this user can write.
    free: u64,
    size: u64,
    /// The files that this user can create; `None` where the file system has no limit.
    files: Option<u64>,
}

impl DiskSpace {
    /// Of the disk of a path, or of its nearest existing parent.
    fn of(path: &Path) -> Result<Self> {
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
        let stat = rustix::fs::statvfs(existing).map_err(|errno| FsError::Io {
            action: "get the free space of",
            path: existing.to_owned(),
            source: errno.into(),
        })?;
        Ok(Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            size: stat.f_blocks.saturating_mul(stat.f_frsize),
            files: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }

    fn reserve(self) -> u64 {
        reserve(self.size)
    }
}

/// What a backup leaves free on a disk of this size: 1 % of it or 256 MB, whichever is more, but never more than a tenth.
fn reserve(size: u64) -> u64 {
    RESERVE.max(size / 100).min(size / 10)
}

/// The bytes that this user can write at a path, or at its nearest existing parent.
pub fn free_bytes(path: &Path) -> Result<u64> {
    Ok(DiskSpace::of(path)?.free)
}

/// Whether the disk of a path can have one more file.
pub(super) fn can_have_files(path: &Path) -> bool {
    DiskSpace::of(path).map_or(true, |space| space.files != Some(0))
}

/// Fails if these bytes cannot be written at a path without using the reserve, or if the disk cannot have more files.
pub fn ensure_space(path: &Path, needed: u64) -> Result<()> {
    let space = DiskSpace::of(path)?;
    if space.files.is_some_and(|files| files < FILES) {
        return Err(FsError::NoInodes { path: path.to_owned() });
    }
    ensure(path, space, Some(needed))
}

/// Fails if the reserve of the disk is used.
pub fn ensure_reserve(path: &Path) -> Result<()> {
    ensure(path, DiskSpace::of(path)?, None)
}

fn ensure(path: &Path, space: DiskSpace, needed: Option<u64>) -> Result<()> {
    let (free, reserve) = (space.free, space.reserve());
    if free < needed.unwrap_or(0).saturating_add(reserve) {
        return Err(FsError::Reserved { path: path.to_owned(), needed, free, reserve });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_path_has_the_free_space_of_its_parent() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(free_bytes(&dir.path().join("a/b/c")).expect("asked") > 0);
    }

    #[test]
    fn a_reserve_is_left() {
        for (size, left) in [
            (100_000_000_000, 1_000_000_000),
            (10_000_000_000, 256_000_000),
            (1_000_000_000, 100_000_000),
            (0, 0),
        ] {
            assert_eq!(reserve(size), left, "{size}");
        }
        let space = DiskSpace { free: 300_000_000, size: 10_000_000_000, files: None };
        assert!(ensure(Path::new("/b"), space, Some(44_000_000)).is_ok());
        let error = ensure(Path::new("/b"), space, Some(44_000_001)).expect_err("it would be used");
        assert_eq!(
            error.to_string(),
            "not enough space for `/b`: 44 MB needed and 256 MB left for other programs, but only 300 MB free"
        );
        assert!(error.is_full());
    }
}
