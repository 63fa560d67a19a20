//! One segment of a shard: its directory in the server's layout, and the version bookkeeping of partial snapshots.
//!
//! The points stand as JSON lines in `payload_storage/page_0.dat`; the identifiers stand in
//! `mutable_id_tracker.mappings` in Qdrant's own format. The other files have the server's names and are sparse.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::disk;
use crate::fault::{Fault, Outcome};
use crate::point::{Point, PointId};
use crate::schema::Schema;

pub(crate) const VERSION: &str = "0.6.0";
const PAGE: u64 = 1 << 20;
const POINTS: &str = "payload_storage/page_0.dat";

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) uuid: Uuid,
    /// The last operation that touched this segment.
    pub(crate) version: u64,
    /// Whether the files hold what the memory holds.
    pub(crate) clean: bool,
}

/// The versions of a segment's files, as the partial-snapshot protocol carries them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) segment_id: String,
    pub(crate) segment_version: u64,
    pub(crate) file_versions: BTreeMap<String, Option<u64>>,
}

impl Manifest {
    fn effective(&self, file: &str) -> Option<u64> {
        self.file_versions.get(file).map(|version| version.unwrap_or(self.segment_version))
    }

    /// The files a receiver who has `old` lacks (`updated_files` in `lib/segment/src/segment/snapshot.rs`).
    pub(crate) fn newer_than(&self, old: Option<&Self>) -> Vec<&str> {
        self.file_versions
            .keys()
            .map(String::as_str)
            .filter(|file| match (old.and_then(|old| old.effective(file)), self.effective(file)) {
                (Some(old), Some(new)) => old < new || (old == 0 && new == 0),
                (None, _) | (_, None) => true,
            })
            .collect()
    }
}

impl Segment {
    /// A new, empty segment below `segments`. It gets its id tracker with its first flush, as on the real server.
    pub(crate) fn create(segments: &Path, schema: &Schema, indexed: &Map<String, Value>) -> io::Result<Self> {
        let segment = Self { uuid: Uuid::new_v4(), version: 0, clean: true };
        segment.write_layout(segments, schema, indexed)?;
        segment.write_points(segments, &[])?;
        segment.write_state(segments, schema)?;
        disk::write(&segment.dir(segments).join("version.info"), VERSION.as_bytes())?;
        Ok(segment)
    }

    /// Read a segment directory. `None` when it has no `version.info`: the server deletes such a directory.
    pub(crate) fn load(dir: &Path) -> Outcome<Option<(Self, Vec<Point>)>> {
        if !dir.join("version.info").exists() {
            return Ok(None);
        }
        let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let uuid = Uuid::parse_str(name).map_err(|error| Fault::service(error.to_string()))?;
        let state: Value = serde_json::from_slice(&fs::read(dir.join("segment.json"))?)?;
        let version = state["version"].as_u64().unwrap_or(0);
        let bytes = fs::read(dir.join(POINTS))?;
        let used = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let points = bytes[..used]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()
            .map_err(|error| {
                Fault::service(format!("segment {uuid} was not written by this stand-in: {error}"))
            })?;
        Ok(Some((Self { uuid, version, clean: true }, points)))
    }

    pub(crate) fn dir(&self, segments: &Path) -> PathBuf {
        segments.join(self.uuid.to_string())
    }

    /// Bring the files up to date.
    pub(crate) fn flush(&mut self, segments: &Path, schema: &Schema, points: &[&Point]) -> io::Result<()> {
        let dir = self.dir(segments);
        let tracker = dir.join("mutable_id_tracker.mappings");
        if self.clean && tracker.exists() {
            return Ok(());
        }
        self.write_points(segments, points)?;
        let mut mappings = Vec::new();
        let mut versions = Vec::new();
        for (offset, point) in (0_u32..).zip(points) {
            match point.id {
                PointId::Num(number) => {
                    mappings.push(1);
                    mappings.extend(number.to_le_bytes());
                }
                PointId::Uuid(uuid) => {
                    mappings.push(2);
                    mappings.extend(uuid.as_bytes());
                }
            }
            mappings.extend(offset.to_le_bytes());
            versions.extend(point.version.to_le_bytes());
        }
        disk::write(&tracker, &mappings)?;
        disk::write(&dir.join("mutable_id_tracker.versions"), &versions)?;
        self.write_state(segments, schema)?;
        self.clean = true;
        Ok(())
    }

    fn write_points(&self, segments: &Path, points: &[&Point]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for point in points {
            serde_json::to_writer(&mut bytes, point)?;
            bytes.push(b'\n');
        }
        disk::write_padded(&self.dir(segments).join(POINTS), &bytes, PAGE)
    }

