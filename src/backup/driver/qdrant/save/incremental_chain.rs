//! The incremental chain of a collection in an earlier backup, and whether this backup may extend it.
//!
//! A chain is a full snapshot and the increments of the collection's only shard; in a cluster, it is a snapshot of each
//! shard without increments. Each backup contains the complete chain: files of an earlier backup are hard-linked.
//!
//! An increment has the files whose versions are higher than those of the chain. So a chain ends, and the next backup is a
//! full one, wherever a version could have gone back or stood still while the contents changed: after a restart of the
//! server, after a restore by anyone, after a counter that went back, and if something was written during a backup.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::manual_restore::is_custom_sharded;
use crate::backup::driver::qdrant::archive::merge::MergedSnapshot;
use crate::backup::fingerprint::{CollectionFingerprint, Fingerprint};
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::backup::store::Backup;

/// The maximum number of increments: a restore applies them one by one.
const LONGEST: usize = 16;

/// See the head of this file.
pub(crate) struct IncrementalChain<'a> {
    backup: &'a Backup,
    recorded: &'a CollectionFingerprint,
    /// The snapshot and the increments in their order, or the snapshots of the shards.
    links: Vec<&'a Artifact>,
    versions: Option<&'a Artifact>,
}

impl<'a> IncrementalChain<'a> {
    /// The chain of a collection; `None` if it is no ground for the next backup: the server's version or the settings
    /// changed, or the backup failed its test restore.
    pub(crate) fn of(
        backup: &'a Backup,
        name: &str,
        now: &CollectionFingerprint,
        server: &str,
    ) -> Option<Self> {
        let manifest = &backup.manifest;
        let Fingerprint::Qdrant(recorded) = &manifest.fingerprint else { return None };
        let recorded = recorded.collections.get(name)?;
        let same = !backup.has_failed_proof()
            && manifest.server.as_deref() == Some(server)
            && recorded.config == now.config
            && recorded.payload_schema == now.payload_schema
            && now.status != "red";
        let mut links = manifest.incremental_chain(name);
        if links.is_empty() {
            links = manifest.shards(name).into_values().collect();
        }
        let is_versions = |artifact: &&Artifact| matches!(&artifact.contents, ArtifactContents::SegmentVersions { collection, .. } if collection == name);
        let versions = manifest.artifacts.iter().find(is_versions);
        (same && !links.is_empty()).then_some(Self { backup, recorded, links, versions })
    }

    /// Whether the server proves that nothing was written since the backup. Where both are counted, the counts must be
    /// equal, too: a segment of version 0 can be one without any write, or one that has the first of all.
    pub(crate) fn is_current(&self, now: &CollectionFingerprint) -> bool {
        let (Some(before), Some(mark)) = (&self.recorded.write_position, &now.write_position) else {
            return false;
        };
        mark.proves_unchanged_since(before) && self.has_same_count(now)
    }

    /// Whether all changes since the backup show in the versions of the files.
    pub(crate) fn can_be_extended(&self, now: &CollectionFingerprint) -> bool {
        let (Some(before), Some(mark)) = (&self.recorded.write_position, &now.write_position) else {
            return false;
        };
        mark.continues(before) && self.recorded.points_after.is_none()
    }

    /// Whether as many points were counted then as now.
    pub(crate) fn has_same_count(&self, now: &CollectionFingerprint) -> bool {
        self.recorded.points_after.is_none() && self.recorded.points == now.points
    }

    /// Every file of it, to be linked into the backup of an unchanged collection. The versions are only among them if the
    /// next increment may start from them: a server that replays its log at a start rewrites files and keeps their versions.
    pub(crate) fn paths(&self, now: &CollectionFingerprint) -> Vec<String> {
        let versions = self.versions.filter(|_| self.can_be_extended(now));
        self.links.iter().copied().chain(versions).map(|artifact| artifact.path.clone()).collect()
    }

    /// The files that an increment extends.
    pub(crate) fn links(&self) -> Vec<String> {
        self.links.iter().map(|artifact| artifact.path.clone()).collect()
    }

    /// Whether the chain and a new increment have every file of every segment that the increment lists.
    pub(crate) async fn fits(&self, increment: &Path, shard: u32) -> bool {
        let mut files = self.links.iter().map(|artifact| self.backup.directory.join(&artifact.path));
        let Some(snapshot) = files.next() else { return false };
        let increments: Vec<PathBuf> = files.chain([increment.to_owned()]).collect();
        let merging = tokio::task::spawn_blocking(move || MergedSnapshot::of(&snapshot, &increments, shard));
        match merging.await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "falling back to a full backup");
                false
            }
            Err(_) => false,
        }
    }

    /// The number of the next increment, and its maximum size: increments of more than half the snapshot's size cost
    /// more at a restore than they save.
    pub(crate) fn next(&self) -> Option<(usize, u64)> {
        let snapshot = self.links.first()?.bytes;
        let deltas: u64 = self.links[1..].iter().map(|artifact| artifact.bytes).sum();
        let left = (snapshot / 2).checked_sub(deltas).filter(|left| *left > 0)?;
        (self.links.len() <= LONGEST).then_some((self.links.len(), left))
    }

    /// The shard, and its file versions just before the newest file of the chain.
    pub(crate) fn versions(&self) -> Option<(u32, Value)> {
        let artifact = self.versions?;
        let ArtifactContents::SegmentVersions { shard, .. } = &artifact.contents else { return None };
        let text = std::fs::read(self.backup.directory.join(&artifact.path)).ok()?;
        let sound = crate::fs::Digest::of(&text).to_string() == artifact.sha256;
        sound.then(|| serde_json::from_slice(&text).ok()).flatten().map(|versions| (*shard, versions))
    }
}

