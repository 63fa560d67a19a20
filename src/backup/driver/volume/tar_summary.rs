//! Walks a tar archive to its end and counts its contents.
//!
//! An archive is complete only if every entry has as many bytes as its header says and two blocks of zeros end it. Nothing
//! of an archive is kept in memory but a digest of each path.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::backup::tar_end::{self, TarFault, WalkError};

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarError {
    #[error("the archive is truncated")]
    Truncated,
    #[error("the archive has data after its end")]
    Trailing,
    #[error("the archive is damaged")]
    Malformed(#[source] io::Error),
    #[error("the archive has an entry outside its directory: `{}`", .0.display())]
    Escapes(PathBuf),
    #[error("the archive has two top directories, `{}` and `{}`", .0.display(), .1.display())]
    TwoTops(PathBuf, PathBuf),
}

/// The contents of the archive of one directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TarSummary {
    /// Files, directories and everything else, without the top directory itself.
    pub entries: u64,
    /// The size of all files.
    pub bytes: u64,
    /// The name of the top directory, which every path in the archive starts with; `None` for an empty archive.
    pub top: Option<OsString>,
    /// The top entry is a single file.
    pub is_file: bool,
    /// It has a hard link to a file that runs as its owner. Below the root of a container the engine unpacks such a file
    /// without that permission (measured, 20.10).
    pub has_setuid_link: bool,
    /// It has files of a restore that is not finished, which count for nothing else.
    pub has_staging: bool,
    tree: Tree,
}

impl TarSummary {
    /// About how many bytes an uncompressed archive of it has: a header and the padding of each entry come to its content.
    pub(crate) fn space(&self) -> u64 {
        self.bytes + self.entries * 1024
    }

    /// Whether two archives would unpack to the same files: paths, types, owners, modes, links and contents. The order
    /// and the modification times do not matter.
    pub(crate) fn same_tree(&self, other: &Self) -> bool {
        self.tree == other.tree
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0 && !self.is_file
    }
}

/// The directory at the top of a place in which a restore prepares what it will put there, and keeps what it replaces.
pub(crate) const STAGING: &str = ".safe-compose-restore";

/// One entry, by its path below the top directory, which itself has an empty path.
pub(crate) struct Item<'a> {
    pub path: &'a Path,
    pub key: Key,
    pub is_directory: bool,
}

/// Looks at the entries of an archive while it is walked.
pub(crate) trait Visitor {
    /// An entry begins; its path is below the top directory.
    fn enter(&mut self, _path: &Path) {}

    /// A part of its contents.
    fn chunk(&mut self, _bytes: &[u8]) {}

    /// All of it has been read.
    fn leave(&mut self, item: Item<'_>);
}

/// Looks at entries only when they have been read.
struct EachItem<F>(F);

impl<F: FnMut(Item<'_>)> Visitor for EachItem<F> {
    fn leave(&mut self, item: Item<'_>) {
        (self.0)(item);
    }
}

/// A digest of a path and the type of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 16]);

/// Every path of an archive.
pub(crate) type Paths = HashSet<Key>;

/// Counts, and keeps the paths to compare another archive with them.
pub(crate) fn take_with_paths(archive: impl Read) -> Result<(TarSummary, Paths), TarError> {
    let mut paths = Paths::new();
    let summary = take(archive, |item| {
        paths.insert(item.key);
    })?;
    Ok((summary, paths))
}

/// Counts, and shows every entry.
pub(crate) fn take(archive: impl Read, visit: impl FnMut(Item<'_>)) -> Result<TarSummary, TarError> {
    take_with(archive, &mut EachItem(visit))
}

/// Counts, and shows every entry and its contents.
pub(crate) fn take_with(archive: impl Read, visitor: &mut impl Visitor) -> Result<TarSummary, TarError> {
    let mut summary = TarSummary::default();
    let walked = tar_end::walk(archive, |entry| {
        let named = entry.path().map_err(TarError::Malformed)?.into_owned();
        let (top, path) = split(&named)?;
        match &summary.top {
            None => summary.top = Some(top.to_owned()),
            Some(known) if known == top => {}
            Some(known) => return Err(TarError::TwoTops(known.into(), top.into())),
        }
        if kind(entry) == b'1' {
            // Unpacked by a program that follows it, it is another name of a file of the host.
            let target = entry.link_name().map_err(TarError::Malformed)?.unwrap_or_default();
            split(&target)?;
        }
        if path.starts_with(STAGING) {
            summary.has_staging = true;
            return Ok(());
        }
        visitor.enter(&path);
        let content = content(entry, |bytes| visitor.chunk(bytes))?;
        // File system checks put their finds there; every new file system has the directory.
        let is_lost_and_found = entry.header().entry_type().is_dir() && path == Path::new("lost+found");
        if is_lost_and_found {
            return Ok(());
        }
        let digest = digest(&path, entry, &content)?;
        if path.as_os_str().is_empty() {
            summary.is_file = !entry.header().entry_type().is_dir();
        } else {
            summary.entries += 1;
        }
        if entry.header().entry_type().is_file() {
            summary.bytes += entry.size();
        }
        summary.tree.add(&digest);
        let mode = entry.header().mode().unwrap_or(0);
        summary.has_setuid_link |= kind(entry) == b'1' && mode & 0o6000 != 0;
        let is_directory = entry.header().entry_type().is_dir();
        visitor.leave(Item { key: key(&path, kind(entry)), path: &path, is_directory });
        Ok(())
    });
    match walked {
        Ok(()) => Ok(summary),
        Err(WalkError::Entry(error)) => Err(error),
        Err(WalkError::Archive(TarFault::Damaged(error))) => Err(damage(error)),
        Err(WalkError::Archive(TarFault::Truncated)) => Err(TarError::Truncated),
        Err(WalkError::Archive(TarFault::Trailing { .. })) => Err(TarError::Trailing),
    }
}

fn damage(error: io::Error) -> TarError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        TarError::Truncated
    } else {
        TarError::Malformed(error)
    }
}