    /// The preallocated files of the storages, and the payload indexes that `indexed` asks for.
    pub(crate) fn write_layout(
        &self,
        segments: &Path,
        schema: &Schema,
        indexed: &Map<String, Value>,
    ) -> io::Result<()> {
        let dir = self.dir(segments);
        let mut wanted = vec![(POINTS, PAGE), ("payload_storage/tracker.dat", PAGE)]
            .into_iter()
            .map(|(path, size)| (path.to_owned(), size))
            .collect::<Vec<_>>();
        wanted.push(("payload_storage/bitmask.dat".into(), 1 << 15));
        wanted.push(("payload_storage/gaps.dat".into(), 192));
        for (name, _) in schema.dense_names() {
            let base = storage("vector_storage", name);
            wanted.push((format!("{base}/vectors/chunk_0.mmap"), PAGE));
            wanted.push((format!("{base}/vectors/status.dat"), 8));
            wanted.push((format!("{base}/deleted/status.dat"), 16));
            wanted.push((format!("{base}/deleted/flags_a.dat"), PAGE));
        }
        for name in schema.sparse_names() {
            let base = storage("vector_storage", name);
            for (file, size) in
                [("tracker.dat", PAGE), ("page_0.dat", PAGE), ("bitmask.dat", 1 << 15), ("gaps.dat", 192)]
            {
                wanted.push((format!("{base}/store/{file}"), size));
            }
            wanted.push((format!("{base}/deleted/status.dat"), 16));
            wanted.push((format!("{base}/deleted/flags_a.dat"), PAGE));
        }
        for field in indexed.keys() {
            let base = index_directory(field);
            for (file, size) in
                [("tracker.dat", PAGE), ("page_0.dat", PAGE), ("bitmask.dat", 1 << 15), ("gaps.dat", 192)]
            {
                wanted.push((format!("{base}-map/{file}"), size));
            }
            for set in ["has_values", "is_null"] {
                wanted.push((format!("{base}-null/{set}/status.dat"), 16));
                wanted.push((format!("{base}-null/{set}/flags_a.dat"), PAGE));
            }
        }
        for (path, size) in wanted {
            let path = dir.join(path);
            if !path.exists() {
                disk::write_padded(&path, &[], size)?;
            }
        }
        let grid = json!({ "mode": "mutable", "page_size_bytes": PAGE, "block_size_bytes": 128,
            "region_size_blocks": 8192, "compression": "None" });
        disk::write_json(&dir.join("payload_storage/config.json"), &grid)?;
        for (name, size) in schema.dense_names() {
            let config = json!({ "chunk_size_bytes": PAGE, "chunk_size_vectors": PAGE / (4 * size as u64),
                "dim": size, "populate": !schema.on_disk(name) });
            disk::write_json(
                &dir.join(storage("vector_storage", name)).join("vectors/config.json"),
                &config,
            )?;
        }
        for name in schema.sparse_names() {
            disk::write_json(&dir.join(storage("vector_storage", name)).join("store/config.json"), &grid)?;
        }
        for field in indexed.keys() {
            disk::write_json(&dir.join(format!("{}-map/config.json", index_directory(field))), &grid)?;
        }
        disk::write_json(&dir.join("payload_index/config.json"), &json!({ "indexed_fields": indexed }))
    }

    /// Remove the index files of a field that is no longer indexed.
    pub(crate) fn drop_index(&self, segments: &Path, field: &str) -> io::Result<()> {
        for kind in ["map", "null"] {
            let path = self.dir(segments).join(format!("{}-{kind}", index_directory(field)));
            if path.exists() {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    fn write_state(&self, segments: &Path, schema: &Schema) -> io::Result<()> {
        let state =
            json!({ "initial_version": null, "version": self.version, "config": segment_config(schema) });
        disk::write_json(&self.dir(segments).join("segment.json"), &state)
    }

    /// The files as they are on disk now, each with the version the protocol gives it.
    pub(crate) fn manifest(&self, segments: &Path) -> io::Result<Manifest> {
        let dir = self.dir(segments);
        let mut file_versions = BTreeMap::new();
        for file in files(&dir)? {
            let name = file.to_string_lossy().into_owned();
            let version = if name == "segment.json" || name == "version.info" {
                continue;
            } else if name.starts_with("payload_index/") || name.starts_with("mutable_id_tracker.") {
                None
            } else if name.ends_with("config.json") {
                Some(0)
            } else {
                Some(self.version)
            };
            file_versions.insert(name, version);
        }
        Ok(Manifest { segment_id: self.uuid.to_string(), segment_version: self.version, file_versions })
    }
}

/// Every regular file below `dir`, relative, in a stable order with `segment.json` and `version.info` last.
pub(crate) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fn walk(dir: &Path, below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(dir.join(below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                walk(dir, &path, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(dir, Path::new(""), &mut found)?;
    let rank = |path: &Path| match path.to_str() {
        Some("version.info") => 3,
        Some("segment.json") => 2,
        Some(name) if name.starts_with("mutable_id_tracker.") => 1,
        Some(_) | None => 0,
    };
    found.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    Ok(found)
}

fn storage(kind: &str, name: &str) -> String {
    if name.is_empty() { kind.to_owned() } else { format!("{kind}-{name}") }
}

fn index_directory(field: &str) -> String {
    let digest = Sha256::digest(field.as_bytes());
    let letters = b"0123456789abcdefghijklmnopqrstuv";
    let hash: String =
        digest.iter().take(24).map(|byte| char::from(letters[usize::from(byte % 32)])).collect();
    let safe: String = field.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("payload_index/{hash}-{safe}")
}

/// The `config` of `segment.json` and of the telemetry.
pub(crate) fn segment_config(schema: &Schema) -> Value {
    let dense: Map<_, _> = schema
        .dense_names()
        .map(|(name, size)| {
            let storage = if schema.on_disk(name) { "ChunkedMmap" } else { "InRamChunkedMmap" };
            let config = json!({ "size": size, "distance": schema.distance(name), "storage_type": storage,
                "index": { "type": "plain", "options": {} }, "quantization_config": null });
            (name.to_owned(), config)
        })
        .collect();
    let sparse: Map<_, _> = schema
        .sparse_names()
        .map(|name| {
            let index = json!({ "full_scan_threshold": null, "index_type": "MutableRam" });
            (name.to_owned(), json!({ "index": index, "storage_type": "mmap" }))
        })
        .collect();
    let mut config = Map::new();
    config.insert("vector_data".into(), Value::Object(dense));
    if !sparse.is_empty() {
        config.insert("sparse_vector_data".into(), Value::Object(sparse));
    }
    config.insert("payload_storage_type".into(), json!({ "type": "mmap" }));
    Value::Object(config)
}
