//! Reads the files of a snapshot.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustic_core::repofile::Node;
use rustic_core::{IndexedFullStatus, Repository, TreeId};

use super::snapshots::RepositorySnapshot;
use super::{RepositoryError, error};

/// How much of a file is asked for at a time.
const PIECE: usize = 4 * 1024 * 1024;

/// Called with the bytes that were read; `false` ends it.
pub(super) type KeepReading = dyn Fn(u64) -> bool + Sync;

/// The files of a snapshot. Directories are kept while files in them are opened one after the other.
pub(super) struct SnapshotFiles<'a> {
    indexed: &'a Repository<IndexedFullStatus>,
    /// The directories from the root of the snapshot down, each with its name.
    open: RefCell<Vec<(OsString, Rc<Vec<Node>>)>>,
    tree: TreeId,
    /// The path of the backup in the snapshot.
    root: PathBuf,
    advance: &'a KeepReading,
}

impl<'a> SnapshotFiles<'a> {
    pub(super) fn new(
        indexed: &'a Repository<IndexedFullStatus>,
        snapshot: &RepositorySnapshot,
        advance: &'a KeepReading,
    ) -> Self {
        let root = snapshot.stored.root();
        let root = root.strip_prefix("/").unwrap_or(&root).to_owned();
        Self { indexed, open: RefCell::default(), tree: snapshot.file.tree, root, advance }
    }

    /// Opens a file, by its path below that of the backup.
    pub(super) fn open(&self, path: &Path) -> Result<StoredFile<'_>, RepositoryError> {
        let path = self.root.join(path);
        let missing = || RepositoryError::Damaged { path: path.display().to_string() };
        let directory = self.directory(path.parent().unwrap_or(Path::new("")))?.ok_or_else(missing)?;
        let node = path
            .file_name()
            .and_then(|name| find(&directory, &name.to_string_lossy()))
            .ok_or_else(missing)?;
        let file = self.indexed.open_file(node).map_err(error::failed("opening a file in the repository"))?;
        Ok(StoredFile {
            files: self,
            file,
            at: 0,
            size: usize::try_from(node.meta.size).unwrap_or(usize::MAX),
        })
    }

    fn directory(&self, path: &Path) -> Result<Option<Rc<Vec<Node>>>, RepositoryError> {
        let mut open = self.open.borrow_mut();
        if open.is_empty() {
            open.push((OsString::new(), self.read(&self.tree)?));
        }
        // The first one is the root, which has no name.
        let same = open.iter().skip(1).zip(path.iter()).take_while(|((open, _), name)| open == name).count();
        open.truncate(same + 1);
        for name in path.iter().skip(same) {
            let Some((_, last)) = open.last() else { return Ok(None) };
            let Some(subtree) = find(last, &name.to_string_lossy()).and_then(|node| node.subtree) else {
                return Ok(None);
            };
            let nodes = self.read(&subtree)?;
            open.push((name.to_owned(), nodes));
        }
        Ok(open.last().map(|(_, nodes)| Rc::clone(nodes)))
    }

    fn read(&self, tree: &TreeId) -> Result<Rc<Vec<Node>>, RepositoryError> {
        let tree =
            self.indexed.get_tree(tree).map_err(error::failed("reading a directory of the repository"))?;
        Ok(Rc::new(tree.nodes))
    }
}

/// Names are in order.
fn find<'n>(nodes: &'n [Node], name: &str) -> Option<&'n Node> {
    let at = nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok()?;
    nodes.get(at)
}

/// A file of a snapshot.
pub(super) struct StoredFile<'a> {
    files: &'a SnapshotFiles<'a>,
    file: rustic_core::vfs::OpenFile,
    at: usize,
    size: usize,
}

impl Read for StoredFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(PIECE).min(self.size.saturating_sub(self.at));
        if length == 0 {
            return Ok(0);
        }
        let bytes = self
            .files
            .indexed
            .read_file_at(&self.file, self.at, length)
            .map_err(|error| io::Error::other(error.display_log()))?;
        let count = bytes.len().min(length);
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.at += count;
        if (self.files.advance)(count as u64) {
            Ok(count)
        } else {
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}
