//! The entries of a tar archive with everything that their headers say.
//!
//! The reader of the `tar` crate splits extended headers at line breaks, which the values of extended attributes may
//! contain. This one passes every record on.
//!
//! Format: `pax` in POSIX.1-2001, and the long names of GNU tar, which become records of the extended header.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::pax::{FileTime, PaxRecords};

const BLOCK: usize = 512;
const BLOCK_BYTES: u64 = 512;

/// The most that an extended header may have: a file has at most a few attributes of 64 KiB.
const MAX_EXTENDED: u64 = 16 * 1024 * 1024;

/// The header of one entry.
#[derive(Clone)]
pub(crate) struct TarEntry {
    header: [u8; BLOCK],
    pub(in crate::backup) records: PaxRecords,
    /// The bytes of its content.
    pub(crate) size: u64,
}

/// Why a walk stopped.
#[derive(Debug)]
pub(crate) enum TarWalkError<E> {
    /// The archive ends in the middle of this entry, or before the first one.
    Truncated(Option<PathBuf>),
    Damaged(io::Error),
    /// Data follows the end, at this byte.
    Trailing {
        at: u64,
    },
    /// What is read from failed.
    Read(io::Error),
    /// Whoever visits the entries refused one.
    Visit(E),
}

/// Visits every entry with its content, and then checks that the archive has an end.
pub(crate) fn walk<E>(
    reader: impl Read,
    mut visit: impl FnMut(&mut TarEntry, &mut dyn Read) -> Result<(), E>,
) -> Result<(), TarWalkError<E>> {
    let mut input = TarInput { reader, at: 0 };
    let mut last = None;
    let mut pending = PaxRecords::default();
    loop {
        let header = match input.block() {
            Ok(header) => header,
            Err(stop) => return Err(stop.into_error(last)),
        };
        if header.iter().all(|byte| *byte == 0) {
            return input.finish().map_err(|stop| stop.into_error(last));
        }
        let entry = TarEntry::parse(&header, &pending).map_err(TarWalkError::Damaged)?;
        let kind = entry.kind();
        if let b'x' | b'L' | b'K' | b'g' = kind {
            let content = input.small(entry.size).map_err(|stop| stop.into_error(last.clone()))?;
            let name = || content.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            match kind {
                b'x' => pending.merge(&content).map_err(TarWalkError::Damaged)?,
                b'L' => pending.set(b"path", name()),
                b'K' => pending.set(b"linkpath", name()),
                // What holds for all entries that follow: no engine writes any.
                _ => {}
            }
            continue;
        }
        let mut entry = TarEntry { records: std::mem::take(&mut pending), ..entry };
        last = Some(entry.path());
        let size = entry.size;
        let mut content = EntryContent { input: &mut input, left: size, stop: None };
        let visited = visit(&mut entry, &mut content);
        let stop = match content.stop.take() {
            Some(stop) => Some(stop),
            None if visited.is_ok() => content.skip().err(),
            None => None,
        };
        if let Some(stop) = stop {
            return Err(stop.into_error(last));
        }
        visited.map_err(TarWalkError::Visit)?;
        input.skip_padding(size).map_err(|stop| stop.into_error(last.clone()))?;
    }
}

/// Writes the two blocks of zeros.
pub(crate) fn write_end(writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(&[0; 2 * BLOCK])
}

impl TarEntry {
    /// `pending` are the extended headers before it: they may have its size.
    fn parse(header: &[u8; BLOCK], pending: &PaxRecords) -> io::Result<Self> {
        let sum: u64 = checksum(header);
        if number(&header[148..156])? != i128::from(sum) {
            return Err(malformed("the checksum of a header is wrong"));
        }
        let kind = header[156];
        let recorded = pending.get(b"size").filter(|_| !matches!(kind, b'x' | b'L' | b'K' | b'g'));
        let size = match recorded {
            Some(digits) => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
            None => u64::try_from(number(&header[124..136])?).ok(),
        };
        let size = size.ok_or_else(|| malformed("the size of an entry is not a number"))?;
        Ok(Self { header: *header, records: PaxRecords::default(), size })
    }

    /// The letter of its type: `0` for every regular file.
    pub(crate) fn kind(&self) -> u8 {
        if self.header[156] == 0 { b'0' } else { self.header[156] }
    }