/// The name of the top directory, and the path below it.
fn split(named: &Path) -> Result<(&OsStr, PathBuf), TarError> {
    let mut parts = Vec::new();
    for part in named.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(TarError::Escapes(named.to_owned()));
            }
        }
    }
    match parts.split_first() {
        Some((top, below)) => Ok((top, below.iter().collect())),
        None => Err(TarError::Escapes(named.to_owned())),
    }
}

/// Reads all of an entry. Returns its digest.
fn content(entry: &mut tar::Entry<'_, impl Read>, mut part: impl FnMut(&[u8])) -> Result<[u8; 32], TarError> {
    let mut hash = Sha256::new();
    let mut read = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hash.update(&buffer[..count]);
                part(&buffer[..count]);
                read += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damage(error)),
        }
    }
    if read == entry.size() { Ok(hash.finalize().into()) } else { Err(TarError::Truncated) }
}

fn kind(entry: &tar::Entry<'_, impl Read>) -> u8 {
    // Two values mean a regular file: the current one and that of the original tar.
    match entry.header().entry_type().as_byte() {
        0 => b'0',
        kind => kind,
    }
}

fn key(path: &Path, kind: u8) -> Key {
    // An unpacked hard link is a file.
    let kind = if kind == b'1' { b'0' } else { kind };
    let hash =
        Sha256::new().chain_update([kind]).chain_update(path.as_os_str().as_encoded_bytes()).finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    Key(short)
}

fn digest(path: &Path, entry: &tar::Entry<'_, impl Read>, content: &[u8; 32]) -> Result<[u8; 32], TarError> {
    let header = entry.header();
    // An empty field means 0: not every writer fills in owners.
    let number = |field: &[u8], found: io::Result<u64>| match found {
        Err(_) if field.iter().all(|byte| *byte == 0) => Ok(0),
        other => other.map_err(TarError::Malformed),
    };
    let link = entry.link_name_bytes().unwrap_or_default();
    // A hard link names a path of the archive, below the top directory, whose name does not matter.
    let link = match kind(entry) {
        b'1' => link.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or(&link),
        _ => &*link,
    };
    let path = path.as_os_str().as_encoded_bytes();
    let mode = header.mode().map_err(TarError::Malformed)? & 0o7777;
    let mut hash = Sha256::new();
    for text in [path, link] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.update([kind(entry)]);
    hash.update(mode.to_le_bytes());
    hash.update(number(&header.as_old().uid, header.uid())?.to_le_bytes());
    hash.update(number(&header.as_old().gid, header.gid())?.to_le_bytes());
    hash.update(content);
    Ok(hash.finalize().into())
}

/// A sum over the digests of all entries, independent of their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tree([u64; 4]);

