//! Writes an archive to disk as it arrives, with the attributes that the engine leaves out, and checks on the way that it is
//! complete.
//!
//! The engine announces the size of a file before it reads it. If the file becomes shorter or vanishes meanwhile, the engine
//! cannot keep its word, and the stream just ends.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::archive_file::NewArchive;
use super::attributes::HostAttributes;
use super::pipe::ChunkReader;
use super::tar_entries::{self, TarWalkError};
use crate::fs::{Digest, FsError, NewFile, ensure_reserve};
use crate::settings::Compression;

/// How many bytes are copied before the free space is looked at again.
const CHECKED: u64 = 64 * 1024 * 1024;

const BUFFER: usize = 256 * 1024;

/// How the copy of a place ended.
pub(super) enum SaveResult {
    Saved(SavedArchive),
    /// The stream ended in the middle of this entry, by its path in the archive, or before the first one.
    Incomplete(Option<PathBuf>),
}

/// An archive that was written.
pub(super) struct SavedArchive {
    pub(super) bytes: u64,
    pub(super) digest: Digest,
    /// It has every attribute of every file.
    pub(super) has_all_attributes: bool,
}

/// Writes what arrives. Fails if the disk becomes so full that the reserve would be used.
pub(super) fn save(
    archive: ChunkReader,
    file: NewFile,
    compression: Compression,
    mut attributes: Option<HostAttributes>,
) -> anyhow::Result<SaveResult> {
    let path = file.path().to_owned();
    let to = NewArchive::new(file, compression).context("zstd cannot be used")?;
    let mut to = ReservingWriter { to, path: &path, unchecked: 0, failed: None };
    let mut buffer = vec![0; BUFFER];
    let mut written = tar_entries::walk(archive, |entry, content| {
        if let Some(attributes) = &mut attributes {
            attributes.add_to(entry);
        }
        entry.write_head(&mut to)?;
        copy(content, &mut to, &mut buffer)?;
        entry.write_padding(&mut to)
    });
    if written.is_ok() {
        written = tar_entries::write_end(&mut to).map_err(TarWalkError::Visit);
    }
    match written {
        Ok(()) => {
            let (bytes, digest) = to.to.finish(&path)?;
            let has_all_attributes = attributes.is_some_and(|attributes| attributes.is_complete());
            Ok(SaveResult::Saved(SavedArchive { bytes, digest, has_all_attributes }))
        }
        Err(TarWalkError::Truncated(last)) => Ok(SaveResult::Incomplete(last)),
        Err(TarWalkError::Damaged(error)) => {
            Err(anyhow::Error::new(error).context("the archive from the engine is damaged"))
        }
        Err(TarWalkError::Read(error)) => {
            Err(anyhow::Error::new(error).context("the engine stopped sending"))
        }
        Err(TarWalkError::Visit(error)) => {
            Err(to.failed.unwrap_or_else(|| FsError::io("write", &path, error)).into())
        }
        Err(TarWalkError::Trailing { at }) => {
            anyhow::bail!("the archive from the engine has data after its end, at byte {at}")
        }
    }
}

/// Fails only where writing fails: what fails to be read is known to the walk.
fn copy(from: &mut dyn Read, to: &mut impl Write, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        match from.read(buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

/// Stops before it uses the reserve of the disk.
struct ReservingWriter<'a> {
    to: NewArchive,
    path: &'a Path,
    /// The bytes since the free space was looked at.
    unchecked: u64,
    /// Why the disk is full.
    failed: Option<FsError>,
}

impl Write for ReservingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unchecked += bytes.len() as u64;
        if self.unchecked >= CHECKED {
            self.unchecked = 0;
            if let Err(error) = ensure_reserve(self.path) {
                self.failed = Some(error);
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