    pub(crate) fn path(&self) -> PathBuf {
        if let Some(path) = self.records.get(b"path") {
            return OsString::from_vec(path.to_vec()).into();
        }
        let has_prefix = &self.header[257..263] == b"ustar\0";
        let prefix = if has_prefix { text(&self.header[345..500]) } else { &[] };
        let name = text(&self.header[..100]);
        let path = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        OsString::from_vec(path).into()
    }

    pub(crate) fn set_path(&mut self, path: &[u8]) {
        self.records.set(b"path", path.to_vec());
    }

    /// The time of the last change.
    pub(crate) fn mtime(&self) -> io::Result<FileTime> {
        if let Some(time) = self.records.get(b"mtime") {
            return FileTime::parse(time).ok_or_else(|| malformed("a time is not a number"));
        }
        let seconds = i64::try_from(number(&self.header[136..148])?).map_err(io::Error::other)?;
        Ok(FileTime { seconds, nanoseconds: 0 })
    }

    /// The permission bits.
    pub(crate) fn mode(&self) -> io::Result<u32> {
        self.field(100..108)
    }

    pub(crate) fn owner(&self) -> io::Result<(u32, u32)> {
        let recorded = |key: &[u8]| std::str::from_utf8(self.records.get(key)?).ok()?.parse().ok();
        let user = recorded(b"uid").map_or_else(|| self.field(108..116), Ok)?;
        let group = recorded(b"gid").map_or_else(|| self.field(116..124), Ok)?;
        Ok((user, group))
    }

    /// Where a link leads.
    pub(crate) fn link(&self) -> PathBuf {
        let link = self.records.get(b"linkpath").unwrap_or_else(|| text(&self.header[157..257]));
        OsString::from_vec(link.to_vec()).into()
    }

    /// The major and the minor number of a device.
    pub(crate) fn device(&self) -> io::Result<(u32, u32)> {
        Ok((self.field(329..337)?, self.field(337..345)?))
    }

    fn field(&self, at: std::ops::Range<usize>) -> io::Result<u32> {
        u32::try_from(number(&self.header[at])?).map_err(io::Error::other)
    }

    /// Writes the headers. The content has to follow, and [`TarEntry::write_padding`].
    pub(crate) fn write_head(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut records = self.records.clone();
        let mut header = self.header;
        if !set_octal(&mut header[124..136], self.size) {
            set_octal(&mut header[124..136], 0);
            records.set(b"size", self.size.to_string().into_bytes());
        } else if records.get(b"size").is_some() {
            records.remove(b"size");
        }
        if records.has_line_break() {
            // Readers that split at line breaks find these first.
            let path = self.path().into_os_string().into_vec();
            records.set(b"path", path);
            records.set(b"size", self.size.to_string().into_bytes());
            if let b'1' | b'2' = self.kind()
                && records.get(b"linkpath").is_none()
            {
                records.set(b"linkpath", text(&self.header[157..257]).to_vec());
            }
        }
        if !records.is_empty() {
            let bytes = records.to_bytes();
            let mut extended = [0; BLOCK];
            extended[..b"PaxHeaders/entry".len()].copy_from_slice(b"PaxHeaders/entry");
            for field in [100..108, 108..116, 116..124, 136..148] {
                set_octal(&mut extended[field], 0);
            }
            set_octal(&mut extended[124..136], bytes.len() as u64);
            extended[156] = b'x';
            extended[257..265].copy_from_slice(b"ustar\x0000");
            seal(&mut extended);
            writer.write_all(&extended)?;
            writer.write_all(&bytes)?;
            write_zeros(writer, padding(bytes.len() as u64))?;
        }
        seal(&mut header);
        writer.write_all(&header)
    }

    pub(crate) fn write_padding(&self, writer: &mut impl Write) -> io::Result<()> {
        write_zeros(writer, padding(self.size))
    }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn padding(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(BLOCK_BYTES) - size).unwrap_or(0)
}

