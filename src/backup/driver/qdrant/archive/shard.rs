//! One shard of a snapshot: its segments, its write-ahead log and its configuration.

use std::collections::BTreeSet;
use std::io::Read;

use tar::Entry;

use super::{SnapshotError, parse, segment, small};

/// What was seen of a shard.
#[derive(Debug, Default)]
pub(super) struct ShardWalk {
    seen: BTreeSet<String>,
    segments: usize,
}

/// The last file of each shard (`lib/collection/src/shards/replica_set/snapshots.rs`).
const CONFIG: &str = "shard_config.json";

impl ShardWalk {
    /// Reads one file: `path` is its full path, `name` the part below the shard.
    pub(super) fn take(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        path: &str,
        name: &str,
    ) -> Result<(), SnapshotError> {
        if !self.seen.insert(name.to_owned()) {
            return Err(SnapshotError::Twice { path: path.to_owned() });
        }
        match name.split_once('/') {
            Some(("segments", file)) if is_segment(file) => {
                segment::walk(entry, path)?;
                self.segments += 1;
                Ok(())
            }
            Some(("wal", file)) if !file.contains('/') => Ok(()),
            // Clocks, states and manifests: newer versions have more of them.
            None if std::path::Path::new(name).extension().is_some_and(|extension| extension == "json") => {
                let bytes = small(entry, path)?;
                parse(path, &bytes).map(drop)
            }
            None | Some(_) => Err(SnapshotError::Stranger { path: path.to_owned() }),
        }
    }

    /// The number of segments, if the shard is complete.
    pub(super) fn judge(&self, id: u32) -> Result<usize, SnapshotError> {
        if !self.seen.contains(CONFIG) {
            return Err(SnapshotError::Missing { path: format!("{id}/{CONFIG}") });
        }
        // A shard that the server could not load is saved as an empty shard.
        if self.segments == 0 { Err(SnapshotError::NoSegments { shard: id }) } else { Ok(self.segments) }
    }
}

fn is_segment(file: &str) -> bool {
    !file.contains('/') && file.strip_suffix(".tar").is_some_and(|name| !name.is_empty())
}
