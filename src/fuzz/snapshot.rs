//! Snapshots of Qdrant, complete and of one shard, and increments: the length of a snapshot as four bytes, the snapshot, and
//! an increment.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::checksums::corrected;
use crate::backup::driver::qdrant::archive::merge::{MergedReader, MergedSnapshot};
use crate::backup::driver::qdrant::archive::{increment, walk, walk_shard};

pub(super) fn run(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (snapshot, changes) = rest.split_at(length.min(rest.len()));
    check(snapshot, changes);
    check(&corrected(snapshot), &corrected(changes));
}

fn check(snapshot: &[u8], changes: &[u8]) {
    let _ = (walk(snapshot), walk_shard(snapshot, 0), increment::walk(changes));
    merge(snapshot, &[]);
    if !changes.is_empty() {
        merge(snapshot, &[changes]);
    }
}

/// What is merged has as many bytes as was said, and each file that was named is there.
fn merge(snapshot: &[u8], increments: &[&[u8]]) {
    let base = stored(snapshot);
    let changes: Vec<_> = increments.iter().map(|bytes| stored(bytes)).collect();
    let paths: Vec<_> = changes.iter().map(|file| file.path().to_owned()).collect();
    let Ok(merged) = MergedSnapshot::of(base.path(), &paths, 0) else { return };
    let merged = Arc::new(merged);
    let mut content = Vec::new();
    MergedReader::new(&merged).read_to_end(&mut content).expect("every piece is in its file");
    assert_eq!(content.len() as u64, merged.bytes());
    // It is checked like any snapshot before a server gets it.
    let _ = walk(content.as_slice());
}

fn stored(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    file
}