fn write_zeros(writer: &mut impl Write, count: usize) -> io::Result<()> {
    writer.write_all(&[0; BLOCK][..count])
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, or in base 256 if the first bit is set.
fn number(field: &[u8]) -> io::Result<i128> {
    if field[0] & 0x80 != 0 {
        // The second bit is the sign.
        let first = if field[0] & 0x40 == 0 {
            i128::from(field[0] & 0x3f)
        } else {
            i128::from(field[0] | 0x80) - 256
        };
        return Ok(field[1..].iter().fold(first, |value, byte| value << 8 | i128::from(*byte)));
    }
    let digits: Vec<u8> = field.iter().copied().filter(|byte| !matches!(byte, 0 | b' ')).collect();
    if digits.is_empty() {
        return Ok(0);
    }
    let digits = std::str::from_utf8(&digits).map_err(io::Error::other)?;
    i128::from_str_radix(digits, 8).map_err(|_| malformed("a number in a header is not octal"))
}

/// `false` if it does not fit.
fn set_octal(field: &mut [u8], value: u64) -> bool {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    if text.len() > digits {
        return false;
    }
    field[..digits].copy_from_slice(text.as_bytes());
    field[digits] = 0;
    true
}

fn checksum(header: &[u8; BLOCK]) -> u64 {
    let byte = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    header.iter().enumerate().map(byte).sum()
}

fn seal(header: &mut [u8; BLOCK]) {
    let sum = checksum(header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Why no more can be read.
enum TarStop {
    Ended,
    Failed(io::Error),
    Trailing { at: u64 },
    TooLong,
}

impl TarStop {
    fn into_error<E>(self, last: Option<PathBuf>) -> TarWalkError<E> {
        match self {
            Self::Ended => TarWalkError::Truncated(last),
            Self::Failed(error) => TarWalkError::Read(error),
            Self::Trailing { at } => TarWalkError::Trailing { at },
            Self::TooLong => TarWalkError::Damaged(malformed("an extended header is too long")),
        }
    }
}

/// The archive, and how much of it was read.
struct TarInput<R> {
    reader: R,
    at: u64,
}

impl<R: Read> TarInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TarStop> {
        loop {
            match self.reader.read(buffer) {
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(TarStop::Failed(error)),
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarStop> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read(&mut buffer[done..])? {
                0 => return Err(TarStop::Ended),
                count => done += count,
            }
        }
        Ok(())
    }

    fn block(&mut self) -> Result<[u8; BLOCK], TarStop> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn skip_padding(&mut self, size: u64) -> Result<(), TarStop> {
        self.fill(&mut [0; BLOCK][..padding(size)])
    }

    /// The content of an extended header.
    fn small(&mut self, size: u64) -> Result<Vec<u8>, TarStop> {
        let length = usize::try_from(size).ok().filter(|_| size <= MAX_EXTENDED).ok_or(TarStop::TooLong)?;
        let mut content = vec![0; length];
        self.fill(&mut content)?;
        self.skip_padding(size)?;
        Ok(content)
    }

    /// After the first block of zeros: a second one, and nothing but zeros.
    fn finish(&mut self) -> Result<(), TarStop> {
        let mut buffer = vec![0; 64 * 1024];
        let second = self.block()?;
        if let Some(at) = second.iter().position(|byte| *byte != 0) {
            return Err(TarStop::Trailing { at: self.at - BLOCK_BYTES + at as u64 });
        }
        loop {
            let before = self.at;
            match self.read(&mut buffer)? {
                0 => return Ok(()),
                count => {
                    if let Some(at) = buffer[..count].iter().position(|byte| *byte != 0) {
                        return Err(TarStop::Trailing { at: before + at as u64 });
                    }
                }
            }
        }
    }
}

/// The content of one entry.
struct EntryContent<'a, R> {
    input: &'a mut TarInput<R>,
    left: u64,
    stop: Option<TarStop>,
}

impl<R: Read> EntryContent<'_, R> {
    fn skip(&mut self) -> Result<(), TarStop> {
        match io::copy(self, &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.stop.take().unwrap_or(TarStop::Failed(error))),
        }
    }
}

