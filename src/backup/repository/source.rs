//! The files of a backup, as the repository library reads them.
//!
//! Each archive is read twice: first for its headers, its digest, and whether restic's format can have its entries; then for
//! the contents. The library asks for the entry after a file before it reads the file, so entries never wait for contents: they
//! come from the headers, and another thread reads the archive and hands the contents over in the same order.
//!
//! The library leaves out what it cannot read and goes on, so this module counts what the snapshot has to have.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult};
use tempfile::SpooledTempFile;

use super::description::{StoredArtifact, StoredForm, stored_path};
use super::nodes::{self, private};
use super::split::{list, part};
use super::survey::Surveyed;
use super::{FILES, HEADERS};
use crate::backup::driver::volume::archive_file;
use crate::backup::manifest;
use crate::fs::Digester;

/// How many entries, and how many contents of them, are waited for at most. At least two: see the head of this file.
const ENTRIES_AHEAD: usize = 64;

/// Contents are handed over in pieces.
const PIECES_AHEAD: usize = 4;
const PIECE: usize = 1024 * 1024;

/// Called with the bytes that were read.
pub(super) type Advance = Arc<dyn Fn(u64) + Send + Sync>;

/// A backup to be copied.
pub(super) struct BackupSource(Arc<Plan>);

struct Plan {
    /// The path in the snapshot.
    root: PathBuf,
    directory: PathBuf,
    /// In the order of their paths in the snapshot. Taken when the entries are asked for, which is once.
    artifacts: Mutex<Vec<Surveyed>>,
    manifest: Vec<u8>,
    advance: Advance,
    outcome: Mutex<HandedOver>,
}

/// What was handed over.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    /// How many entries that are no directories, and the bytes of the files among them, the snapshot has to have.
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) problem: Option<io::Error>,
}

impl BackupSource {
    pub(super) fn new(
        (root, directory): (PathBuf, PathBuf),
        mut artifacts: Vec<Surveyed>,
        manifest: Vec<u8>,
        advance: Advance,
    ) -> Self {
        artifacts.sort_by_key(|one| PathBuf::from(one.stored_path()));
        let artifacts = Mutex::new(artifacts);
        Self(Arc::new(Plan { root, directory, artifacts, manifest, advance, outcome: Mutex::default() }))
    }

    /// What was handed over, when the library has ended.
    pub(super) fn outcome(&self) -> HandedOver {
        std::mem::take(&mut *self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReadSource for BackupSource {
    type Open = Content;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Entries {
        let (sender, entries) = sync_channel(ENTRIES_AHEAD);
        let plan = Arc::clone(&self.0);
        // It ends when the receiver is dropped.
        std::thread::spawn(move || {
            let mut walk =
                Walk { plan: &plan, sender, outcome: HandedOver::default(), announced: BTreeSet::new() };
            let ended = walk.all();
            let Walk { outcome, sender, .. } = walk;
            *plan.outcome.lock().unwrap_or_else(PoisonError::into_inner) =
                HandedOver { problem: ended.err(), ..outcome };
            // Only now does the library see the end.
            drop(sender);
        });
        Entries(entries)
    }
}

/// The entries, as they come.
pub(super) struct Entries(Receiver<ReadSourceEntry<Content>>);

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Content>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().ok().map(Ok)
    }
}

/// The content of a file.
pub(super) enum Content {
    Whole(Vec<u8>),
    Pieces(Receiver<io::Result<Vec<u8>>>),
    /// What is read is compared with its digest.
    Checked(Checked),
    Headers(SpooledTempFile),
}

/// A file of the backup, and the digest that its content has to have.
pub(super) struct Checked {
    content: Box<dyn Read + Send>,
    digester: Digester,
    expected: String,
    advance: Advance,
}

impl ReadSourceOpen for Content {
    type Reader = Box<dyn Read + Send>;

    fn open(self) -> RusticResult<Self::Reader> {
        Ok(match self {
            Self::Whole(bytes) => Box::new(Cursor::new(bytes)),
            Self::Pieces(pieces) => Box::new(Pieces { pieces, current: Cursor::default() }),
            Self::Checked(file) => Box::new(file),
            Self::Headers(file) => Box::new(file),
        })
    }
}

struct Pieces {
    pieces: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.current.read(buffer)? {
                0 => match self.pieces.recv() {
                    Ok(piece) => self.current = Cursor::new(piece?),
                    Err(_) => return Ok(0),
                },
                count => return Ok(count),
            }
        }
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.digester.update(&buffer[..count]);
        (self.advance)(count as u64);
        if count == 0 && !buffer.is_empty() && self.digester.clone().finish().to_string() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file does not match its digest"));
        }
        Ok(count)
    }
}

struct Walk<'a> {
    plan: &'a Plan,
    sender: SyncSender<ReadSourceEntry<Content>>,
    outcome: HandedOver,
    /// The directories between the root and artifacts that were handed over.
    announced: BTreeSet<PathBuf>,
}

