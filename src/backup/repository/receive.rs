//! Makes a backup out of a snapshot again, on this machine.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::description::{StoredArtifact, StoredForm, stored_path};
use super::snapshot_files::{KeepReading, SnapshotFiles};
use super::snapshots::RepositorySnapshot;
use super::split::join;
use super::{FILES, HEADERS, IndexedRepository, RepositoryError};
use crate::backup::driver::volume::archive_file::{self, NewArchive};
use crate::backup::manifest::{Artifact, Manifest};
use crate::backup::store::{BackupRoot, Staging, Verified};
use crate::fs::{Digester, FsError};
use crate::progress::Progress;

const PIECE: usize = 1024 * 1024;

impl IndexedRepository {
    /// Writes a backup into the backup directory, under its own name. Every file is compared with its digest. The backup then
    /// belongs to the owner of the directory.
    pub fn receive(
        &self,
        snapshot: &RepositorySnapshot,
        root: &BackupRoot,
        advance: &KeepReading,
        progress: &dyn Progress,
    ) -> Result<Verified, RepositoryError> {
        let stored = &snapshot.stored;
        let mut manifest = Manifest::clone(&stored.manifest);
        let mut staging = root.stage_again(&stored.store, manifest.created, manifest.sequence)?;
        let needed = stored.artifacts.iter().map(|artifact| artifact.content_bytes).sum();
        staging.ensure_space(needed)?;
        let files = SnapshotFiles::new(&self.inner, snapshot, advance);
        for (stored, artifact) in stored.artifacts.iter().zip(&mut manifest.artifacts) {
            *artifact = write_artifact(&files, stored, artifact, &staging)?;
            staging.was_read_back(artifact);
        }
        if let Some(engine) = root.owner().and_then(|owner| owner.engine.clone()) {
            manifest.engine = engine;
        }
        Ok(staging.finish_showing(manifest, progress)?)
    }
}

/// Writes one file of the backup; a compressed one is compressed again, so its digest may differ.
fn write_artifact(
    files: &SnapshotFiles<'_>,
    stored: &StoredArtifact,
    artifact: &Artifact,
    staging: &Staging,
) -> Result<Artifact, RepositoryError> {
    let unreadable = |source| RepositoryError::Unreadable { path: stored.path.clone(), source };
    let compression = archive_file::compression_of(Path::new(&stored.path));
    let file = staging.create(&stored.path)?;
    let path = file.path().to_owned();
    let mut archive = NewArchive::new(file, compression)
        .map_err(|source| RepositoryError::Store(FsError::io("write", &path, source).into()))?;
    let name = stored_path(&stored.path, stored.form);
    let (bytes, sha256) = match stored.form {
        StoredForm::File => {
            let mut file = files.open(&Path::new(FILES).join(name))?;
            let mut hashing = Hashing { inner: &mut archive, digester: Digester::default() };
            io::copy(&mut file, &mut hashing).map_err(unreadable)?;
            (hashing.digester.bytes(), hashing.digester.finish().to_string())
        }
        StoredForm::Tree => {
            let headers = files.open(&Path::new(HEADERS).join(format!("{name}.tar")))?;
            let below = Path::new(FILES).join(name);
            let joined = join(BufReader::with_capacity(PIECE, headers), &mut archive, |entry| {
                let file = files.open(&below.join(entry.path())).map_err(JoinError::Repository)?;
                Ok::<Box<dyn Read + '_>, JoinError>(Box::new(file))
            });
            let parted = joined.map_err(|error| match error {
                JoinError::Repository(error) => error,
                JoinError::Io(source) => unreadable(source),
            })?;
            (parted.bytes, parted.sha256)
        }
    };
    if (bytes, sha256.as_str()) != (stored.content_bytes, stored.content_sha256.as_str()) {
        return Err(RepositoryError::Damaged { path: stored.path.clone() });
    }
    let (bytes, digest) = archive.finish(&path).map_err(|error| RepositoryError::Store(error.into()))?;
    Ok(Artifact { bytes, sha256: digest.to_string(), ..artifact.clone() })
}

/// Why an archive cannot be joined.
enum JoinError {
    Repository(RepositoryError),
    Io(io::Error),
}

impl From<io::Error> for JoinError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Hashes what is written through it.
struct Hashing<'a, W> {
    inner: &'a mut W,
    digester: Digester,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digester.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
