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
    bytes: u64,
    /// `None` where whoever reads it back will hash it.
    digester: Option<Digester>,
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
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: 0,
            digester: Some(Digester::default()),
            expected: None,
        })
    }

    /// How large it is going to be, for the message about a full disk.
    #[must_use]
    pub fn expecting(mut self, bytes: Option<u64>) -> Self {
        self.expected = bytes;
        self
    }

    /// Without a digest: for a large file that is going to be read back and hashed from the disk anyway.
    #[must_use]
    pub fn unhashed(mut self) -> Self {
        self.digester = None;
        self
    }

    /// How many were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

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

    /// Syncs it. Returns its length and its digest.
    pub fn finish(mut self) -> Result<(u64, Digest)> {
        let digest = self.digester.take().expect("an unhashed file is ended by `finish_unhashed`").finish();
        Ok((self.finish_unhashed()?, digest))
    }

    /// Syncs it. Returns its length.
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
