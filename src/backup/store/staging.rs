//! A backup that is being written, under a hidden name that is not listed as a backup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::check::stays_inside;
use super::name::next_second;
use super::offloaded::is_offloaded;
use super::pin::is_pinned;
use super::root::WAIT;
use super::{Backup, BackupRoot, Damage, Name, Result, StoreError, Verified, check, sums};
use crate::backup::manifest::{self, Artifact, ArtifactContents, Manifest};
use crate::fs::{
    DirectoryLock, FsError, NewFile, PRIVATE_FILE, create_private_dir, ensure_space, link_or_copy,
    make_private, remove_file, remove_tree, rename_new, sha256_of, sync_dir, sync_tree, write_new,
};
use crate::progress::Progress;
use crate::settings::Compression;

pub(super) const PARTIAL: &str = ".partial-";
pub(super) const DELETING: &str = ".deleting-";

/// Dropping it removes it. It holds the lock of its store, so there is only one at a time.
#[derive(Debug)]
pub struct Staging {
    directory: PathBuf,
    finished: PathBuf,
    created: Timestamp,
    sequence: u64,
    /// A finished backup that is dated later than this one.
    dated_later: Option<(String, Timestamp)>,
    /// Digests of files that were just read from disk.
    known: BTreeMap<String, String>,
    compression: Compression,
    is_for_repository: bool,
    done: bool,
    /// Last, so that the directory is removed before the lock is released.
    _lock: DirectoryLock,
}

impl BackupRoot {
    /// Starts a backup, and removes what an interrupted backup left behind.
    pub fn stage(&self, store: &str, time: Timestamp) -> Result<Staging> {
        self.stage_within(store, time, WAIT)
    }

    /// Like [`BackupRoot::stage`]; waits at most this long for another writer of the same store.
    pub fn stage_within(&self, store: &str, time: Timestamp, wait: Duration) -> Result<Staging> {
        let (parent, lock) = self.lock_store(store, wait)?;
        if lock.is_exclusive() {
            remove_interrupted(&parent)?;
        }
        let newest = self.newest_of_all()?;
        let mut created = time;
        loop {
            let name = Name::new(store, created)?;
            let directory = parent.join(format!("{PARTIAL}{name}"));
            let finished = parent.join(name.to_string());
            if finished.symlink_metadata().is_err() {
                match create_private_dir(&directory) {
                    Ok(()) => {
                        let sequence = newest.sequence.saturating_add(1);
                        let mut staging = Staging::new((directory, finished), (created, sequence), lock);
                        staging.dated_later = newest.last.filter(|(_, last)| *last > created);
                        return Ok(staging);
                    }
                    Err(FsError::Exists { .. }) => {}
                    Err(other) => return Err(other.into()),
                }
            }
            created = next_second(created);
        }
    }
}

impl BackupRoot {
    /// Starts to write a backup that existed before, under its own name, and at its own place in the order.
    pub fn stage_again(&self, store: &str, created: Timestamp, sequence: u64) -> Result<Staging> {
        let (parent, lock) = self.lock_store(store, WAIT)?;
        if lock.is_exclusive() {
            remove_interrupted(&parent)?;
        }
        let name = Name::new(store, created)?;
        let finished = parent.join(name.to_string());
        if finished.symlink_metadata().is_ok() && !is_offloaded(&finished) {
            return Err(FsError::Exists { path: finished }.into());
        }
        let directory = parent.join(format!("{PARTIAL}{name}"));
        create_private_dir(&directory)?;
        Ok(Staging::new((directory, finished), (created, sequence), lock))
    }
}

