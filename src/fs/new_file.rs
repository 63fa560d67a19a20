//! Writes a new private file, and counts and hashes its bytes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Digest, Digester, FsError, PRIVATE_FILE, Result, create_private_dir_all, owner};

/// A file that is being written. Never opens an existing file, which may be hard-linked from another backup.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// `None` if the file is hashed when it is read back.
    digester: Option<Digester>,
    expected: Option<u64>,
}

impl NewFile {
    /// Creates the file and its parent directories.
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            create_private_dir_all(parent)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path).map_err(
            |source| match source.kind() {
                io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
                _ => FsError::io("create the file", path, source),
            },
        )?;
        owner::give_file(path, &file);
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: 0,
            digester: Some(Digester::default()),
            expected: None,
        })
    }

    /// Sets the expected size, for the error of a full disk.
    #[must_use]
    pub fn expecting(mut self, bytes: Option<u64>) -> Self {
        self.expected = bytes;
        self
    }

    /// Disables hashing, for a large file that is read back and hashed from disk anyway.
    #[must_use]
    pub fn unhashed(mut self) -> Self {
        self.digester = None;
        self
    }

    /// The number of bytes written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a chunk.
    pub fn append(&mut self, chunk: &[u8]) -> Result<()> {
        self.file
            .write_all(chunk)
            .map_err(|source| FsError::io("write", &self.path, source).needing(self.expected))?;
        self.count(chunk);
        Ok(())
    }

    fn count(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        if let Some(digester) = &mut self.digester {
            digester.update(chunk);
        }
    }

    /// Syncs the file. Returns its length and digest.
    pub fn finish(mut self) -> Result<(u64, Digest)> {
        let digest =
            self.digester.take().expect("an unhashed file is finished with `finish_unhashed`").finish();
        Ok((self.finish_unhashed()?, digest))
    }

    /// Syncs the file. Returns its length.
    pub fn finish_unhashed(self) -> Result<u64> {
        self.file
            .sync_all()
            .map_err(|source| FsError::io("sync", &self.path, source).needing(Some(self.bytes)))?;
        Ok(self.bytes)
    }
}

impl Write for NewFile {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let count = self.file.write(chunk)?;
        self.count(&chunk[..count]);
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
    fn a_new_file_is_private_and_hashed_and_replaces_nothing() {
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
