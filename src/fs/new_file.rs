//! A file being written for the first time: private, counted and hashed on the way.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Digest, Digester, FsError, PRIVATE_FILE, Result, create_private_dir_all};

/// Never opens a file that is there already, so that it cannot write into one that another backup shares by a hard link.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: File,
    digester: Digester,
    expected: Option<u64>,
}

impl NewFile {
    /// Creates the file, with the directories above it.
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            create_private_dir_all(parent)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path).map_err(
            |source| match source.kind() {
                io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
                _ => FsError::io("create", path, source),
            },
        )?;
        Ok(Self { path: path.to_owned(), file, digester: Digester::default(), expected: None })
    }

    /// How large it is going to be, for the message about a full disk.
    #[must_use]
    pub fn expecting(mut self, bytes: Option<u64>) -> Self {
        self.expected = bytes;
        self
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn append(&mut self, chunk: &[u8]) -> Result<()> {
        self.file
            .write_all(chunk)
            .map_err(|source| FsError::io("write", &self.path, source).needing(self.expected))?;
        self.digester.update(chunk);
        Ok(())
    }

    /// Syncs it. Returns its length and its digest.
    pub fn finish(self) -> Result<(u64, Digest)> {
        self.file
            .sync_all()
            .map_err(|source| FsError::io("sync", &self.path, source).needing(Some(self.digester.bytes())))?;
        Ok((self.digester.bytes(), self.digester.finish()))
    }
}

impl Write for NewFile {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let count = self.file.write(chunk)?;
        self.digester.update(&chunk[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_private_hashed_and_never_the_second_of_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("deep/er/file");
        let mut file = NewFile::create(&path).expect("created");
        file.append(b"ab").expect("written");
        file.write_all(b"c").expect("written");
        assert_eq!(file.finish().expect("synced"), (3, Digest::of(b"abc")));
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, PRIVATE_FILE);
        assert_eq!(dir.path().join("deep").metadata().expect("there").permissions().mode() & 0o777, 0o700);
        assert!(matches!(NewFile::create(&path), Err(FsError::Exists { .. })));
    }
}