/// Removes what a crash left: unfinished and partly removed backups. The caller holds the lock, so nobody uses them.
fn remove_interrupted(parent: &Path) -> Result<()> {
    let entries = std::fs::read_dir(parent).map_err(|source| FsError::io("list", parent, source))?;
    for entry in entries.flatten() {
        if is_interrupted(&entry.file_name().to_string_lossy()) {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Only names that this program gives: `.partial-` or `.deleting-`, and the name of a backup.
pub(super) fn is_interrupted(name: &str) -> bool {
    [PARTIAL, DELETING]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| Name::parse(rest).is_some()))
}

impl Staging {
    fn new(
        (directory, finished): (PathBuf, PathBuf),
        (created, sequence): (Timestamp, u64),
        lock: DirectoryLock,
    ) -> Self {
        Self {
            directory,
            finished,
            created,
            sequence,
            dated_later: None,
            known: BTreeMap::new(),
            compression: Compression::default(),
            is_for_repository: false,
            done: false,
            _lock: lock,
        }
    }

    /// The directory for its files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The time in its name; later than requested if that name exists.
    #[cfg(any(test, feature = "internals"))]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// A finished backup with a later time: the clock went back. This one counts as the newer one all the same.
    pub fn dated_later(&self) -> Option<(&str, Timestamp)> {
        self.dated_later.as_ref().map(|(name, time)| (name.as_str(), *time))
    }

    /// The name it will have.
    #[cfg(any(test, feature = "internals"))]
    pub fn name(&self) -> String {
        self.finished.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// How the archives of files are compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Sets how the archives of files are compressed.
    pub fn compress(&mut self, compression: Compression) {
        self.compression = compression;
    }

    /// Fails if the disk has too little space, before anything is written: a reserve is left to what else is on it.
    pub fn ensure_space(&self, needed: u64) -> Result<()> {
        Ok(ensure_space(self.finished.parent().unwrap_or(&self.directory), needed)?)
    }

    /// Whether it will be copied to a repository, which stores only what changed. Of what a program has compressed, that is
    /// nearly everything.
    pub fn is_for_repository(&self) -> bool {
        self.is_for_repository
    }

    /// Sets that.
    pub fn for_repository(&mut self, is_for_repository: bool) {
        self.is_for_repository = is_for_repository;
    }

    /// Creates a file by its path in the backup.
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

    /// Links a file from an earlier backup. It is verified now, so that damage in the earlier backup is found while the
    /// data can still be copied again.
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

    /// Notes that a file of this backup was just synced, read back from disk and hashed, so that this is not done
    /// twice.
    pub fn was_read_back(&mut self, artifact: &Artifact) {
        self.known.insert(artifact.path.clone(), artifact.sha256.clone());
    }

    /// Removes a file of this backup.
    pub fn discard(&mut self, path: &str) -> Result<()> {
        self.known.remove(path);
        Ok(remove_file(&self.directory.join(inside(path)?))?)
    }

    /// Verifies everything, writes checksums and manifest, and gives the backup its name.
    #[cfg(any(test, feature = "internals"))]
    pub fn finish(self, manifest: Manifest) -> Result<Verified> {
        self.finish_showing(manifest, &crate::progress::Silent)
    }

    /// Like [`Staging::finish`], with progress. `created` in the manifest becomes the time in the name, and `sequence` the
    /// next number of the directory.
    pub fn finish_showing(mut self, mut manifest: Manifest, progress: &dyn Progress) -> Result<Verified> {
        manifest.created = self.created;
        manifest.sequence = self.sequence;
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
        // Parsed again, so that a later check compares the same representation.
        let manifest = Manifest::parse(&bytes).map_err(|error| StoreError::Unsound(error.into()))?;
        if is_offloaded(&self.finished) {
            self.replace()?;
        } else {
            rename_new(&self.directory, &self.finished)?;
        }
        self.done = true;
        if let Some(parent) = self.finished.parent() {
            sync_dir(parent)?;
        }
        let directory = self.finished.clone();
        let is_pinned = is_pinned(&directory);
        Ok(Verified(Backup { directory, manifest, test_restore: None, is_pinned, is_offloaded: false }))
    }
}

impl Staging {
    /// Takes the place of a backup whose files were only in a repository, from which this one is.
    fn replace(&self) -> Result<()> {
        let name = self.finished.file_name().unwrap_or_default().to_string_lossy();
        let hidden = self.finished.with_file_name(format!("{DELETING}{name}"));
        if hidden.symlink_metadata().is_ok() {
            remove_tree(&hidden)?;
        }
        rename_new(&self.finished, &hidden)?;
        rename_new(&self.directory, &self.finished)?;
        Ok(remove_tree(&hidden)?)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed now keeps its hidden name until the next backup removes it.
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

/// The digest of an artifact, if it is intact.
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
