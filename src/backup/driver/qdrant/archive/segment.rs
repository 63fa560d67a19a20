//! One segment: an archive inside the archive.

use std::io::Read;

use tar::Entry;

use super::{LastEntry, SnapshotError, kind, path_of};

/// Written last (`lib/segment/src/segment/snapshot.rs`).
const LAST: &str = "snapshot/files/version.info";

/// A segment cannot be loaded without it.
const STATE: &str = "snapshot/files/segment.json";

/// Walks a segment to its end.
pub(super) fn walk(outer: &mut Entry<'_, impl Read>, path: &str) -> Result<(), SnapshotError> {
    let mut place = LastEntry::none();
    place.set(path);
    let mut archive = tar::Archive::new(outer);
    let mut last = String::new();
    let mut has_state = false;
    for entry in archive.entries().map_err(|source| place.broken(source))? {
        let entry = entry.map_err(|source| place.broken(source))?;
        last = path_of(&entry, &place)?;
        kind(&entry, &format!("{path}/{last}"))?;
        has_state |= last == STATE;
        place.set(&format!("{path}/{last}"));
    }
    if last != LAST {
        let last = if last.is_empty() { "nothing".to_owned() } else { last };
        return Err(SnapshotError::HalfSegment { path: path.to_owned(), last });
    }
    if !has_state {
        return Err(SnapshotError::Missing { path: format!("{path}/{STATE}") });
    }
    Ok(())
}
