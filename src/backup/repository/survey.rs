//! Reads the files of a backup before they are copied: their digests, and which archives restic's format can have as files.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use tempfile::SpooledTempFile;

use super::RepositoryError;
use super::description::{StoredArtifact, StoredForm, stored_path};
use super::nodes;
use super::split::part;
use crate::backup::driver::volume::archive_file;
use crate::backup::driver::volume::tar_entries::TarEntry;
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::fs::Digester;

/// Headers above this size are kept in a file until they are copied.
const HEADERS_IN_MEMORY: usize = 8 * 1024 * 1024;

/// A file of a backup, and how it is stored.
pub(super) struct Surveyed {
    pub(super) stored: StoredArtifact,
    /// Of an archive that is stored as files.
    pub(super) headers: Option<SpooledTempFile>,
}

impl Surveyed {
    pub(super) fn stored_path(&self) -> &str {
        stored_path(&self.stored.path, self.stored.form)
    }
}

/// Reads one file of a backup.
pub(super) fn survey(directory: &Path, artifact: &Artifact) -> Result<Surveyed, RepositoryError> {
    let path = directory.join(&artifact.path);
    let stored = |form, content_bytes, content_sha256| StoredArtifact {
        path: artifact.path.clone(),
        sha256: artifact.sha256.clone(),
        form,
        content_bytes,
        content_sha256,
    };
    let unreadable = |source| RepositoryError::Unreadable { path: artifact.path.clone(), source };
    if matches!(artifact.contents, ArtifactContents::Files { .. }) {
        let (parted, headers) = tree(&path).map_err(unreadable)?;
        if let Some(headers) = headers {
            let stored = stored(StoredForm::Tree, parted.0, parted.1);
            return Ok(Surveyed { stored, headers: Some(headers) });
        }
        return Ok(Surveyed { stored: stored(StoredForm::File, parted.0, parted.1), headers: None });
    }
    let (bytes, sha256) = if archive_file::is_compressed(&path) {
        digest(&path).map_err(unreadable)?
    } else {
        // Compared when it is read.
        (artifact.bytes, artifact.sha256.clone())
    };
    Ok(Surveyed { stored: stored(StoredForm::File, bytes, sha256), headers: None })
}

/// The size and the digest of an archive, and its headers if it can be stored as files.
fn tree(path: &Path) -> io::Result<((u64, String), Option<SpooledTempFile>)> {
    let archive = archive_file::open(path).map_err(io::Error::other)?;
    let mut headers = tempfile::spooled_tempfile(HEADERS_IN_MEMORY);
    let mut order = Order::default();
    let mut is_tree = true;
    let parted = part(archive, &mut headers, |entry, _| {
        is_tree = is_tree && order.takes(entry)?;
        Ok::<(), io::Error>(())
    })?;
    Ok(((parted.bytes, parted.sha256), is_tree.then_some(headers)))
}

/// The size and the digest of what is in a compressed file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut content = archive_file::open(path).map_err(io::Error::other)?;
    let mut digester = Digester::default();
    io::copy(&mut content, &mut digester)?;
    Ok((digester.bytes(), digester.finish().to_string()))
}

/// Restic's format has each directory once, with its entries in the order of their names.
#[derive(Default)]
struct Order {
    /// The directories that are open, each with the last entry that it had.
    open: Vec<(OsString, Option<OsString>)>,
    last: Option<OsString>,
}

impl Order {
    /// Whether an archive can go on with this entry.
    fn takes(&mut self, entry: &TarEntry) -> io::Result<bool> {
        let Some(path) = nodes::relative(&entry.path()) else { return Ok(false) };
        Ok(match nodes::node_type(entry)? {
            None => false,
            // The directory itself.
            Some(_) if path.as_os_str().is_empty() => self.last.is_none(),
            Some(kind) => self.next(&path, kind == rustic_core::repofile::NodeType::Dir),
        })
    }

    fn next(&mut self, path: &Path, is_directory: bool) -> bool {
        let Some(name) = path.file_name() else { return false };
        let parents: Vec<&OsStr> = path.parent().into_iter().flat_map(Path::iter).collect();
        if !is_plain(name) || self.open.len() < parents.len() {
            return false;
        }
        self.open.truncate(parents.len());
        if !self.open.iter().map(|(open, _)| open.as_os_str()).eq(parents) {
            return false;
        }
        let last = match self.open.last_mut() {
            Some((_, last)) => last,
            None => &mut self.last,
        };
        if last.as_deref().is_some_and(|last| last >= name) {
            return false;
        }
        *last = Some(name.to_owned());
        if is_directory {
            self.open.push((name.to_owned(), None));
        }
        true
    }
}

/// Whether a name is stored as it is, so that its order is known.
fn is_plain(name: &OsStr) -> bool {
    name.to_str().is_some_and(|text| {
        !text.is_empty() && !text.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ordered(paths: &[&str]) -> bool {
        let mut order = Order::default();
        paths.iter().all(|path| order.next(Path::new(path.trim_end_matches('/')), path.ends_with('/')))
    }

    #[test]
    fn only_directories_in_order_can_be_stored_as_files() {
        assert!(is_ordered(&["data/", "data/a/", "data/a/1", "data/a/2", "data/a.b", "data/b"]));
        assert!(!is_ordered(&["data/", "data/b", "data/a"]), "names go backwards");
        assert!(!is_ordered(&["data/", "data/a/", "data/b", "data/a/1"]), "a directory is opened again");
        assert!(!is_ordered(&["data/a"]), "a directory without an entry");
        assert!(!is_ordered(&["data/", "data/a", "data/a"]), "twice");
        assert!(!is_ordered(&["data/", "data/a\nb"]), "a name that is stored in another way");
    }
}