/// The only shard of a collection. Changes are reported for each shard, and several shards cannot be read at the same
/// moment.
pub(crate) fn only_shard(collection: &CollectionFingerprint) -> Option<u32> {
    if is_custom_sharded(&collection.config)
        || collection.config["params"]["shard_number"].as_u64() != Some(1)
    {
        return None;
    }
    match collection.write_position.as_ref()?.shards.as_slice() {
        [only] if only.node.is_none() => Some(only.id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backup::driver::qdrant::fixtures;
    use crate::backup::fingerprint::write_position::{ShardPosition, WritePosition};
    use crate::backup::manifest::tests::manifest;

    fn artifact(path: &str, bytes: u64, contents: ArtifactContents) -> Artifact {
        Artifact { path: path.into(), bytes, sha256: String::new(), contents }
    }

    /// A backup of `receitas` with so many bytes in each link.
    fn backup(links: &[u64]) -> Backup {
        let mut made = manifest("qdrant", "2026-08-01T10:00:00Z");
        made.server = Some("1.19.0".into());
        made.fingerprint = Fingerprint::Qdrant(fixtures::server());
        let contents = |link: usize| match u32::try_from(link).expect("small") {
            0 => ArtifactContents::CollectionSnapshot { collection: "receitas".into() },
            number => {
                ArtifactContents::CollectionIncrement { collection: "receitas".into(), shard: 0, number }
            }
        };
        made.artifacts = links
            .iter()
            .enumerate()
            .map(|(at, bytes)| artifact(&at.to_string(), *bytes, contents(at)))
            .rev()
            .collect();
        Backup {
            directory: "/none".into(),
            manifest: made,
            test_restore: None,
            is_pinned: false,
            is_offloaded: false,
        }
    }

    fn now() -> CollectionFingerprint {
        fixtures::collection(50)
    }

    #[test]
    fn links_are_in_their_order() {
        let backup = backup(&[100, 1, 2]);
        let chain = IncrementalChain::of(&backup, "receitas", &now(), "1.19.0").expect("the same");
        assert_eq!(chain.links(), ["0", "1", "2"]);
        assert_eq!(chain.next(), Some((3, 47)));
    }

    #[test]
    fn a_chain_ends_where_it_costs_more_than_it_saves() {
        let next = |links: &[u64]| {
            let backup = backup(links);
            IncrementalChain::of(&backup, "receitas", &now(), "1.19.0").expect("the same").next()
        };
        assert_eq!(next(&[100, 49]), Some((2, 1)));
        assert_eq!(next(&[100, 50]), None);
        let sixteen: Vec<u64> = std::iter::once(1000).chain([1; 16]).collect();
        assert_eq!(next(&sixteen), None);
        assert_eq!(next(&sixteen[..16]), Some((16, 485)));
    }

    #[test]
    fn another_server_or_other_settings_are_no_ground() {
        let backup = backup(&[100]);
        assert!(IncrementalChain::of(&backup, "receitas", &now(), "1.19.1").is_none());
        assert!(IncrementalChain::of(&backup, "nova", &now(), "1.19.0").is_none());
        let mut other = now();
        other.config["params"]["on_disk_payload"] = json!(false);
        assert!(IncrementalChain::of(&backup, "receitas", &other, "1.19.0").is_none());
        let mut other = now();
        other.payload_schema = json!({});
        assert!(IncrementalChain::of(&backup, "receitas", &other, "1.19.0").is_none());
        let mut other = now();
        other.status = "red".into();
        assert!(IncrementalChain::of(&backup, "receitas", &other, "1.19.0").is_none());
    }

    #[test]
    fn only_a_collection_of_one_shard_has_changes() {
        assert_eq!(only_shard(&now()), Some(0));
        let mut two = now();
        let shard = |id| ShardPosition { id, ..ShardPosition::default() };
        two.write_position = Some(WritePosition { shards: vec![shard(0), shard(1)] });
        assert_eq!(only_shard(&two), None);
        let mut custom = now();
        custom.config["params"]["sharding_method"] = json!("custom");
        assert_eq!(only_shard(&custom), None);
    }
}
