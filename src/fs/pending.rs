//! A large file being written: under a hidden name until it is whole.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{FsError, PRIVATE_FILE, Result, create_private_dir_all, remove_file, sync_dir};

/// What the hidden names begin with.
const PREFIX: &str = ".partial-file-";

/// Dropping it removes it.
#[derive(Debug)]
pub struct PendingFile {
    file: NamedTempFile,
}

impl PendingFile {
    /// Begins a file in a directory, which is made where it is not there.
    pub fn create_in(directory: &Path) -> Result<Self> {
        create_private_dir_all(directory)?;
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(PRIVATE_FILE))
            .tempfile_in(directory)
            .map_err(|source| FsError::io("create a file in", directory, source))?;
        Ok(Self { file })
    }

    /// Removes what a crash has left of such files. The caller makes sure that nobody is writing one.
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

    /// Where it is until it is kept.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Syncs it, and lets the system forget what it holds of it in memory, so that a check reads the disk.
    pub fn sync(&self) -> Result<()> {
        let file = self.file.as_file();
        file.sync_all().map_err(|source| FsError::io("sync", self.path(), source))?;
        // Advice only: without it the check is as right, and says less about the disk.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }

    /// Gives it its name, which nothing has yet.
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
    fn it_has_its_name_only_when_it_is_kept() {
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
    fn what_a_crash_has_left_goes() {
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
