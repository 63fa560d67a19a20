//! The versions of the files of a shard's segments, as the server reports them for its incremental snapshots.
//!
//! A file has a version of its own, or that of its segment. The server sends a file if its version is higher than the one
//! in the list that it is given (qdrant 1.19.0, `lib/segment/src/segment/snapshot.rs`).

use std::collections::BTreeMap;

use serde_json::Value;

/// The version of each segment; empty if the list is not one.
pub(crate) fn of(manifest: &Value) -> BTreeMap<String, u64> {
    let version =
        |(segment, report): (&String, &Value)| Some((segment.clone(), report["segment_version"].as_u64()?));
    manifest.as_object().and_then(|segments| segments.iter().map(version).collect()).unwrap_or_default()
}

/// The version of each file of one segment; `None` if the list is not one.
pub(crate) fn of_files(segment: &Value) -> Option<BTreeMap<&str, u64>> {
    let whole = segment["segment_version"].as_u64()?;
    let version = |own: &Value| if own.is_null() { Some(whole) } else { own.as_u64() };
    let files = segment["file_versions"].as_object()?;
    files.iter().map(|(file, own)| Some((file.as_str(), version(own)?))).collect()
}

/// Whether no file that both lists have has a lower version in the later one.
pub(crate) fn only_grow(earlier: &Value, later: &Value) -> bool {
    let grow = || {
        let (earlier, later) = (earlier.as_object()?, later.as_object()?);
        for (segment, now) in later {
            let Some(then) = earlier.get(segment) else { continue };
            let (then, now) = (of_files(then)?, of_files(now)?);
            if then.iter().any(|(file, then)| now.get(file).is_some_and(|now| now < then)) {
                return None;
            }
        }
        Some(())
    };
    grow().is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_without_a_version_has_that_of_its_segment() {
        let segment = json!({ "segment_version": 9, "file_versions": { "a": null, "b": 4 } });
        assert_eq!(of_files(&segment).expect("a list"), BTreeMap::from([("a", 9), ("b", 4)]));
        assert_eq!(of_files(&json!({ "segment_version": 9, "file_versions": { "a": "x" } })), None);
        assert_eq!(of(&json!({ "s": segment })), BTreeMap::from([("s".to_owned(), 9)]));
    }

    #[test]
    fn one_file_that_goes_back_is_enough() {
        let list = |a: Option<u64>, b: u64, whole: u64| json!({ "s": { "segment_version": whole, "file_versions": { "a": a, "b": b } } });
        let before = list(None, 4, 9);
        assert!(only_grow(&before, &before) && only_grow(&before, &list(Some(9), 4, 12)));
        assert!(only_grow(&before, &json!({ "other": before["s"] })));
        assert!(!only_grow(&before, &list(Some(8), 4, 12)));
        assert!(!only_grow(&before, &list(None, 3, 12)));
        assert!(!only_grow(&before, &list(None, 4, 8)));
        assert!(!only_grow(&before, &json!({ "s": {} })));
    }
}
