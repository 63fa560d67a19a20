//! The checks, one per file. Each checks one data mount and changes nothing.

mod disk_space;
mod exists;
mod filesystem;
mod permission;
mod placement;
mod qdrant;
mod read_only;
mod volume;

use std::path::{Path, PathBuf};

use super::data_mount::DataMount;
use super::finding::CheckFinding;

/// Checks a data mount and adds its findings.
type Check = fn(&DataMount, &mut Vec<CheckFinding>);

const CHECKS: &[Check] = &[
    placement::check,
    volume::check,
    exists::check,
    read_only::check,
    permission::check,
    disk_space::check,
    filesystem::check,
    qdrant::check,
];

pub(super) fn run(mount: &DataMount) -> Vec<CheckFinding> {
    let mut findings = Vec::new();
    for check in CHECKS {
        check(mount, &mut findings);
    }
    findings
}

/// The path itself if it exists, or its nearest existing parent.
fn deepest_existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|part| matches!(part.try_exists(), Ok(true))).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_existing_parent_is_found() {
        let root = tempfile::tempdir().expect("a directory");
        let there = root.path().join("a");
        std::fs::create_dir(&there).expect("made");
        assert_eq!(deepest_existing(&there.join("b/c")), Some(there.clone()));
        assert_eq!(deepest_existing(&there), Some(there));
        assert_eq!(deepest_existing(Path::new("no/such/relative")), None);
    }
}
