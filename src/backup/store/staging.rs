//! A backup being written, under a name that no listing takes for a backup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::check::stays_inside;
use super::name::next_second;
use super::root::WAIT;
use super::{Backup, BackupRoot, Damage, Name, Result, StoreError, Verified, check, sums};
use crate::backup::manifest::{self, Artifact, ArtifactContents, Manifest};
use crate::fs::{
    FsError, Lock, NewFile, PRIVATE_FILE, create_private_dir, free_bytes, link_or_copy, make_private,
    remove_file, remove_tree, rename_new, sha256_of, sync_dir, sync_tree, write_new,
};
use crate::progress::{Progress, Silent};

pub(super) const PARTIAL: &str = ".partial-";
pub(super) const DELETING: &str = ".deleting-";

/// Dropping it removes it. It holds the lock of its store, so there is never a second one.
#[derive(Debug)]
pub struct Staging {
    directory: PathBuf,
    finished: PathBuf,
    created: Timestamp,
    /// Digests of files that were read from the disk just now.
    known: BTreeMap<String, String>,
    done: bool,
    /// Last, so that the directory is gone before the lock is given back.
    _lock: Lock,
}

impl BackupRoot {
    /// Begins a backup. What an interrupted one has left behind is removed first.
    pub fn stage(&self, store: &str, time: Timestamp) -> Result<Staging> {
        self.stage_within(store, time, WAIT)
    }

