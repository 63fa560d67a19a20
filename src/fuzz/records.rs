//! The other records of a backup directory: test restores, baselines, sets, and the descriptions of snapshots in a repository.

use std::path::Path;

use serde::Serialize;

use crate::backup::baseline::StoreBaseline;
use crate::backup::repository::description::StoredBackup;
use crate::backup::set;
use crate::backup::test_restore::TestRestoreRecord;
use crate::fs::to_json;

pub(super) fn run(bytes: &[u8]) {
    again(bytes, TestRestoreRecord::parse);
    again(bytes, |bytes| StoreBaseline::parse(Path::new("last_stop.json"), bytes).ok());
    again(bytes, |bytes| set::parse(bytes).ok());
    again(bytes, |bytes| StoredBackup::parse(std::str::from_utf8(bytes).ok()?)?.ok());
}

/// Written again it is read the same.
fn again<T: Serialize>(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<T>) {
    let Some(record) = parse(bytes) else { return };
    let written = to_json(&record);
    let read = parse(&written).expect("what was written is read");
    assert_eq!(to_json(&read), written);
}
