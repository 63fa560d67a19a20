//! Walks an increment of one shard to its end, as the server streams it.
//!
//! No checksum comes with such a stream, and a server that fails in the middle just stops: only the end of the archive
//! and its last file show whether it is complete. Unlike in a snapshot, the files of a segment are in the archive
//! itself, after a `segment_manifest.json` with their versions (qdrant 1.19.0, `lib/segment/src/segment/snapshot.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use tar::Entry;

use super::{SnapshotError, each, kind, parse, small};

/// Written last (`lib/collection/src/shards/replica_set/snapshots.rs`).
const LAST: &str = "shard_config.json";

/// The first file of each segment.
const MANIFEST: &str = "segment_manifest.json";

/// What a complete increment contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IncrementContents {
    pub(crate) segments: usize,
    pub(crate) files: usize,
}

/// Walks an increment to its end.
pub(crate) fn walk(reader: impl Read) -> Result<IncrementContents, SnapshotError> {
    let mut seen = Seen::default();
    each(reader, |entry, path| seen.take(entry, path))?;
    seen.judge()
}

#[derive(Default)]
struct Seen {
    paths: BTreeSet<String>,
    /// By segment: whether its manifest was seen.
    segments: BTreeMap<String, bool>,
    files: usize,
    last: String,
}

impl Seen {
    fn take(&mut self, entry: &mut Entry<'_, impl Read>, path: &str) -> Result<(), SnapshotError> {
        if kind(entry, path)? {
            return Ok(());
        }
        if !self.paths.insert(path.to_owned()) {
            return Err(SnapshotError::Twice { path: path.to_owned() });
        }
        path.clone_into(&mut self.last);
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["segments", segment, "files", file @ ..] if !file.is_empty() && !file.contains(&"..") => {
                let has_manifest = self.segments.entry((*segment).to_owned()).or_default();
                if file == [MANIFEST] {
                    let bytes = small(entry, path)?;
                    parse(path, &bytes)?;
                    *has_manifest = true;
                } else {
                    self.files += 1;
                }
                Ok(())
            }
            ["wal", _] => Ok(()),
            [name] if std::path::Path::new(name).extension().is_some_and(|extension| extension == "json") => {
                let bytes = small(entry, path)?;
                parse(path, &bytes).map(drop)
            }
            _ => Err(SnapshotError::Stranger { path: path.to_owned() }),
        }
    }

    fn judge(self) -> Result<IncrementContents, SnapshotError> {
        if self.last != LAST {
            return Err(SnapshotError::Missing { path: LAST.to_owned() });
        }
        if let Some((segment, _)) = self.segments.iter().find(|(_, has_manifest)| !**has_manifest) {
            return Err(SnapshotError::Missing { path: format!("segments/{segment}/files/{MANIFEST}") });
        }
        if self.segments.is_empty() {
            return Err(SnapshotError::NoSegments { shard: 0 });
        }
        Ok(IncrementContents { segments: self.segments.len(), files: self.files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../../../../tests/fixtures/qdrant/receitas.partial.tar");

    #[test]
    fn recorded_changes_are_whole() {
        assert_eq!(walk(RECORDED).expect("whole"), IncrementContents { segments: 2, files: 72 });
    }

    #[test]
    fn a_stream_that_stopped_is_not_whole_wherever_it_stopped() {
        let blocks = RECORDED.len() / 512;
        for cut in (0..blocks).step_by(blocks / 50).map(|block| block * 512).chain([RECORDED.len() - 512]) {
            assert!(walk(&RECORDED[..cut]).is_err(), "{cut}");
        }
        assert!(walk(&RECORDED[..700]).is_err());
        let mut longer = RECORDED.to_vec();
        longer.extend([1; 512]);
        assert!(matches!(walk(longer.as_slice()), Err(SnapshotError::Trailing { .. })));
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        for path in ["etc/passwd", "segments/a/b", "segments/a/files", "0/segments/a.tar"] {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            builder.append_data(&mut header, path, std::io::empty()).expect("appended");
            let bytes = builder.into_inner().expect("a tar");
            assert!(matches!(walk(bytes.as_slice()), Err(SnapshotError::Stranger { .. })), "{path}");
        }
    }
}
