//! Writes a large file under a temporary name until it is complete.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{FsError, PRIVATE_FILE, Result, create_private_dir_all, remove_file, sync_dir};

/// The prefix of temporary names.
const PREFIX: &str = ".partial-file-";

/// A file that is being written. Dropping it removes the file.
#[derive(Debug)]
pub struct PendingFile {
    file: NamedTempFile,
}

impl PendingFile {
    /// Creates a temporary file in a directory, which is created if needed.
    pub fn create_in(directory: &Path) -> Result<Self> {
        create_private_dir_all(directory)?;
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(PRIVATE_FILE))
            .tempfile_in(directory)
            .map_err(|source| FsError::io("create a file in", directory, source))?;
        Ok(Self { file })
    }

    /// Removes temporary files left by a crash. The caller must make sure that no process is writing one.
    pub fn remove_left_over(directory: &Path) -> Result<()> {
        let entries =
            std::fs::read_dir(directory).map_err(|source| FsError::io("list", directory, source))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                remove_file(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The temporary path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Syncs the file and drops it from the page cache, so that a check reads it from disk.
    pub fn sync(&self) -> Result<()> {
        let file = self.file.as_file();
        file.sync_all().map_err(|source| FsError::io("sync", self.path(), source))?;
        // Advisory: without it, the check may read from memory.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }

    /// Renames the file to its final path; fails if that exists.
    pub fn keep(self, path: &Path) -> Result<()> {
        self.file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
            _ => FsError::io("write", path, error.error),
        })?;
        sync_dir(path.parent().unwrap_or(Path::new(".")))
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).expect("listed");
        entries.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_final_name_exists_only_when_it_is_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let below = dir.path().join("store");
        let mut file = PendingFile::create_in(&below).expect("created");
        file.write_all(b"abc").expect("written");
        file.sync().expect("synced");
        assert_eq!(file.path().metadata().expect("there").permissions().mode() & 0o777, PRIVATE_FILE);
        drop(file);
        assert_eq!(names(&below), [""; 0]);
        let mut file = PendingFile::create_in(&below).expect("created");
        file.write_all(b"abc").expect("written");
        file.keep(&below.join("f")).expect("kept");
        assert_eq!(names(&below), ["f"]);
        let second = PendingFile::create_in(&below).expect("created");
        assert!(matches!(second.keep(&below.join("f")), Err(FsError::Exists { .. })));
        assert_eq!(std::fs::read(below.join("f")).expect("read"), b"abc");
    }

    #[test]
    fn files_left_by_a_crash_are_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in [".partial-file-Ab12", ".partial-qdrant_backup_20260101_000000", "f"] {
            std::fs::write(dir.path().join(name), "x").expect("written");
        }
        PendingFile::remove_left_over(dir.path()).expect("removed");
        let mut left = names(dir.path());
        left.sort();
        assert_eq!(left, [".partial-qdrant_backup_20260101_000000", "f"]);
    }
}