    /// Like [`BackupRoot::stage`], waiting so long for another writer of the same store.
    pub fn stage_within(&self, store: &str, time: Timestamp, wait: Duration) -> Result<Staging> {
        let (parent, lock) = self.lock_store(store, wait)?;
        if lock.is_exclusive() {
            remove_interrupted(&parent)?;
        }
        let mut created = time;
        loop {
            let name = Name::new(store, created)?;
            let directory = parent.join(format!("{PARTIAL}{name}"));
            let finished = parent.join(name.to_string());
            if finished.symlink_metadata().is_err() {
                match create_private_dir(&directory) {
                    Ok(()) => {
                        return Ok(Staging {
                            directory,
                            finished,
                            created,
                            known: BTreeMap::new(),
                            done: false,
                            _lock: lock,
                        });
                    }
                    Err(FsError::Exists { .. }) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            created = next_second(created);
        }
    }
}

/// What a crash has left: unfinished backups, and half removed ones. The caller holds the lock, so nobody is at it.
fn remove_interrupted(parent: &Path) -> Result<()> {
    let entries = std::fs::read_dir(parent).map_err(|source| FsError::io("list", parent, source))?;
    for entry in entries.flatten() {
        if is_interrupted(&entry.file_name().to_string_lossy()) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Only names that we give ourselves: `.partial-` or `.deleting-`, and the name of a backup.
pub(super) fn is_interrupted(name: &str) -> bool {
    [PARTIAL, DELETING]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| Name::parse(rest).is_some()))
}

impl Staging {
    /// Where its files go.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The time in its name; later than the one asked for when that was taken.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The name it will have.
    pub fn name(&self) -> String {
        self.finished.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Fails when the disk has less room than is needed, before anything is written.
    pub fn ensure_space(&self, needed: u64) -> Result<()> {
        let free = free_bytes(&self.directory)?;
        if free < needed {
            let path = self.directory.clone();
            return Err(FsError::Full { path, needed: Some(needed), free: Some(free) }.into());
        }
        Ok(())
    }

    /// Begins a file, given by its path in the backup.
    pub fn create(&self, path: &str) -> Result<NewFile> {
        Ok(NewFile::create(&self.directory.join(inside(path)?))?)
    }

    /// Writes a small file.
    pub fn write(&self, path: &str, bytes: &[u8], contents: ArtifactContents) -> Result<Artifact> {
        let mut file = self.create(path)?;
        file.append(bytes)?;
        let (bytes, digest) = file.finish()?;
        Ok(Artifact { path: path.to_owned(), bytes, sha256: digest.to_string(), contents })
    }

    /// Takes a file over from an earlier backup by a hard link. It is read and checked now, so that damage in the
    /// earlier backup is found while there is still something to copy anew.
    pub fn link_from(&mut self, previous: &Backup, path: &str) -> Result<Artifact> {
        let artifact = previous
            .manifest
            .artifacts
            .iter()
            .find(|artifact| artifact.path == path)
            .ok_or_else(|| StoreError::NoSuchArtifact(path.to_owned()))?;
        let from = previous.directory.join(inside(path)?);
        let to = self.directory.join(path);
        let sound = sound_copy(&from, artifact)
            .map_err(|damage| StoreError::Damaged { path: previous.directory.clone(), damage })?;
        link_or_copy(&from, &to)?;
        if same_file(&from, &to) {
            self.known.insert(path.to_owned(), sound);
        }
        Ok(artifact.clone())
    }

    /// A file of this backup was synced, read back from the disk and hashed just now, with this result: that need not
    /// be done twice.
    pub fn was_read_back(&mut self, artifact: &Artifact) {
        self.known.insert(artifact.path.clone(), artifact.sha256.clone());
    }

    /// Removes a file of this backup.
    pub fn discard(&mut self, path: &str) -> Result<()> {
        self.known.remove(path);
        Ok(remove_file(&self.directory.join(inside(path)?))?)
    }

    /// Checks everything, writes sums and manifest, and gives the backup its name.
    pub fn finish(self, manifest: Manifest) -> Result<Verified> {
        self.finish_showing(manifest, &Silent)
    }

    /// Like [`Staging::finish`], and shows how it gets on. `created` of the manifest becomes the time in the name.
    pub fn finish_showing(mut self, mut manifest: Manifest, progress: &dyn Progress) -> Result<Verified> {
        manifest.created = self.created;
        check::files(&self.directory, &manifest, &self.known, progress).map_err(StoreError::Unsound)?;
        for artifact in &manifest.artifacts {
            let path = self.directory.join(&artifact.path);
            make_private(&path)?;
            for directory in path.ancestors().skip(1).take_while(|above| *above != self.directory) {
                make_private(directory)?;
            }
        }
        let sums = sums::write(&manifest.artifacts);
        write_new(&self.directory.join(sums::FILE_NAME), sums.as_bytes(), PRIVATE_FILE)?;
        sync_tree(&self.directory)?;
        let path = self.directory.join(manifest::FILE_NAME);
        let bytes = manifest.to_bytes();
        write_new(&path, &bytes, PRIVATE_FILE)?;
        if std::fs::read(&path).map_err(|source| FsError::io("read", &path, source))? != bytes {
            return Err(StoreError::Unsound(Damage::ManifestChanged));
        }
        // As it will be read, so that a later check compares like with like.
        let manifest = Manifest::parse(&bytes).map_err(|error| StoreError::Unsound(error.into()))?;
        rename_new(&self.directory, &self.finished)?;
        self.done = true;
        if let Some(parent) = self.finished.parent() {
            sync_dir(parent)?;
        }
        Ok(Verified(Backup { directory: self.finished.clone(), manifest, test_restore: None }))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed now keeps its hidden name, and the next backup removes it.
            let _ = remove_tree(&self.directory);
        }
    }
}

fn inside(path: &str) -> Result<&str> {
    if stays_inside(path) {
        Ok(path)
    } else {
        Err(StoreError::Unsound(Damage::Escapes { path: path.to_owned() }))
    }
}

/// The digest of an artifact that is as it was written.
fn sound_copy(file: &Path, artifact: &Artifact) -> std::result::Result<String, Damage> {
    let path = || artifact.path.clone();
    match file.symlink_metadata() {
        Ok(meta) if !meta.is_file() => return Err(Damage::NotAFile { path: path() }),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Damage::Missing { path: path() });
        }
        Err(source) => return Err(Damage::Unreadable { path: file.to_owned(), source }),
    }
    let (bytes, digest) = sha256_of(file).map_err(check::unreadable)?;
    if bytes != artifact.bytes {
        return Err(Damage::WrongSize { path: path(), recorded: artifact.bytes, found: bytes });
    }
    let found = digest.to_string();
    if found != artifact.sha256 {
        return Err(Damage::WrongDigest { path: path(), recorded: artifact.sha256.clone(), found });
    }
    Ok(found)
}

fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
