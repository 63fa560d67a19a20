//! The end of a tar archive, which the reader of the `tar` crate does not ask for: it takes a cut at the right place for
//! an end.

use std::io::{self, Read};

/// Two blocks of zeros.
const END: u64 = 1024;

/// Passes bytes on, and remembers where the last one that is not zero was.
pub(super) struct Watched<R> {
    inner: R,
    read: u64,
    /// The position behind the last byte that is not zero.
    solid: u64,
}

/// How an archive ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Properly,
    /// Before two blocks of zeros.
    Early,
    /// Something comes after them.
    Late {
        at: u64,
    },
}

impl<R: Read> Watched<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, read: 0, solid: 0 }
    }

    /// Reads what is left behind the last entry, whose data ends at `end_of_last`.
    pub(super) fn finish(mut self, end_of_last: u64) -> io::Result<Ended> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(if self.solid > end_of_last {
            Ended::Late { at: self.solid - 1 }
        } else if self.read < end_of_last.saturating_add(END) {
            Ended::Early
        } else {
            Ended::Properly
        })
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = buffer[..count].iter().rposition(|byte| *byte != 0) {
            self.solid = self.read + last as u64 + 1;
        }
        self.read += count as u64;
        Ok(count)
    }
}