impl Walk<'_> {
    fn all(&mut self) -> io::Result<()> {
        let plan = self.plan;
        let artifacts = std::mem::take(&mut *plan.artifacts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut headers = Vec::new();
        for one in artifacts {
            let at = plan.root.join(FILES).join(one.stored_path());
            self.parents(&at)?;
            let path = plan.directory.join(&one.stored.path);
            match one.headers {
                Some(mut kept) => {
                    self.tree(path, &at, &mut kept)?;
                    let name = format!("{}.tar", stored_path(&one.stored.path, StoredForm::Tree));
                    headers.push((plan.root.join(HEADERS).join(name), kept));
                }
                None => self.file(&path, &at, &one.stored)?,
            }
        }
        for (at, mut kept) in headers {
            self.parents(&at)?;
            let size = kept.seek(io::SeekFrom::End(0))?;
            kept.rewind()?;
            self.send(&at, NodeType::File, private(size), Some(Content::Headers(kept)))?;
        }
        let at = plan.root.join(manifest::FILE_NAME);
        let size = plan.manifest.len() as u64;
        self.send(&at, NodeType::File, private(size), Some(Content::Whole(plan.manifest.clone())))
    }

    /// Hands over the directories between the root of the snapshot and a path.
    fn parents(&mut self, at: &Path) -> io::Result<()> {
        let mut above: Vec<&Path> = at.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        above.reverse();
        for directory in above {
            if self.announced.insert(directory.to_owned()) {
                self.directory(directory)?;
            }
        }
        Ok(())
    }

    fn directory(&mut self, at: &Path) -> io::Result<()> {
        self.send(at, NodeType::Dir, Metadata { mode: Some(0o700), ..private(0) }, None)
    }

    /// A file of the backup, without its compression.
    fn file(&mut self, path: &Path, at: &Path, stored: &StoredArtifact) -> io::Result<()> {
        let content: Box<dyn Read + Send> = if archive_file::is_compressed(path) {
            archive_file::open(path).map_err(io::Error::other)?
        } else {
            Box::new(BufReader::with_capacity(PIECE, File::open(path)?))
        };
        let content = Content::Checked(Checked {
            content,
            digester: Digester::default(),
            expected: stored.content_sha256.clone(),
            advance: Arc::clone(&self.plan.advance),
        });
        self.send(at, NodeType::File, private(stored.content_bytes), Some(content))
    }

    /// The entries of an archive, of which the headers are known.
    fn tree(&mut self, path: PathBuf, at: &Path, headers: &mut SpooledTempFile) -> io::Result<()> {
        let (queue, waiting) = sync_channel(ENTRIES_AHEAD);
        let advance = Arc::clone(&self.plan.advance);
        // It ends with the archive, or when nobody wants its contents any more.
        std::thread::spawn(move || contents(&path, &waiting, &advance));
        let mut has_root = false;
        headers.rewind()?;
        list(BufReader::with_capacity(PIECE, headers), |entry| {
            let inside = nodes::relative(&entry.path()).ok_or(io::ErrorKind::InvalidData)?;
            if inside.as_os_str().is_empty() {
                has_root = true;
                return self.send(at, NodeType::Dir, nodes::metadata(entry)?, None);
            }
            if !std::mem::replace(&mut has_root, true) {
                self.directory(at)?;
            }
            let node = nodes::node_type(entry)?.ok_or(io::ErrorKind::InvalidData)?;
            let content = (node == NodeType::File).then(|| {
                let (pieces, receiver) = sync_channel(PIECES_AHEAD);
                // If that thread has ended, the content ends here, and the sizes tell.
                let _ = queue.send(pieces);
                Content::Pieces(receiver)
            });
            self.send(&at.join(&inside), node, nodes::metadata(entry)?, content)
        })?;
        if has_root { Ok(()) } else { self.directory(at) }
    }

    fn send(
        &mut self,
        at: &Path,
        node_type: NodeType,
        meta: Metadata,
        open: Option<Content>,
    ) -> io::Result<()> {
        match &node_type {
            NodeType::Dir => {}
            NodeType::File => {
                self.outcome.entries += 1;
                self.outcome.bytes += meta.size;
            }
            _ => self.outcome.entries += 1,
        }
        let meta = Metadata { mode: meta.mode.map(|mode| nodes::go_mode(mode, &node_type)), ..meta };
        let node = Node::new_node(at.file_name().unwrap_or_default(), node_type, meta);
        let sent = self.sender.send(ReadSourceEntry { path: at.to_owned(), node, open });
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Hands the contents of the files of an archive over, in their order.
fn contents(path: &Path, waiting: &Receiver<SyncSender<io::Result<Vec<u8>>>>, advance: &Advance) {
    let Ok(archive) = archive_file::open(path) else { return };
    // What fails is missing in the snapshot, and the sizes tell.
    let _ = part(archive, &mut io::sink(), |entry, content| {
        if nodes::node_type(entry)? != Some(NodeType::File) {
            return Ok::<(), io::Error>(());
        }
        let pieces = waiting.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        loop {
            let mut piece = Vec::new();
            let read = content.take(PIECE as u64).read_to_end(&mut piece);
            if read? == 0 {
                return Ok(());
            }
            advance(piece.len() as u64);
            pieces.send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Digest;

    #[test]
    fn a_file_that_does_not_match_its_digest_cannot_be_read() {
        for (expected, is_sound) in [(Digest::of(b"content").to_string(), true), ("00".repeat(32), false)] {
            let content = Box::new(Cursor::new(b"content".to_vec()));
            let mut checked =
                Checked { content, digester: Digester::default(), expected, advance: Arc::new(|_| {}) };
            assert_eq!(io::copy(&mut checked, &mut io::sink()).is_ok(), is_sound);
        }
    }
}
