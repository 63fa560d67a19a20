//! Archives of volumes, as each of the two readers walks them.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::PathBuf;

use super::checksums::corrected;
use super::stays_inside;
use crate::backup::driver::volume::tar_entries::{TarEntry, TarWalkError, walk, write_end};
use crate::backup::driver::volume::tar_summary;

/// What one entry says.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    kind: u8,
    path: PathBuf,
    link: PathBuf,
    mode: Option<u32>,
    owner: Option<(u32, u32)>,
    content: Vec<u8>,
}

pub(super) fn run(bytes: &[u8]) {
    check(bytes);
    check(&corrected(bytes));
}

fn check(bytes: &[u8]) {
    // The reader that verifies a backup.
    let mut paths = Vec::new();
    let summary = tar_summary::take(bytes, |item| paths.push(item.path.to_owned()));
    if let Ok(summary) = &summary {
        assert!(paths.iter().all(|path| stays_inside(path)), "{paths:?}");
        assert!(summary.bytes <= bytes.len() as u64 || has_sparse(bytes), "{summary:?}");
    }
    // The reader that restores it, which keeps extended attributes: what it copies is read the same.
    let Ok((entries, copy)) = copied(bytes) else { return };
    let (again, _) = copied(&copy).expect("what was copied is read");
    assert_eq!(again, entries);
    if summary.is_ok() {
        tar_summary::take(copy.as_slice(), |_| {}).expect("a copy of what is accepted is accepted");
    }
}

/// The entries of an archive, and a copy of it.
fn copied(bytes: &[u8]) -> Result<(Vec<Entry>, Vec<u8>), TarWalkError<Infallible>> {
    let (mut entries, mut copy) = (Vec::new(), Vec::new());
    walk(bytes, |entry, content| {
        let mut text = Vec::new();
        // Fails where the archive ends, which the walk reports itself.
        let _ = content.read_to_end(&mut text);
        let _ = (entry.mtime(), entry.device());
        entry.write_head(&mut copy).expect("memory");
        copy.write_all(&text).expect("memory");
        entry.write_padding(&mut copy).expect("memory");
        entries.push(described(entry, text));
        Ok(())
    })?;
    write_end(&mut copy).expect("memory");
    Ok((entries, copy))
}

fn described(entry: &TarEntry, content: Vec<u8>) -> Entry {
    Entry {
        kind: entry.kind(),
        path: entry.path(),
        link: entry.link(),
        mode: entry.mode().ok(),
        owner: entry.owner().ok(),
        content,
    }
}

/// Whether a header may be that of a file with holes, whose size is not that of its content.
fn has_sparse(bytes: &[u8]) -> bool {
    bytes.chunks(512).any(|block| block.get(156) == Some(&b'S'))
}
