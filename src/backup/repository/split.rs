//! Splits an archive into its headers and the contents of its files, and joins the two to the same archive again.
//!
//! As restic does with a file, a repository recognizes equal content of any two files. In an archive, headers and padding
//! between them would hide it.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use crate::backup::driver::volume::tar_entries::{TarEntry, TarWalkError, walk};
use crate::fs::Digester;

/// What came out of an archive.
pub(super) struct Parted {
    /// The size of the archive.
    pub(super) bytes: u64,
    /// Its SHA-256, lowercase hex.
    pub(super) sha256: String,
}

/// Whether the content of an entry is no part of the headers.
fn is_content(entry: &TarEntry) -> bool {
    matches!(entry.kind(), b'0' | b'7')
}

/// Reads an archive. `headers` gets all of it but the contents of regular files, which `visit` gets; it need not read
/// them to the end.
pub(super) fn part<E: From<io::Error>>(
    archive: impl Read,
    headers: &mut impl Write,
    mut visit: impl FnMut(&TarEntry, &mut dyn Read) -> Result<(), E>,
) -> Result<Parted, E> {
    let state = State::new(headers);
    let reader = Recorded { inner: archive, state: Rc::clone(&state) };
    walk(reader, |entry, content| {
        if !is_content(entry) {
            return visit(entry, &mut io::empty());
        }
        state.borrow_mut().is_content = true;
        visit(entry, content)?;
        io::copy(content, &mut io::sink()).map_err(E::from)?;
        state.borrow_mut().is_content = false;
        Ok::<(), E>(())
    })
    .map_err(problem)?;
    Ok(state.borrow().parted())
}

/// Visits the entries that the headers are of.
pub(super) fn list(headers: impl Read, mut visit: impl FnMut(&TarEntry) -> io::Result<()>) -> io::Result<()> {
    let file: FileSlot<'_> = Rc::default();
    let reader = Switched { headers, file: Rc::clone(&file) };
    walk(reader, |entry, bytes| {
        visit(entry)?;
        if is_content(entry) {
            *file.borrow_mut() = Some(Box::new(io::repeat(0)));
            let skipped = io::copy(bytes, &mut io::sink()).map(drop);
            *file.borrow_mut() = None;
            return skipped;
        }
        Ok(())
    })
    .map_err(problem)
}

/// Writes the archive that the headers are of. `content` opens the file of an entry.
pub(super) fn join<'c, E: From<io::Error>>(
    headers: impl Read,
    archive: &mut impl Write,
    mut content: impl FnMut(&TarEntry) -> Result<Box<dyn Read + 'c>, E>,
) -> Result<Parted, E> {
    let state = State::new(archive);
    let file: FileSlot<'c> = Rc::default();
    let switched = Switched { headers, file: Rc::clone(&file) };
    let reader = Recorded { inner: switched, state: Rc::clone(&state) };
    walk(reader, |entry, bytes| {
        if is_content(entry) && entry.size > 0 {
            let opened = content(entry)?;
            *file.borrow_mut() = Some(opened);
            let copied = io::copy(bytes, &mut io::sink()).map_err(E::from)?;
            *file.borrow_mut() = None;
            if copied != entry.size {
                return Err(E::from(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok::<(), E>(())
    })
    .map_err(problem)?;
    Ok(state.borrow().parted())
}

fn problem<E: From<io::Error>>(error: TarWalkError<E>) -> E {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what).into();
    match error {
        TarWalkError::Visit(error) => error,
        TarWalkError::Read(error) | TarWalkError::Damaged(error) => error.into(),
        TarWalkError::Truncated(_) => invalid("the archive is truncated".to_owned()),
        TarWalkError::Trailing { at } => invalid(format!("data follows the end of the archive at byte {at}")),
    }
}

struct State<W> {
    target: W,
    /// Whether what is read now is the content of a file.
    is_content: bool,
    digester: Digester,
}

impl<W> State<W> {
    fn new(target: W) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { target, is_content: false, digester: Digester::default() }))
    }

    fn parted(&self) -> Parted {
        let digester = self.digester.clone();
        Parted { bytes: digester.bytes(), sha256: digester.finish().to_string() }
    }
}

/// Passes what is read on to the target, except for contents.
struct Recorded<R, W> {
    inner: R,
    state: Rc<RefCell<State<W>>>,
}

impl<R: Read, W: Write> Read for Recorded<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let mut state = self.state.borrow_mut();
        state.digester.update(&buffer[..count]);
        if !state.is_content {
            state.target.write_all(&buffer[..count])?;
        }
        Ok(count)
    }
}

/// The file whose content comes next, if one does.
type FileSlot<'c> = Rc<RefCell<Option<Box<dyn Read + 'c>>>>;

/// Reads the headers, and the file of an entry while there is one.
struct Switched<'c, R> {
    headers: R,
    file: FileSlot<'c>,
}

impl<R: Read> Read for Switched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *self.file.borrow_mut() {
            Some(file) => file.read(buffer),
            None => self.headers.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;

    fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o640);
            builder.append_data(&mut header, name, content.as_slice()).expect("in memory");
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "link", "target").expect("in memory");
        builder.into_inner().expect("in memory")
    }

    proptest! {
        #[test]
        fn what_is_parted_and_joined_is_the_same(
            files in proptest::collection::vec(("[a-z]{1,120}", proptest::collection::vec(any::<u8>(), 0..1500)), 0..6),
        ) {
            let whole = archive(&files);
            let mut headers = Vec::new();
            let mut contents: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
            let mut order = Vec::new();
            let parted = part(whole.as_slice(), &mut headers, |entry, content| {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                order.push(entry.path());
                contents.insert(entry.path(), bytes);
                Ok::<_, io::Error>(())
            }).expect("sound");
            prop_assert_eq!(parted.bytes, whole.len() as u64);
            let mut again = Vec::new();
            let last = |entry: &TarEntry| files.iter().rev().find(|(name, _)| entry.path() == Path::new(name));
            let is_unique = files.iter().map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>().len() == files.len();
            let joined = join(headers.as_slice(), &mut again, |entry| {
                let content = last(entry).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
                Ok::<Box<dyn Read>, io::Error>(Box::new(io::Cursor::new(content)))
            });
            if is_unique {
                prop_assert_eq!(joined.expect("complete").sha256, parted.sha256);
                prop_assert_eq!(again, whole);
            }
        }
    }

    #[test]
    fn content_that_is_too_short_is_an_error() {
        let whole = archive(&[("a".to_owned(), b"content".to_vec())]);
        let mut headers = Vec::new();
        part(whole.as_slice(), &mut headers, |_, _| Ok::<_, io::Error>(())).expect("sound");
        assert!(headers.len() < whole.len(), "contents are no part of the headers");
        let short = join(headers.as_slice(), &mut Vec::new(), |_| {
            Ok::<Box<dyn Read>, io::Error>(Box::new(io::Cursor::new(b"cont".to_vec())))
        });
        assert!(short.is_err());
    }

    #[test]
    fn an_archive_that_ends_early_is_an_error() {
        let whole = archive(&[("a".to_owned(), vec![7; 2000])]);
        let cut = &whole[..1000];
        assert!(part(cut, &mut Vec::new(), |_, _| Ok::<_, io::Error>(())).is_err());
    }
}
