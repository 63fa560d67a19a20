//! The files of one collection.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::damage::{StartupEffect, StorageDamage};

/// The directories below a path, sorted by name; none if it cannot be read.
pub(super) fn directories(path: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    found.sort();
    found
}

/// Whether a file is JSON; `None` if it does not exist or cannot be read.
pub(super) fn is_json(path: &Path) -> Option<bool> {
    fs::read(path).ok().map(|bytes| serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok())
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Whether a file certainly does not exist.
fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == 0)
}

pub(super) fn examine(name: &str, path: &Path, found: &mut Vec<StorageDamage>) {
    let of = format!("collection `{name}`");
    let dies = "the server exits at startup, and again at every restart";
    if is_missing(&path.join("config.json")) {
        let shards =
            directories(path).iter().any(|(_, shard)| !directories(&shard.join("segments")).is_empty());
        // Without points it is the rest of a deleted collection.
        if shards {
            found.push(StorageDamage::new(
                StartupEffect::Skipped,
                format!("{of} has no `config.json`"),
                "the server starts without this collection, as if it did not exist, although its points are still on disk",
            ));
        }
        return;
    }
    if is_missing(&path.join("version.info")) {
        found.push(StorageDamage::new(StartupEffect::Exits, format!("{of} has no `version.info`"), dies));
    } else if is_empty(&path.join("version.info")) {
        found.push(StorageDamage::new(
            StartupEffect::Exits,
            format!("`version.info` of {of} is empty"),
            dies,
        ));
    }
    for file in ["config.json", "payload_index.json", "shard_key_mapping.json"] {
        if is_json(&path.join(file)) == Some(false) {
            found.push(StorageDamage::new(
                StartupEffect::Exits,
                format!("`{file}` of {of} is not valid JSON"),
                dies,
            ));
        }
    }
    let Some(config) = json(&path.join("config.json")) else { return };
    for id in shards(&config, path) {
        shard(&of, id, path, found);
    }
}

/// The ids of the shards that a server would load.
fn shards(config: &Value, path: &Path) -> Vec<u64> {
    if config["params"]["sharding_method"] != "custom" {
        return (0..config["params"]["shard_number"].as_u64().unwrap_or(0)).collect();
    }
    let mut numbers = Vec::new();
    match json(&path.join("shard_key_mapping.json")) {
        // Keys with their shards, as servers before 1.14 wrote it.
        Some(Value::Object(map)) => {
            numbers.extend(map.values().filter_map(Value::as_array).flatten().cloned());
        }
        Some(Value::Array(list)) => {
            for one in list {
                numbers.extend(one["shard_ids"].as_array().into_iter().flatten().cloned());
                numbers.push(one["shard_id"].clone());
            }
        }
        _ => {}
    }
    let mut numbers: Vec<u64> = numbers.iter().filter_map(Value::as_u64).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn shard(collection: &str, id: u64, path: &Path, found: &mut Vec<StorageDamage>) {
    let of = format!("shard {id} of {collection}");
    let dies = "the server exits at startup, and again at every restart";
    if path.join(format!("shard_{id}.initializing")).exists() {
        found.push(StorageDamage::new(
            StartupEffect::Dummy,
            format!("{of} is incomplete: a restore or a transfer into it was interrupted"),
            "the server lists the collection, but rejects all requests for it until a snapshot is restored into it",
        ));
        return;
    }
    let shard = path.join(id.to_string());
    for file in ["shard_config.json", "replica_state.json"] {
        if is_missing(&shard.join(file)) {
            found.push(StorageDamage::new(StartupEffect::Exits, format!("{of} has no `{file}`"), dies));
            return;
        }
        if is_json(&shard.join(file)) == Some(false) {
            found.push(StorageDamage::new(
                StartupEffect::Exits,
                format!("`{file}` of {of} is not valid JSON"),
                dies,
            ));
            return;
        }
    }
    if json(&shard.join("replica_state.json")).is_some_and(|state| state["is_local"] == false) {
        return;
    }
    if is_missing(&shard.join("segments")) {
        found.push(StorageDamage::new(StartupEffect::Exits, format!("{of} has no `segments`"), dies));
        return;
    }
    if is_missing(&shard.join("wal")) {
        found.push(StorageDamage::new(
            StartupEffect::Odd,
            format!("{of} has no log (`wal`)"),
            "the latest writes, which are in no segment yet, are lost",
        ));
    }
    for (name, segment) in directories(&shard.join("segments")) {
        if !name.ends_with(".deleted") {
            examine_segment(&of, &name, &segment, found);
        }
    }
}

fn examine_segment(shard: &str, name: &str, path: &Path, found: &mut Vec<StorageDamage>) {
    let (version, state) = (path.join("version.info"), path.join("segment.json"));
    let of = format!("segment `{name}` of {shard}");
    let dies = "the server exits at startup, and again at every restart";
    // `version.info` is written last, and `segment.json` just before.
    match (is_missing(&version), is_missing(&state)) {
        (true, false) => found.push(StorageDamage::new(
            StartupEffect::Deleted,
            format!("{of} has no `version.info`"),
            "the server takes it for an incomplete segment, and deletes it with all its points",
        )),
        (true, true) => found.push(StorageDamage::new(
            StartupEffect::Odd,
            format!("{of} is incomplete"),
            "the server deletes it: it was being created when the server stopped",
        )),
        (false, true) => {
            found.push(StorageDamage::new(StartupEffect::Exits, format!("{of} has no `segment.json`"), dies));
        }
        (false, false) if is_empty(&version) => {
            found.push(StorageDamage::new(
                StartupEffect::Exits,
                format!("`version.info` of {of} is empty"),
                dies,
            ));
        }
        (false, false) if is_json(&state) == Some(false) => {
            found.push(StorageDamage::new(
                StartupEffect::Exits,
                format!("`segment.json` of {of} is not valid JSON"),
                dies,
            ));
        }
        (false, false) => {}
    }
}
