//! The checks, one a file. Each looks at one place and says what is wrong with it; none changes anything.

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

/// Looks at a place and tells what is wrong.
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

/// The part of a path that is there: itself, or the nearest directory above it.
fn deepest_existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|part| matches!(part.try_exists(), Ok(true))).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ancestor_that_is_there() {
        let root = tempfile::tempdir().expect("a directory");
        let there = root.path().join("a");
        std::fs::create_dir(&there).expect("made");
        assert_eq!(deepest_existing(&there.join("b/c")), Some(there.clone()));
        assert_eq!(deepest_existing(&there), Some(there));
        assert_eq!(deepest_existing(Path::new("no/such/relative")), None);
    }
}
