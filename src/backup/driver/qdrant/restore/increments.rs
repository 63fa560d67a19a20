//! The increments of a backup, merged with the snapshot that they are based on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::archive::merge::{MergedReader, MergedSnapshot};
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::fs::Digester;

/// One increment.
pub(crate) struct IncrementFile {
    file: PathBuf,
    shard: u32,
}

impl IncrementFile {
    /// `None` for the snapshot itself.
    pub(crate) fn of(file: PathBuf, artifact: &Artifact) -> Option<Self> {
        let ArtifactContents::CollectionIncrement { shard, .. } = artifact.contents else { return None };
        Some(Self { file, shard })
    }
}

/// Merges a snapshot and its increments; returns the result with its SHA-256. `None` without increments.
pub(crate) async fn merge(
    snapshot: &Path,
    changes: &[IncrementFile],
    cancellation: &Cancellation,
) -> anyhow::Result<Option<(Arc<MergedSnapshot>, String)>> {
    let Some(shard) = changes.first().map(|change| change.shard) else { return Ok(None) };
    let snapshot = snapshot.to_owned();
    let increments: Vec<PathBuf> = changes.iter().map(|change| change.file.clone()).collect();
    let cancellation = cancellation.clone();
    let merging = tokio::task::spawn_blocking(move || {
        let merged = MergedSnapshot::of(&snapshot, &increments, shard);
        let merged = Arc::new(merged.context("the increments do not fit the snapshot")?);
        let mut digester = Digester::default();
        let mut reader = MergedReader::new(&merged);
        let mut chunk = vec![0; 256 * 1024];
        loop {
            cancellation.check()?;
            match std::io::Read::read(&mut reader, &mut chunk)? {
                0 => break,
                count => digester.update(&chunk[..count]),
            }
        }
        anyhow::Ok((merged, digester.finish().to_string()))
    });
    merging.await?.map(Some)
}
