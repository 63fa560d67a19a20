//! Walks the archives of a backup, and compares them with what it says it contains.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::{archive_file, pipe, tar_summary};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::units::{Bytes, count};

/// Checksums show that a file is the one that was written, not that it was a good one.
pub(super) async fn contents(backup: &Backup) -> anyhow::Result<()> {
    let (mut entries, mut bytes) = (0, 0);
    for artifact in &backup.manifest.artifacts {
        let ArtifactContents::Files { target, .. } = &artifact.contents else { continue };
        let file = backup.directory.join(&artifact.path);
        let path = artifact.path.clone();
        let summary = pipe::blocking(move || {
            tar_summary::take(archive_file::open(&file)?, |_| {})
                .with_context(|| format!("`{path}` cannot be used"))
        })
        .await?;
        ensure!(
            summary.top.as_deref() == Path::new(target).file_name(),
            "`{}` is not an archive of `{target}`",
            artifact.path
        );
        entries += summary.entries + u64::from(summary.is_file);
        bytes += summary.bytes;
    }
    if let Some((path, problem)) = backup.manifest.damaged_databases().next() {
        anyhow::bail!("the SQLite database `{path}` in it is damaged: {problem}");
    }
    match backup.manifest.fingerprint {
        Fingerprint::Volume { entries: recorded, bytes: size } => {
            let of = |entries: u64, bytes: u64| format!("{} with {}", count(entries, "file"), Bytes(bytes));
            ensure!(
                (entries, bytes) == (recorded, size),
                "it contains {} instead of {}",
                of(entries, bytes),
                of(recorded, size)
            );
            Ok(())
        }
        Fingerprint::Qdrant(_) | Fingerprint::Databases(_) => Ok(()),
    }
}
