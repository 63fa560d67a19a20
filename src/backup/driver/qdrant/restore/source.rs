//! The files of each collection in a backup, and what restoring it needs.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, ensure};

use super::disk_space::SpaceNeeded;
use super::increments::IncrementFile;
use super::shards::ShardFile;
use super::stage::{CollectionSource, FullSnapshot, Snapshot};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::{CollectionFingerprint, Fingerprint, QdrantFingerprint};
use crate::backup::manifest::Artifact;
use crate::backup::store::Backup;
use crate::progress::Task;

/// The fingerprint in the backup.
pub(crate) fn recorded(from: &Backup) -> anyhow::Result<&QdrantFingerprint> {
    match &from.manifest.fingerprint {
        Fingerprint::Qdrant(recorded) => Ok(recorded),
        Fingerprint::Volume { .. } | Fingerprint::Databases(_) => {
            bail!("`{}` is not a backup of a Qdrant server", from.name())
        }
    }
}

/// The files that a collection is restored from, with their artifacts: the snapshot and its increments, or the
/// snapshots of the shards. Never empty.
pub(crate) fn files_of<'a>(
    from: &'a Backup,
    collection: &str,
) -> anyhow::Result<Vec<(PathBuf, &'a Artifact)>> {
    let shards = from.manifest.shards(collection);
    if !shards.is_empty() {
        let recorded = recorded(from)?.collections.get(collection);
        let number = recorded.and_then(|one| one.config["params"]["shard_number"].as_u64());
        ensure!(
            number.is_none_or(|number| number == shards.len() as u64)
                && shards.keys().zip(0..).all(|(shard, expected)| *shard == expected),
            "the backup has {} of {} shards of collection `{collection}`",
            shards.len(),
            number.unwrap_or_default()
        );
    }
    let links = if shards.is_empty() {
        from.manifest.incremental_chain(collection)
    } else {
        shards.into_values().collect()
    };
    ensure!(!links.is_empty(), "the backup has no complete snapshot of collection `{collection}`");
    for artifact in &links {
        let inside = Path::new(&artifact.path).components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(inside, "`{}` is outside the backup's directory", artifact.path);
    }
    Ok(links.into_iter().map(|artifact| (from.directory.join(&artifact.path), artifact)).collect())
}

/// What a collection is restored from.
pub(crate) fn snapshot(
    from: &Backup,
    collection: &str,
    expected: &CollectionFingerprint,
    task: Arc<dyn Task>,
    timeouts: Timeouts,
) -> anyhow::Result<Snapshot> {
    let mut links = files_of(from, collection)?.into_iter();
    let shards = from.manifest.shards(collection);
    let source = if shards.is_empty() {
        let (file, artifact) = links.next().expect("the first link is the snapshot");
        let changes = links.filter_map(|(file, artifact)| IncrementFile::of(file, artifact)).collect();
        CollectionSource::Full(FullSnapshot { file, sha256: artifact.sha256.clone(), changes })
    } else {
        let shard = |(shard, (file, artifact)): (u32, (PathBuf, &Artifact))| ShardFile {
            shard,
            file,
            sha256: artifact.sha256.clone(),
        };
        CollectionSource::Shards(shards.into_keys().zip(links).map(shard).collect())
    };
    Ok(Snapshot { source, expected: expected.clone(), task, timeouts })
}

/// The size of a collection in a backup.
pub(crate) fn bytes_of(from: &Backup, collection: &str) -> anyhow::Result<u64> {
    Ok(files_of(from, collection)?.iter().map(|(_, artifact)| artifact.bytes).sum())
}

/// The name of the temporary collection for a collection of a backup. Always the same, so that an interrupted restore
/// can be resumed; different for another backup.
pub(crate) fn staged(from: &Backup, collection: &str, to: &str) -> anyhow::Result<String> {
    let links = files_of(from, collection)?;
    let digests = links.iter().map(|(_, artifact)| artifact.sha256.as_str());
    let parts: Vec<&str> = [collection, to].into_iter().chain(digests).collect();
    Ok(names::temporary(to, &parts))
}

/// The minimum space that the server needs. A replaced collection exists twice for a while, and so does its snapshot.
pub(crate) fn need(from: &Backup, steps: &[Step]) -> anyhow::Result<SpaceNeeded> {
    let mut need = SpaceNeeded { storage: 0, snapshots: 0 };
    let mut twice = 0;
    for step in steps {
        let bytes = match step.action {
            Action::Keep | Action::Finish => continue,
            Action::Create | Action::Replace => bytes_of(from, &step.from)?,
        };
        match step.action {
            Action::Replace => twice = bytes.max(twice),
            _ => need.storage += bytes,
        }
        need.snapshots = need.snapshots.max(bytes);
    }
    need.storage += 2 * twice;
    Ok(need)
}
