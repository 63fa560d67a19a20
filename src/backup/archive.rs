//! Walks a collection's snapshot to its end, as the server wrote it, without unpacking it.
//!
//! A snapshot is a tar archive that holds one tar archive for each segment. The outer one ends with two blocks of zeros;
//! the inner ones have no such end (the server drops their writer), so that there the last file tells whether they are
//! whole: it is always `snapshot/files/version.info`. Facts from qdrant 1.19.0, `lib/collection/src/collection/snapshots.rs`,
//! `lib/segment/src/segment/snapshot.rs` and `lib/common/common/src/tar_ext.rs`. Memory stays bounded: only the small
//! files at the top are kept.

pub mod delta;
mod end;
mod segment;
mod shard;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use serde_json::Value;
use tar::{Entry, EntryType};

use end::{Ended, Watched};
use shard::Shard;

/// The largest file at the top that is read into memory. The configuration of a collection is a few kilobytes.
const SMALL: u64 = 16 * 1024 * 1024;

/// What was found in a whole snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// `config.json`: the collection's configuration; null in the snapshot of a shard, which has none.
    pub config: Value,
    pub shards: usize,
    pub segments: usize,
}

/// Why a snapshot is not one, and where in it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive breaks off or is damaged after {place}")]
    Broken {
        place: String,
        #[source]
        source: io::Error,
    },
    #[error("the archive has no end after {place}: the last bytes are missing")]
    NoEnd { place: String },
    #[error("the archive goes on after its end, at byte {at}")]
    Trailing { at: u64 },
    #[error("`{path}` does not belong into a snapshot")]
    Stranger { path: String },
    #[error("`{path}` is a {kind}, which a snapshot never has")]
    Kind { path: String, kind: String },
    #[error("`{path}` is there twice")]
    Twice { path: String },
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` cannot be understood")]
    Unreadable {
        path: String,
        #[source]
        source: anyhow::Error,
    },
    #[error("segment `{path}` is not whole: it ends with `{last}`")]
    HalfSegment { path: String, last: String },
    #[error("shard {shard} has no segment")]
    NoSegments { shard: u32 },
    #[error("it has {found} of {expected} shards")]
    MissingShards { found: usize, expected: u64 },
}

/// Walks the snapshot of a collection to its end.
pub fn walk(reader: impl Read) -> Result<Contents, ArchiveError> {
    let mut top = Top::default();
    each(reader, |entry, path| top.take(entry, path))?;
    top.judge()
}

/// Walks the snapshot of one shard to its end: it has at its top what the snapshot of a collection has below the shard's
/// number, and no configuration.
pub fn walk_shard(reader: impl Read, id: u32) -> Result<Contents, ArchiveError> {
    let mut shard = Shard::default();
    each(reader, |entry, path| {
        let is_directory = kind(entry, path)?;
        if is_directory { Ok(()) } else { shard.take(entry, path, path) }
    })?;
    Ok(Contents { config: Value::Null, shards: 1, segments: shard.judge(id)? })
}

/// Hands every entry of an archive on, and makes sure that it ends as it should.
fn each<R: Read>(
    reader: R,
    mut take: impl FnMut(&mut Entry<'_, Watched<R>>, &str) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let mut place = Place::start();
    let mut archive = tar::Archive::new(Watched::new(reader));
    let mut end_of_last = 0;
    for entry in archive.entries().map_err(|source| place.broken(source))? {
        let mut entry = entry.map_err(|source| place.broken(source))?;
        let path = path_of(&entry, &place)?;
        place.at(&path);
        end_of_last = end_of(&entry, &place)?;
        take(&mut entry, &path)?;
    }
    match archive.into_inner().finish(end_of_last).map_err(|source| place.broken(source))? {
        Ended::Properly => Ok(()),
        Ended::Early => Err(ArchiveError::NoEnd { place: place.shown() }),
        Ended::Late { at } => Err(ArchiveError::Trailing { at }),
    }
}

/// The files at the top, as far as they were seen.
#[derive(Default)]
struct Top {
    small: BTreeMap<String, Vec<u8>>,
    shards: BTreeMap<u32, Shard>,
}

impl Top {
    fn take(&mut self, entry: &mut Entry<'_, impl Read>, path: &str) -> Result<(), ArchiveError> {
        let is_directory = kind(entry, path)?;
        let stranger = || ArchiveError::Stranger { path: path.to_owned() };
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
                    Some(_) => Err(ArchiveError::Twice { path: path.to_owned() }),
                }
            }
            "." | "" if is_directory => Ok(()),
            _ => Err(stranger()),
        }
    }

    fn judge(self) -> Result<Contents, ArchiveError> {
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
            return Err(ArchiveError::MissingShards { found: self.shards.len(), expected });
        }
        let mut segments = 0;
        for (id, shard) in &self.shards {
            segments += shard.judge(*id)?;
        }
        Ok(Contents { shards: self.shards.len(), segments, config })
    }

    fn bytes(&self, path: &str) -> Result<&[u8], ArchiveError> {
        self.small.get(path).map(Vec::as_slice).ok_or_else(|| ArchiveError::Missing { path: path.to_owned() })
    }
}

/// Whether an entry is a directory; anything but plain and sparse files beside is refused, as the server refuses it
/// (`lib/common/common/src/tar_unpack.rs`).
fn kind(entry: &Entry<'_, impl Read>, path: &str) -> Result<bool, ArchiveError> {
    match entry.header().entry_type() {
        EntryType::Directory => Ok(true),
        EntryType::Regular | EntryType::GNUSparse => Ok(false),
        other => Err(ArchiveError::Kind { path: path.to_owned(), kind: format!("{other:?}").to_lowercase() }),
    }
}

fn path_of(entry: &Entry<'_, impl Read>, place: &Place) -> Result<String, ArchiveError> {
    let path = entry.path().map_err(|source| place.broken(source))?;
    let plain: PathBuf = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
    Ok(plain.to_string_lossy().into_owned())
}

/// Where the data of an entry ends in the archive, filled up to a block.
fn end_of(entry: &Entry<'_, impl Read>, place: &Place) -> Result<u64, ArchiveError> {
    let stored = entry.header().entry_size().map_err(|source| place.broken(source))?;
    Ok(entry.raw_file_position().saturating_add(stored).next_multiple_of(512))
}

fn small(entry: &mut Entry<'_, impl Read>, path: &str) -> Result<Vec<u8>, ArchiveError> {
    if entry.size() > SMALL {
        return Err(unreadable(path, anyhow::anyhow!("it is far too large")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| unreadable(path, error.into()))?;
    if bytes.len() as u64 != entry.size() {
        return Err(unreadable(path, anyhow::anyhow!("it breaks off")));
    }
    Ok(bytes)
}

fn parse(path: &str, bytes: &[u8]) -> Result<Value, ArchiveError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(path, error.into()))
}

fn unreadable(path: &str, source: anyhow::Error) -> ArchiveError {
    ArchiveError::Unreadable { path: path.to_owned(), source }
}

/// How far the walk has come, for the message.
struct Place(Option<String>);

impl Place {
    fn start() -> Self {
        Self(None)
    }

    fn at(&mut self, path: &str) {
        self.0 = Some(path.to_owned());
    }

    fn shown(&self) -> String {
        self.0.as_ref().map_or_else(|| "its very beginning".to_owned(), |path| format!("`{path}`"))
    }

    fn broken(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Broken { place: self.shown(), source }
    }
}

#[cfg(test)]
mod tests;
