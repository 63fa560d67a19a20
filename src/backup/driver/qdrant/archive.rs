//! Walks the snapshot of a collection to its end, as the server wrote it, without unpacking it.
//!
//! A snapshot is a tar archive that contains one tar archive for each segment. The outer one ends with two blocks of
//! zeros; the inner ones have no such end (the server drops their writer), so their last file shows whether they are
//! complete: it is always `snapshot/files/version.info`. Facts from qdrant 1.19.0,
//! `lib/collection/src/collection/snapshots.rs`, `lib/segment/src/segment/snapshot.rs` and
//! `lib/common/common/src/tar_ext.rs`. Memory stays bounded: only the small files at the top are kept.

pub(crate) mod increment;
pub(crate) mod merge;
mod raw;
mod segment;
mod shard;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use serde_json::Value;
use tar::{Entry, EntryType};

use crate::backup::tar_end::{self, EndReader, TarFault, WalkError};
use shard::ShardWalk;

/// The largest file at the top that is read into memory. The configuration of a collection is a few kilobytes.
const SMALL: u64 = 16 * 1024 * 1024;

/// What a complete snapshot contains.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SnapshotContents {
    /// `config.json`: the collection's configuration; null in the snapshot of a shard, which has none.
    pub(crate) config: Value,
    pub(crate) shards: usize,
    pub(crate) segments: usize,
}

