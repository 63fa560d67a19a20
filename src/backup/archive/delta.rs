//! Walks the changes of one shard to their end, as the server streams them.
//!
//! No checksum comes with such a stream, and a server that fails in the middle just stops: only the end of the archive
//! and its last file tell whether it is whole. Unlike in a snapshot the files of a segment stand in the archive itself,
//! after a `segment_manifest.json` of their versions (qdrant 1.19.0, `lib/segment/src/segment/snapshot.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use tar::Entry;

use super::end::{Ended, Watched};
use super::{ArchiveError, Place, end_of, kind, parse, path_of, small};

/// Written last (`lib/collection/src/shards/replica_set/snapshots.rs`).
const LAST: &str = "shard_config.json";

/// The first file of each segment.
const MANIFEST: &str = "segment_manifest.json";

/// What was found in whole changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    pub segments: usize,
    pub files: usize,
}

/// Walks changes to their end.
pub fn walk(reader: impl Read) -> Result<Changes, ArchiveError> {
    let mut place = Place::start();
    let mut archive = tar::Archive::new(Watched::new(reader));
    let mut seen = Seen::default();
    let mut end_of_last = 0;
    for entry in archive.entries().map_err(|source| place.broken(source))? {
        let mut entry = entry.map_err(|source| place.broken(source))?;
        let path = path_of(&entry, &place)?;
        place.at(&path);
        end_of_last = end_of(&entry, &place)?;
        seen.take(&mut entry, &path)?;
    }
    match archive.into_inner().finish(end_of_last).map_err(|source| place.broken(source))? {
        Ended::Properly => seen.judge(),
        Ended::Early => Err(ArchiveError::NoEnd { place: place.shown() }),
        Ended::Late { at } => Err(ArchiveError::Trailing { at }),
    }
}

#[derive(Default)]
struct Seen {
    paths: BTreeSet<String>,
    /// Whether the manifest of a segment was there.
    segments: BTreeMap<String, bool>,
    files: usize,
    last: String,
}

impl Seen {
    fn take(&mut self, entry: &mut Entry<'_, impl Read>, path: &str) -> Result<(), ArchiveError> {
        if kind(entry, path)? {
            return Ok(());
        }
        if !self.paths.insert(path.to_owned()) {
            return Err(ArchiveError::Twice { path: path.to_owned() });
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
            _ => Err(ArchiveError::Stranger { path: path.to_owned() }),
        }
    }

    fn judge(self) -> Result<Changes, ArchiveError> {
        if self.last != LAST {
            return Err(ArchiveError::Missing { path: LAST.to_owned() });
        }
        if let Some((segment, _)) = self.segments.iter().find(|(_, has_manifest)| !**has_manifest) {
            return Err(ArchiveError::Missing { path: format!("segments/{segment}/files/{MANIFEST}") });
        }
        if self.segments.is_empty() {
            return Err(ArchiveError::NoSegments { shard: 0 });
        }
        Ok(Changes { segments: self.segments.len(), files: self.files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../../tests/fixtures/qdrant/receitas.partial.tar");

    #[test]
    fn recorded_changes_are_whole() {
        assert_eq!(walk(RECORDED).expect("whole"), Changes { segments: 2, files: 72 });
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
        assert!(matches!(walk(longer.as_slice()), Err(ArchiveError::Trailing { .. })));
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        for path in ["etc/passwd", "segments/a/b", "segments/a/files", "0/segments/a.tar"] {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            builder.append_data(&mut header, path, std::io::empty()).expect("appended");
            let bytes = builder.into_inner().expect("a tar");
            assert!(matches!(walk(bytes.as_slice()), Err(ArchiveError::Stranger { .. })), "{path}");
        }
    }
}