impl Tree {
    fn add(&mut self, digest: &[u8; 32]) {
        for (sum, part) in self.0.iter_mut().zip(digest.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(part);
            *sum = sum.wrapping_add(u64::from_le_bytes(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: usize = 512;

    fn header(kind: tar::EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        header
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut top = header(tar::EntryType::Directory, 0);
        tar.append_data(&mut top, "data/", io::empty()).expect("appended");
        for (path, content) in files {
            let mut file = header(tar::EntryType::Regular, content.len() as u64);
            tar.append_data(&mut file, format!("data/{path}"), *content).expect("appended");
        }
        tar.into_inner().expect("finished")
    }

    fn count(bytes: &[u8]) -> Result<TarSummary, TarError> {
        take(bytes, |_| {})
    }

    #[test]
    fn everything_below_the_place_is_counted() {
        let summary = count(&archive(&[("a", b"12"), ("b/c", b"345")])).expect("whole");
        assert_eq!((summary.entries, summary.bytes, summary.is_file), (2, 5, false));
        assert_eq!(summary.top.as_deref(), Some(OsStr::new("data")));
        let empty = count(&archive(&[])).expect("whole");
        assert!(empty.is_empty());
        assert!(count(&[0; 1024]).expect("an empty archive").is_empty());
    }

    #[test]
    fn the_directory_of_a_disk_check_is_no_data() {
        let mut tar = tar::Builder::new(Vec::new());
        for path in ["data/", "data/lost+found/"] {
            tar.append_data(&mut header(tar::EntryType::Directory, 0), path, io::empty()).expect("appended");
        }
        assert!(count(&tar.into_inner().expect("finished")).expect("whole").is_empty());
        assert!(!count(&archive(&[("lost+found/x", b"")])).expect("whole").is_empty());
    }

    #[test]
    fn a_long_name_counts_once() {
        let name = "n".repeat(300);
        let summary = count(&archive(&[(&name, b"x")])).expect("whole");
        assert_eq!(summary.entries, 1);
    }

    #[test]
    fn an_archive_cut_at_any_block_is_seen() {
        // The last file ends in zeros, so that its tail looks like the end of an archive.
        let whole = archive(&[("a", b"12"), ("zeros", &[0; 4 * BLOCK])]);
        for blocks in 0..whole.len() / BLOCK {
            let cut = count(&whole[..blocks * BLOCK]);
            assert!(matches!(cut, Err(TarError::Truncated)), "{blocks} blocks: {cut:?}");
        }
        assert!(count(&whole).is_ok());
    }

    #[test]
    fn what_follows_the_end_is_seen() {
        let mut more = archive(&[("a", b"12")]);
        more.extend(archive(&[("b", b"3")]));
        assert!(matches!(count(&more), Err(TarError::Trailing)));
        let mut padded = archive(&[("a", b"12")]);
        padded.extend([0; 9 * BLOCK]);
        assert!(count(&padded).is_ok(), "padding to a record is usual");
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../x", "data/../../x", "/etc/passwd", "."] {
            let mut tar = tar::Builder::new(Vec::new());
            let mut evil = header(tar::EntryType::Regular, 0);
            evil.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            evil.set_cksum();
            tar.append(&evil, io::empty()).expect("appended");
            let bytes = tar.into_inner().expect("finished");
            assert!(matches!(count(&bytes), Err(TarError::Escapes(_))), "{path}");
        }
    }

    #[test]
    fn a_hard_link_counts_by_its_path_below_the_top() {
        let tree = |top: &str, to: &str, mode: u32| {
            let mut tar = tar::Builder::new(Vec::new());
            tar.append_data(&mut header(tar::EntryType::Directory, 0), format!("{top}/"), io::empty())
                .expect("appended");
            let mut link = header(tar::EntryType::Link, 0);
            link.set_mode(mode);
            tar.append_link(&mut link, format!("{top}/link"), to).expect("appended");
            count(&tar.into_inner().expect("finished")).expect("whole")
        };
        let one = tree("data", "data/file", 0o755);
        assert!(one.same_tree(&tree("held", "held/file", 0o755)));
        assert!(!one.same_tree(&tree("data", "data/other", 0o755)));
        assert!(!one.has_setuid_link && tree("data", "data/file", 0o4755).has_setuid_link);
    }

    #[test]
    fn owners_modes_and_contents_count_and_order_does_not() {
        let tree = |bytes: &[u8]| count(bytes).expect("whole");
        let one = tree(&archive(&[("a", b"1"), ("b", b"2")]));
        assert!(one.same_tree(&tree(&archive(&[("b", b"2"), ("a", b"1")]))));
        assert!(!one.same_tree(&tree(&archive(&[("a", b"1"), ("b", b"3")]))));
        assert!(!one.same_tree(&tree(&archive(&[("a", b"1")]))));
        let owned = |uid, mode| {
            let mut tar = tar::Builder::new(Vec::new());
            let mut file = header(tar::EntryType::Regular, 0);
            file.set_uid(uid);
            file.set_mode(mode);
            tar.append_data(&mut file, "data", io::empty()).expect("appended");
            tree(&tar.into_inner().expect("finished"))
        };
        assert!(owned(1, 0o600).same_tree(&owned(1, 0o600)));
        assert!(!owned(1, 0o600).same_tree(&owned(2, 0o600)));
        assert!(!owned(1, 0o600).same_tree(&owned(1, 0o644)));
    }

    proptest! {
        #[test]
        fn no_archive_makes_it_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let _ = count(&bytes);
        }

        #[test]
        fn a_flipped_bit_of_a_header_or_a_file_changes_the_tree_or_is_an_error(at in 0usize..1540, bit in 0u8..8) {
            let sound = archive(&[("a", &[7; 4])]);
            let before = count(&sound).expect("whole");
            let mut flipped = sound;
            flipped[at] ^= 1 << bit;
            // Padding behind a file's content, and the fields that do not count, may change unseen: the digest of the
            // whole archive sees those.
            if let Ok(after) = count(&flipped) {
                let unseen = before.same_tree(&after);
                prop_assert!(!unseen || at >= 1028 || at % 512 >= 136);
            }
        }
    }
}