/// What is wrong with a snapshot, and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("the archive is truncated or damaged after {place}")]
    Broken {
        place: String,
        #[source]
        source: io::Error,
    },
    #[error("the archive has no end marker after {place}: its last bytes are missing")]
    NoEnd { place: String },
    #[error("the archive has data after its end, at byte {at}")]
    Trailing { at: u64 },
    #[error("`{path}` does not belong in a snapshot")]
    Stranger { path: String },
    #[error("`{path}` is a {kind}, which a snapshot never has")]
    Kind { path: String, kind: String },
    #[error("`{path}` appears twice")]
    Twice { path: String },
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` has changed, and is not in the increment")]
    NotSent { path: String },
    #[error("`{path}` cannot be parsed")]
    Unreadable {
        path: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("segment `{path}` is incomplete: its last file is `{last}`")]
    HalfSegment { path: String, last: String },
    #[error("shard {shard} has no segments")]
    NoSegments { shard: u32 },
    #[error("it has {found} of {expected} shards")]
    MissingShards { found: usize, expected: u64 },
}

/// Walks the snapshot of a collection to its end.
pub(crate) fn walk(reader: impl Read) -> Result<SnapshotContents, SnapshotError> {
    let mut top = Top::default();
    each(reader, |entry, path| top.take(entry, path))?;
    top.judge()
}

/// Walks the snapshot of one shard to its end: at its top it has what the snapshot of a collection has below the number
/// of the shard, and no configuration.
pub(crate) fn walk_shard(reader: impl Read, id: u32) -> Result<SnapshotContents, SnapshotError> {
    let mut shard = ShardWalk::default();
    each(reader, |entry, path| {
        let is_directory = kind(entry, path)?;
        if is_directory { Ok(()) } else { shard.take(entry, path, path) }
    })?;
    Ok(SnapshotContents { config: Value::Null, shards: 1, segments: shard.judge(id)? })
}

/// Visits every entry of an archive with its path, and checks that the archive ends as it should.
fn each<R: Read>(
    reader: R,
    mut visit: impl FnMut(&mut Entry<'_, EndReader<R>>, &str) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    let mut last = LastEntry::none();
    let walked = tar_end::walk(reader, |entry| {
        let path = path_of(entry, &last)?;
        last.set(&path);
        visit(entry, &path)
    });
    walked.map_err(|error| match error {
        WalkError::Entry(error) => error,
        WalkError::Archive(TarFault::Damaged(source)) => last.broken(source),
        WalkError::Archive(TarFault::Truncated) => SnapshotError::NoEnd { place: last.shown() },
        WalkError::Archive(TarFault::Trailing { at }) => SnapshotError::Trailing { at },
    })
}

/// The files at the top that were seen so far.
#[derive(Default)]
struct Top {
    small: BTreeMap<String, Vec<u8>>,
    shards: BTreeMap<u32, ShardWalk>,
}

impl Top {
    fn take(&mut self, entry: &mut Entry<'_, impl Read>, path: &str) -> Result<(), SnapshotError> {
        let is_directory = kind(entry, path)?;
        let stranger = || SnapshotError::Stranger { path: path.to_owned() };
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Ok(id) = first.parse::<u32>() {
            let shard = self.shards.entry(id).or_default();
            return if is_directory { Ok(()) } else { shard.take(entry, path, rest) };
        }
        match path {
            "version.info" | "config.json" | "shard_key_mapping.json" | "payload_index.json"
                if !is_directory =>
            {
                let bytes = small(entry, path)?;
                match self.small.insert(path.to_owned(), bytes) {
                    None => Ok(()),
                    Some(_) => Err(SnapshotError::Twice { path: path.to_owned() }),
                }
            }
            "." | "" if is_directory => Ok(()),
            _ => Err(stranger()),
        }
    }

    fn judge(self) -> Result<SnapshotContents, SnapshotError> {
        self.bytes("version.info")?;
        let config = parse("config.json", self.bytes("config.json")?)?;
        let params = config
            .get("params")
            .and_then(Value::as_object)
            .ok_or_else(|| unreadable("config.json", anyhow::anyhow!("it has no `params`")))?;
        for path in ["payload_index.json", "shard_key_mapping.json"] {
            if let Some(bytes) = self.small.get(path) {
                parse(path, bytes)?;
            }
        }
        let expected = params.get("shard_number").and_then(Value::as_u64).unwrap_or(1);
        // With custom sharding the number counts per key.
        let is_custom = params.get("sharding_method").and_then(Value::as_str) == Some("custom");
        if self.shards.is_empty() || !is_custom && (self.shards.len() as u64) < expected {
            return Err(SnapshotError::MissingShards { found: self.shards.len(), expected });
        }
        let mut segments = 0;
        for (id, shard) in &self.shards {
            segments += shard.judge(*id)?;
        }
        Ok(SnapshotContents { shards: self.shards.len(), segments, config })
    }

    fn bytes(&self, path: &str) -> Result<&[u8], SnapshotError> {
        self.small
            .get(path)
            .map(Vec::as_slice)
            .ok_or_else(|| SnapshotError::Missing { path: path.to_owned() })
    }
}

/// Whether an entry is a directory. Anything else but regular and sparse files is refused, as the server does
/// (`lib/common/common/src/tar_unpack.rs`).
fn kind(entry: &Entry<'_, impl Read>, path: &str) -> Result<bool, SnapshotError> {
    match entry.header().entry_type() {
        EntryType::Directory => Ok(true),
        EntryType::Regular | EntryType::GNUSparse => Ok(false),
        other => {
            Err(SnapshotError::Kind { path: path.to_owned(), kind: format!("{other:?}").to_lowercase() })
        }
    }
}

fn path_of(entry: &Entry<'_, impl Read>, last: &LastEntry) -> Result<String, SnapshotError> {
    let path = entry.path().map_err(|source| last.broken(source))?;
    let plain: PathBuf = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
    Ok(plain.to_string_lossy().into_owned())
}

fn small(entry: &mut Entry<'_, impl Read>, path: &str) -> Result<Vec<u8>, SnapshotError> {
    if entry.size() > SMALL {
        return Err(unreadable(path, anyhow::anyhow!("it is too large")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| unreadable(path, error.into()))?;
    if bytes.len() as u64 != entry.size() {
        return Err(unreadable(path, anyhow::anyhow!("it is truncated")));
    }
    Ok(bytes)
}

fn parse(path: &str, bytes: &[u8]) -> Result<Value, SnapshotError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(path, error.into()))
}

fn unreadable(path: &str, source: anyhow::Error) -> SnapshotError {
    SnapshotError::Unreadable { path: path.to_owned(), source }
}

/// The last entry that was read, for the message.
struct LastEntry(Option<String>);

impl LastEntry {
    fn none() -> Self {
        Self(None)
    }

    fn set(&mut self, path: &str) {
        self.0 = Some(path.to_owned());
    }

    fn shown(&self) -> String {
        self.0.as_ref().map_or_else(|| "its start".to_owned(), |path| format!("`{path}`"))
    }

    fn broken(&self, source: io::Error) -> SnapshotError {
        SnapshotError::Broken { place: self.shown(), source }
    }
}

#[cfg(test)]
mod tests;
