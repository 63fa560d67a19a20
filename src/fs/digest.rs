//! SHA-256 of files, streamed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{FsError, Result, open_regular};

/// A SHA-256, shown in lowercase hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Computes a SHA-256, and counts the bytes.
#[derive(Debug, Clone, Default)]
pub struct Digester {
    hash: Sha256,
    bytes: u64,
}

impl Digester {
    pub fn update(&mut self, chunk: &[u8]) {
        self.hash.update(chunk);
        self.bytes += chunk.len() as u64;
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn finish(self) -> Digest {
        Digest(self.hash.finalize().into())
    }
}

/// Never fails.
impl io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Length and SHA-256 of a file.
pub fn sha256_of(path: &Path) -> Result<(u64, Digest)> {
    sha256_of_with(path, &mut |_| {})
}

/// Like [`sha256_of`]; reports each chunk that was read.
pub fn sha256_of_with(path: &Path, read: &mut dyn FnMut(u64)) -> Result<(u64, Digest)> {
    let file = File::open(path).map_err(|source| FsError::io("read", path, source))?;
    digest(file, path, read)
}

/// Syncs a file and reads it back: from the disk where the system allows that, not from the page cache.
pub fn read_back(path: &Path, read: &mut dyn FnMut(u64)) -> Result<(u64, Digest)> {
    digest(open_to_read_back(path)?, path, read)
}

/// Syncs a file and opens it, so that it is read from the disk where the system allows that.
pub fn open_to_read_back(path: &Path) -> Result<File> {
    let file = open_regular(path).map_err(|source| FsError::io("read", path, source))?;
    file.sync_all().map_err(|source| FsError::io("sync", path, source))?;
    // Advice only: without it the digest is still right, but says less about the disk.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    Ok(file)
}

fn digest(mut file: File, path: &Path, read: &mut dyn FnMut(u64)) -> Result<(u64, Digest)> {
    let error = |source| FsError::io("read", path, source);
    let mut digester = Digester::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((digester.bytes(), digester.finish())),
            Ok(count) => {
                digester.update(&buffer[..count]);
                read(count as u64);
            }
            Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(error(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        std::fs::write(&path, vec![7; 300_000]).expect("written");
        let mut seen = 0;
        let found = sha256_of_with(&path, &mut |read| seen += read).expect("read");
        assert_eq!(found, (300_000, Digest::of(&vec![7; 300_000])));
        assert_eq!(found, read_back(&path, &mut |_| {}).expect("read back"));
        assert_eq!(seen, 300_000);
        assert_eq!(
            Digest::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(sha256_of(&dir.path().join("none")).expect_err("missing").is_not_found());
    }
}
