//! How to restore a backup without this program: commands for a shell in the backup's directory.

use std::collections::BTreeSet;

use serde_json::json;

use crate::backup::driver::qdrant::names::in_url;
use crate::backup::driver::qdrant::state::body::body;
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};
use crate::backup::manifest::{Artifact, ArtifactContents};

/// The address of a server with the default configuration.
const SERVER: &str = "http://localhost:6333";

pub(crate) fn lines(saved: &QdrantFingerprint, artifacts: &[Artifact]) -> Vec<String> {
    let mut lines = vec![format!(
        "# Run in this directory, against Qdrant {} or the next minor version; add -H \"api-key: $KEY\" if the server requires a key.",
        saved.version
    )];
    let mut made = BTreeSet::new();
    for artifact in artifacts {
        let collection = match &artifact.contents {
            ArtifactContents::CollectionSnapshot { collection } => collection,
            ArtifactContents::ShardSnapshot { collection, shard } => {
                if made.insert(collection) {
                    lines.extend(saved.collections.get(collection).map(|one| create(collection, one)));
                }
                lines.push(upload(&format!("{}/shards/{shard}", in_url(collection)), artifact));
                continue;
            }
            // Increments are merged with their snapshot.
            ArtifactContents::CollectionIncrement { .. }
            | ArtifactContents::SegmentVersions { .. }
            | ArtifactContents::Files { .. }
            | ArtifactContents::DatabaseDump { .. }
            | ArtifactContents::DatabaseDefinition { .. }
            | ArtifactContents::DatabaseProperties { .. }
            | ArtifactContents::ServerGlobals
            | ArtifactContents::Note => continue,
        };
        let is_custom = saved.collections.get(collection).is_some_and(|one| is_custom_sharded(&one.config));
        let increments = increments(artifacts, collection);
        if is_custom {
            lines.push(offline(collection, artifact));
        } else if increments.is_empty() {
            lines.push(upload(&in_url(collection), artifact));
        } else {
            lines.extend(merged(collection, artifact, &increments));
        }
    }
    if !saved.aliases.is_empty() {
        let actions: Vec<_> = saved
            .aliases
            .iter()
            .map(|(alias, collection)| {
                json!({ "create_alias": { "alias_name": alias, "collection_name": collection } })
            })
            .collect();
        let body = json!({ "actions": actions }).to_string();
        lines.push(format!(
            "curl --fail-with-body -X POST {SERVER}/collections/aliases -H 'Content-Type: application/json' -d {}",
            shell_words::quote(&body)
        ));
    }
    lines
}

fn upload(what: &str, artifact: &Artifact) -> String {
    format!(
        "curl --fail-with-body -X POST '{SERVER}/collections/{what}/snapshots/upload?wait=true&priority=snapshot&checksum={}' \
         -F {}",
        artifact.sha256,
        shell_words::quote(&format!("snapshot=@{}", artifact.path)),
    )
}

/// Snapshots of shards are restored into an existing collection. In a cluster, each goes to a node that has the shard.
fn create(collection: &str, recorded: &CollectionFingerprint) -> String {
    format!(
        "curl --fail-with-body -X PUT '{SERVER}/collections/{}' -H 'Content-Type: application/json' -d {}  # then upload each shard to a node that has it, see /collections/{}/cluster",
        in_url(collection),
        shell_words::quote(&body(&recorded.config).to_string()),
        in_url(collection),
    )
}

/// The increments of a collection in their order, with their shard.
fn increments<'a>(artifacts: &'a [Artifact], name: &str) -> Vec<(u32, &'a Artifact)> {
    let mut found: Vec<_> = artifacts
        .iter()
        .filter_map(|artifact| match &artifact.contents {
            ArtifactContents::CollectionIncrement { collection, shard, number } if collection == name => {
                Some((*number, (*shard, artifact)))
            }
            _ => None,
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, increment)| increment).collect()
}

/// Merges the increments with the snapshot and uploads the result. Applied on a server, they would replace only some of the
/// files that it has rewritten by then.
fn merged(collection: &str, snapshot: &Artifact, increments: &[(u32, &Artifact)]) -> Vec<String> {
    let Some((shard, last)) = increments.last() else { return Vec::new() };
    let quoted = |path: &str| shell_words::quote(path).into_owned();
    let mut lines = vec![
        format!("rm -rf merged && mkdir merged && tar -xf {} -C merged", quoted(&snapshot.path)),
        format!(
            "for tar in merged/{shard}/segments/*.tar; do mkdir \"${{tar%.tar}}\" && tar -xf \"$tar\" -C \"${{tar%.tar}}\" --strip-components=1 && rm \"$tar\"; done"
        ),
    ];
    for (shard, increment) in increments {
        lines.push(format!(
            "rm -rf merged/{shard}/wal merged/{shard}/applied_seq.json && tar -xf {} -C merged/{shard}",
            quoted(&increment.path)
        ));
    }
    lines.push(format!(
        "for dir in merged/{shard}/segments/*; do tar -tf {} \"segments/${{dir##*/}}/files/version.info\" >/dev/null 2>&1 || rm -r \"$dir\"; done",
        quoted(&last.path)
    ));
    lines.push(format!(
        "rm merged/{shard}/segments/*/files/segment_manifest.json && tar -cf merged.snapshot -C merged $(ls merged) && rm -r merged"
    ));
    lines.push(format!(
        "curl --fail-with-body -X POST '{SERVER}/collections/{}/snapshots/upload?wait=true&priority=snapshot' -F snapshot=@merged.snapshot && rm merged.snapshot",
        in_url(collection)
    ));
    lines
}

/// The server accepts the upload of such a collection, but leaves it empty (qdrant#10135).
fn offline(collection: &str, artifact: &Artifact) -> String {
    format!(
        "./qdrant --snapshot {}  # in an empty container of the server: this collection has custom sharding",
        shell_words::quote(&format!("{}:{collection}", artifact.path)),
    )
}

/// Whether a collection has custom sharding, with shard keys of its users.
pub(crate) fn is_custom_sharded(config: &serde_json::Value) -> bool {
    config["params"]["sharding_method"] == "custom"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures;

    fn artifact(collection: &str, path: &str) -> Artifact {
        let contents = ArtifactContents::CollectionSnapshot { collection: collection.into() };
        Artifact { path: path.into(), bytes: 1, sha256: "ab12".into(), contents }
    }

    #[test]
    fn every_collection_has_its_command_and_the_aliases_come_last() {
        let mut saved = fixtures::server();
        saved.aliases.insert("o'clock".into(), "livros".into());
        let lines = lines(&saved, &[artifact("a b", "collections/a%20b.snapshot")]);
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[1],
            "curl --fail-with-body -X POST \
             'http://localhost:6333/collections/a%20b/snapshots/upload?wait=true&priority=snapshot&checksum=ab12' \
             -F 'snapshot=@collections/a%20b.snapshot'"
        );
        let words = shell_words::split(&lines[2]).expect("a shell understands it");
        let body: serde_json::Value = serde_json::from_str(words.last().expect("a body")).expect("json");
        assert_eq!(body["actions"][1]["create_alias"]["alias_name"], "o'clock");
    }

    #[test]
    fn what_an_upload_would_leave_empty_gets_another_command() {
        let mut saved = fixtures::server();
        let config = &mut saved.collections.get_mut("livros").expect("there").config;
        config["params"]["sharding_method"] = json!("custom");
        let lines = lines(&saved, &[artifact("livros", "collections/livros.snapshot")]);
        assert!(
            lines[1].starts_with("./qdrant --snapshot collections/livros.snapshot:livros"),
            "{}",
            lines[1]
        );
    }
}
