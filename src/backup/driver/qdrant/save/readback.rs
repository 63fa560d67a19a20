//! Reads a file back from disk: hashes it and checks its structure in the same pass.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;

use crate::backup::driver::cancellation::Cancellation;
use crate::fs::Digester;

/// What a file contains.
pub(crate) struct ReadBack<T, E> {
    pub(crate) bytes: u64,
    /// Lowercase hex.
    pub(crate) sha256: String,
    pub(crate) contents: Result<T, E>,
}

/// Reads all of it, even if `walk` ends early. Fails if the caller is gone.
pub(crate) fn read<T, E>(
    path: &Path,
    walk: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    cancellation: &Cancellation,
) -> anyhow::Result<ReadBack<T, E>> {
    let unreadable = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(unreadable)?;
    // Advice only: reads the disk instead of the page cache.
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    let inner = BufReader::with_capacity(256 * 1024, file);
    let mut hashing = Hashing { inner, digester: Digester::default(), cancellation };
    let contents = walk(&mut hashing);
    cancellation.check()?;
    io::copy(&mut hashing, &mut io::sink()).with_context(unreadable)?;
    let bytes = hashing.digester.bytes();
    Ok(ReadBack { bytes, sha256: hashing.digester.finish().to_string(), contents })
}

struct Hashing<'a, R> {
    inner: R,
    digester: Digester,
    cancellation: &'a Cancellation,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancellation.check().map_err(io::Error::other)?;
        let count = self.inner.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Digest;

    #[test]
    fn all_is_hashed_wherever_the_walk_ends() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        std::fs::write(&path, [7; 1000]).expect("written");
        let first = |reader: &mut dyn Read| -> io::Result<u8> {
            let mut byte = [0];
            reader.read_exact(&mut byte).map(|()| byte[0])
        };
        let read = read(&path, first, &Cancellation::never()).expect("read");
        assert_eq!((read.bytes, read.contents.expect("a byte")), (1000, 7));
        assert_eq!(read.sha256, Digest::of(&[7; 1000]).to_string());
    }
}
