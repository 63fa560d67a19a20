//! Walks a tar archive to its end, and checks that it has one.
//!
//! The reader of the `tar` crate takes a cut between two entries for the end of the archive. Two blocks of zeros must
//! follow the last entry, and only zeros may come after them: a sender that fails in the middle just stops.

use std::io::{self, Read};

use tar::{Archive, Entry};

/// The two blocks of zeros.
const END: u64 = 1024;

/// What is wrong with an archive as a whole.
#[derive(Debug)]
pub(super) enum TarFault {
    Damaged(io::Error),
    /// It stops before its two blocks of zeros.
    Truncated,
    /// Data follows its end, at this byte.
    Trailing {
        at: u64,
    },
}

/// Why a walk stopped.
#[derive(Debug)]
pub(super) enum WalkError<E> {
    Archive(TarFault),
    /// Whoever visits the entries refused one.
    Entry(E),
}

/// Visits every entry of an archive, and then checks its end.
pub(super) fn walk<R: Read, E>(
    reader: R,
    mut visit: impl FnMut(&mut Entry<'_, EndReader<R>>) -> Result<(), E>,
) -> Result<(), WalkError<E>> {
    let damaged = |source| WalkError::Archive(TarFault::Damaged(source));
    let mut archive = Archive::new(EndReader { inner: reader, read: 0, solid: 0 });
    let mut end_of_last = 0;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        end_of_last = end_of(&entry).map_err(damaged)?;
        visit(&mut entry).map_err(WalkError::Entry)?;
    }
    archive.into_inner().finish(end_of_last).map_err(WalkError::Archive)
}

/// Where the data of an entry ends in the archive, padded to a block.
fn end_of(entry: &Entry<'_, impl Read>) -> io::Result<u64> {
    let header = entry.header();
    // The size of a sparse file is that of the unpacked file. That of any other file may come from an extended header.
    let stored = if header.entry_type().is_gnu_sparse() { header.entry_size()? } else { entry.size() };
    Ok(entry.raw_file_position().saturating_add(stored).next_multiple_of(512))
}

/// Passes bytes on, and remembers where the last one that is not zero was.
pub(super) struct EndReader<R> {
    inner: R,
    read: u64,
    /// The position after the last byte that is not zero.
    solid: u64,
}

impl<R: Read> EndReader<R> {
    /// Reads what follows the last entry, whose data ends at `end_of_last`.
    fn finish(mut self, end_of_last: u64) -> Result<(), TarFault> {
        io::copy(&mut self, &mut io::sink()).map_err(TarFault::Damaged)?;
        if self.solid > end_of_last {
            Err(TarFault::Trailing { at: self.solid - 1 })
        } else if self.read < end_of_last.saturating_add(END) {
            Err(TarFault::Truncated)
        } else {
            Ok(())
        }
    }
}

impl<R: Read> Read for EndReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = buffer[..count].iter().rposition(|byte| *byte != 0) {
            self.solid = self.read + last as u64 + 1;
        }
        self.read += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Docker writes the size of a file of 8 GiB and more into an extended header, and 0 into the usual one.
    #[test]
    fn a_size_in_an_extended_header_counts() {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("size", b"600".as_slice())]).expect("appended");
        let mut bytes = tar.into_inner().expect("finished");
        bytes.truncate(bytes.len() - 1024);
        let mut header = tar::Header::new_ustar();
        header.set_path("a").expect("short");
        header.set_size(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend([7; 600]);
        bytes.extend([0; 424 + 1024]);
        let mut sizes = Vec::new();
        let visit = |entry: &mut Entry<'_, EndReader<&[u8]>>| {
            sizes.push(entry.size());
            Ok::<(), ()>(())
        };
        assert!(walk(bytes.as_slice(), visit).is_ok());
        assert_eq!(sizes, [600]);
        let cut = walk(&bytes[..bytes.len() - 512], |_| Ok::<(), ()>(()));
        assert!(matches!(cut, Err(WalkError::Archive(TarFault::Truncated))), "{cut:?}");
    }
}