impl<R: Read> Read for EntryContent<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let stop = match self.input.read(&mut buffer[..most]) {
            Ok(0) => TarStop::Ended,
            Ok(count) => {
                self.left -= count as u64;
                return Ok(count);
            }
            Err(stop) => stop,
        };
        self.stop = Some(stop);
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ended"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn archive() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let header = |kind: tar::EntryType, size: usize| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o640);
            header.set_uid(999);
            header.set_mtime(7);
            header.set_size(size as u64);
            header
        };
        tar.append_data(&mut header(tar::EntryType::Directory, 0), "data/", io::empty()).expect("appended");
        let long = format!("data/{}", "n".repeat(200));
        tar.append_data(&mut header(tar::EntryType::Regular, 3), &long, &b"abc"[..]).expect("appended");
        tar.append_pax_extensions([("mtime", &b"1.5"[..])]).expect("appended");
        tar.append_data(&mut header(tar::EntryType::Regular, 600), "data/b", &[7; 600][..])
            .expect("appended");
        tar.append_link(&mut header(tar::EntryType::Link, 0), "data/hard", "data/b").expect("appended");
        tar.into_inner().expect("finished")
    }

    /// The archive after it was passed on, with what `edit` does to each entry.
    fn passed_on(bytes: &[u8], mut edit: impl FnMut(&mut TarEntry)) -> Vec<u8> {
        let mut written = Vec::new();
        let pass_on = |entry: &mut TarEntry, content: &mut dyn Read| {
            edit(entry);
            entry.write_head(&mut written)?;
            io::copy(content, &mut written)?;
            entry.write_padding(&mut written)
        };
        walk(bytes, pass_on).expect("sound");
        write_end(&mut written).expect("in memory");
        written
    }

    /// What the `tar` crate reads, one entry a line.
    fn seen(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().expect("a tar").map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("in memory");
            let header = entry.header();
            let numbers = [
                u64::from(header.entry_type().as_byte()),
                u64::from(header.mode().expect("a mode")),
                header.uid().expect("a user"),
                header.mtime().expect("a time"),
            ];
            let (path, link) = (entry.path().expect("a path"), entry.link_name().expect("a link"));
            format!("{path:?} {numbers:?} {link:?} {content:?}")
        });
        entries.collect()
    }

    #[test]
    fn what_is_passed_on_is_the_same() {
        let bytes = archive();
        let again = passed_on(&bytes, |_| {});
        assert_eq!(seen(&again), seen(&bytes));
        assert_eq!(passed_on(&again, |_| {}), again);
    }

    #[test]
    fn records_are_added_whatever_is_in_them() {
        let value = b"a\n12 path=evil\n\0=".to_vec();
        let written = passed_on(&archive(), |entry| entry.records.set(b"SCHILY.xattr.user.x", value.clone()));
        assert_eq!(seen(&written), seen(&archive()));
        let mut found = Vec::new();
        let look = |entry: &mut TarEntry, _: &mut dyn Read| {
            found.push(entry.records.get(b"SCHILY.xattr.user.x").map(<[u8]>::to_vec));
            Ok::<(), io::Error>(())
        };
        walk(written.as_slice(), look).expect("sound");
        assert_eq!(found, vec![Some(value); 4]);
    }

    #[test]
    fn a_size_that_the_header_cannot_hold_is_in_a_record() {
        let bytes = passed_on(&archive(), |_| {});
        let mut sizes = Vec::new();
        let look = |entry: &mut TarEntry, _: &mut dyn Read| {
            let mut large = TarEntry { size: 20 << 30, ..entry.clone() };
            let mut head = Vec::new();
            large.write_head(&mut head)?;
            large.size = 0;
            let stopped = walk(head.as_slice(), |read, _| {
                sizes.push(read.size);
                Err::<(), io::Error>(io::Error::other("seen"))
            });
            assert!(matches!(stopped, Err(TarWalkError::Visit(_))));
            Ok::<(), io::Error>(())
        };
        walk(bytes.as_slice(), look).expect("sound");
        assert_eq!(sizes, [20 << 30; 4]);
    }

    #[test]
    fn a_cut_at_any_block_is_seen_with_the_entry_that_it_is_in() {
        let bytes = archive();
        for blocks in 0..bytes.len() / BLOCK {
            let cut = walk(&bytes[..blocks * BLOCK], |_, _| Ok::<(), io::Error>(()));
            assert!(matches!(cut, Err(TarWalkError::Truncated(_))), "{blocks} blocks");
        }
        let cut = walk(&bytes[..bytes.len() - 2000], |_, _| Ok::<(), io::Error>(()));
        assert!(matches!(cut, Err(TarWalkError::Truncated(Some(path))) if path == Path::new("data/b")));
    }

    #[test]
    fn what_follows_the_end_is_seen() {
        let mut more = archive();
        let end = more.len() as u64;
        more.extend(archive());
        let walked = walk(more.as_slice(), |_, _| Ok::<(), io::Error>(()));
        assert!(matches!(walked, Err(TarWalkError::Trailing { at }) if at == end));
    }

    proptest! {
        #[test]
        fn no_archive_makes_it_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            let _ = walk(bytes.as_slice(), |_, _| Ok::<(), io::Error>(()));
        }

        #[test]
        fn a_damaged_archive_makes_it_neither_panic_nor_hang(at in 0usize..4000, bit in 0u8..8) {
            let mut bytes = archive();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let _ = walk(bytes.as_slice(), |entry, _| entry.mtime().map(drop));
        }
    }
}
