//! Writes an archive to disk as it arrives, and checks on the way that it is complete.
//!
//! The engine announces the size of a file before it reads it. If the file becomes shorter or vanishes meanwhile, the engine
//! cannot keep its word, and the stream just ends.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::archive_file::NewArchive;
use super::pipe::ChunkReader;
use crate::backup::tar_end::{self, TarFault, WalkError};
use crate::fs::{Digest, FsError, NewFile, ensure_reserve};
use crate::settings::Compression;

/// How many bytes are copied before the free space is looked at again.
const CHECKED: u64 = 64 * 1024 * 1024;

/// How the copy of a place ended.
pub(super) enum SaveResult {
    /// The length and the digest of the file.
    Saved(u64, Digest),
    /// The stream ended in the middle of this entry, by its path in the archive, or before the first one.
    Incomplete(Option<PathBuf>),
}

/// Writes what arrives. Fails if the disk becomes so full that the reserve would be used.
pub(super) fn save(
    archive: ChunkReader,
    file: NewFile,
    compression: Compression,
) -> anyhow::Result<SaveResult> {
    let path = file.path().to_owned();
    let to = NewArchive::new(file, compression).context("zstd cannot be used")?;
    let mut tee = Tee { from: archive, to, path: &path, unchecked: 0, has_ended: false, failed: None };
    let mut last = None;
    let walked = tar_end::walk(&mut tee, |entry| {
        last = Some(entry.path()?.into_owned());
        let read = io::copy(entry, &mut io::sink())?;
        if read == entry.size() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    });
    if let Some(failed) = tee.failed {
        return Err(failed);
    }
    let has_ended = tee.has_ended;
    match walked {
        Ok(()) => {
            let (bytes, digest) = tee.to.finish(&path)?;
            Ok(SaveResult::Saved(bytes, digest))
        }
        Err(WalkError::Archive(TarFault::Truncated)) => Ok(SaveResult::Incomplete(last)),
        // The reader has several errors for an archive that ends too early.
        Err(WalkError::Archive(TarFault::Damaged(_)) | WalkError::Entry(_)) if has_ended => {
            Ok(SaveResult::Incomplete(last))
        }
        Err(WalkError::Archive(TarFault::Damaged(error)) | WalkError::Entry(error)) => {
            Err(anyhow::Error::new(error).context("the archive from the engine is damaged"))
        }
        Err(WalkError::Archive(TarFault::Trailing { at })) => {
            anyhow::bail!("the archive from the engine has data after its end, at byte {at}")
        }
    }
}

/// Reads from the engine, and writes what was read.
struct Tee<'a> {
    from: ChunkReader,
    to: NewArchive,
    path: &'a Path,
    /// The bytes since the free space was looked at.
    unchecked: u64,
    /// Everything that the engine sent has been read.
    has_ended: bool,
    /// Why reading or writing failed, which is not the fault of the archive.
    failed: Option<anyhow::Error>,
}

impl Tee<'_> {
    fn pass_on(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.unchecked += bytes.len() as u64;
        if self.unchecked >= CHECKED {
            self.unchecked = 0;
            ensure_reserve(self.path)?;
        }
        self.to.write_all(bytes).map_err(|source| FsError::io("write", self.path, source))
    }
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.from.read(buffer) {
            Ok(count) => count,
            Err(error) => {
                self.failed = Some(anyhow::Error::new(error).context("the engine stopped sending"));
                return Err(io::Error::other("the engine stopped sending"));
            }
        };
        self.has_ended |= count == 0 && !buffer.is_empty();
        if let Err(error) = self.pass_on(&buffer[..count]) {
            self.failed = Some(error.into());
            return Err(io::Error::other("the archive cannot be written"));
        }
        Ok(count)
    }
}
