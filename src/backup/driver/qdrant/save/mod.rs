//! Backs up a server, one collection after the other.

mod download;
mod full;
mod incremental;
mod incremental_chain;
pub(crate) mod manual_restore;
mod readback;
mod snapshot;
mod strategy;
pub(crate) mod unchanged;

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::{Value, json};

use crate::backup::consistency::Consistency;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{DriverTarget, Dump};
use crate::backup::fingerprint::{Fingerprint, QdrantFingerprint};
use crate::backup::manifest::{ArtifactContents, Proof};
use crate::backup::store::{Backup, Staging};
use strategy::ServerDump;

/// The collections and aliases as the server reports them, for people.
const NOTE: &str = "configuration.json";

/// How often the list of collections is read: collections that are created during the backup are included.
const ROUNDS: usize = 3;

pub(crate) async fn dump(
    target: DriverTarget<'_>,
    previous: Option<&Backup>,
    into: &mut Staging,
    timeouts: Timeouts,
) -> anyhow::Result<Dump> {
    let client = Client::connect_all(target).await?;
    let taken = fingerprint::take(&client, target).await?;
    if let Some((name, reason)) = first_unreadable(&taken.fingerprint) {
        bail!("collection `{name}` cannot be read, so it cannot be backed up: {reason}");
    }
    if previous.is_none() {
        into.ensure_space(estimate(&client).await)?;
    }
    let mut pending: Vec<String> = taken.infos.iter().map(|(name, _)| name.clone()).collect();
    let mut dumping = ServerDump::new(target, &client, previous, timeouts, taken);
    for _ in 0..ROUNDS {
        for name in &pending {
            dumping.collection(name, into).await?;
        }
        let names = client.collections().await?;
        pending = names.into_iter().filter(|name| !dumping.saved.collections.contains_key(name)).collect();
        if pending.is_empty() {
            break;
        }
    }
    let ServerDump { mut saved, infos, mut artifacts, mut remarks, .. } = dumping;
    for name in &pending {
        remarks.push(format!("collection `{name}` was created during the backup and is not in it"));
    }
    // Read now: an alias may have been moved during the backup.
    saved.aliases = client.aliases().await?.into_iter().collect();
    saved.aliases.retain(|_, collection| saved.collections.contains_key(collection));
    artifacts.push(note(into, &saved, &infos)?);
    let manual_restore = manual_restore::lines(&saved, &artifacts);
    Ok(Dump {
        server: Some(saved.version.clone()),
        fingerprint: Fingerprint::Qdrant(saved),
        artifacts,
        // Every snapshot was read back from disk to its end; otherwise the dump fails.
        proof: Proof::Readable,
        consistency: Consistency::Dumped,
        tree: None,
        sqlite: Vec::new(),
        manual_restore,
        remarks,
    })
}

fn first_unreadable(found: &QdrantFingerprint) -> Option<(&str, &str)> {
    found.collections.iter().find_map(|(name, one)| Some((name.as_str(), one.unreadable.as_deref()?)))
}

/// The size of all vectors and payloads, the minimum size of the snapshots; 0 if the server does not report it.
async fn estimate(client: &Client) -> u64 {
    let Ok(telemetry) = client.rest().telemetry(3).await else { return 0 };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let size = |local: &Value| {
        ["vectors_size_bytes", "payloads_size_bytes"]
            .iter()
            .filter_map(|key| local[key].as_u64())
            .sum::<u64>()
    };
    list(&telemetry["collections"]["collections"])
        .iter()
        .flat_map(|collection| list(&collection["shards"]))
        .map(|shard| size(&shard["local"]))
        .sum()
}

fn note(
    into: &Staging,
    saved: &QdrantFingerprint,
    infos: &[(String, Value)],
) -> anyhow::Result<crate::backup::manifest::Artifact> {
    let collections: serde_json::Map<String, Value> = infos.iter().cloned().collect();
    let note = json!({ "version": saved.version, "collections": collections, "aliases": saved.aliases });
    let mut text = serde_json::to_string_pretty(&note)?;
    writeln!(text)?;
    Ok(into.write(NOTE, text.as_bytes(), ArtifactContents::Note)?)
}
