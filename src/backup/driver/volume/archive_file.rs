//! The file of an archive or a dump: compressed, unless the settings say otherwise. Its name tells which.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use anyhow::Context as _;
use zstd::stream::{read::Decoder, write::Encoder};

use crate::fs::{Digest, FsError, NewFile};
use crate::progress::Task;
use crate::settings::Compression;

const COMPRESSED: &str = ".zst";

/// Zstandard's own default: much faster than a disk, with 2 MiB of memory for what it refers back to.
const LEVEL: i32 = 3;

const BUFFER: usize = 256 * 1024;

/// The name of an archive, from the one without compression.
pub(in crate::backup) fn name(uncompressed: String, compression: Compression) -> String {
    match compression {
        Compression::Zstd => uncompressed + COMPRESSED,
        Compression::None => uncompressed,
    }
}

/// Whether an archive is compressed, by its name.
pub(in crate::backup) fn is_compressed(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(COMPRESSED.as_bytes())
}

/// How a file with this name is compressed.
pub(in crate::backup) fn compression_of(path: &Path) -> Compression {
    if is_compressed(path) { Compression::Zstd } else { Compression::None }
}

/// Opens an archive. What is read is the tar.
pub(in crate::backup) fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    decompress(path, file)
}

/// Like [`open`]; the task advances by the size of the file.
pub(super) fn open_showing(path: &Path, task: Box<dyn Task>) -> anyhow::Result<Box<dyn Read + Send>> {
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    decompress(path, Showing { inner: file, task })
}

/// What is in an archive whose file is read from somewhere else.
pub(super) fn decompress<'a>(
    path: &Path,
    file: impl Read + Send + 'a,
) -> anyhow::Result<Box<dyn Read + Send + 'a>> {
    let file = BufReader::with_capacity(BUFFER, file);
    if !is_compressed(path) {
        return Ok(Box::new(file));
    }
    let decoder = Decoder::with_buffer(file);
    Ok(Box::new(decoder.with_context(|| format!("cannot decompress `{}`", path.display()))?))
}

struct Showing<R> {
    inner: R,
    task: Box<dyn Task>,
}

impl<R: Read> Read for Showing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.task.advance(count as u64);
        Ok(count)
    }
}

/// An archive that is being written.
pub(in crate::backup) enum NewArchive {
    Compressed(Encoder<'static, NewFile>),
    Plain(NewFile),
}

impl NewArchive {
    pub(in crate::backup) fn new(file: NewFile, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd => {
                let mut encoder = Encoder::new(file, LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Compressed(encoder)
            }
            Compression::None => Self::Plain(file),
        })
    }

    /// Syncs the file. Returns its length and its digest.
    pub(in crate::backup) fn finish(self, path: &Path) -> Result<(u64, Digest), FsError> {
        match self {
            Self::Compressed(encoder) => {
                encoder.finish().map_err(|source| FsError::io("write", path, source))?.finish()
            }
            Self::Plain(file) => file.finish(),
        }
    }
}

impl Write for NewArchive {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Compressed(encoder) => encoder.write(bytes),
            Self::Plain(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Compressed(encoder) => encoder.flush(),
            Self::Plain(file) => file.flush(),
        }
    }
}
