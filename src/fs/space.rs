//! How much room a disk has.

use std::path::Path;

use super::{FsError, Result};

/// The bytes that this user may still write at a path, or at the nearest directory above it that exists.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(existing).map_err(|errno| FsError::Io {
        action: "ask for the free space of",
        path: existing.to_owned(),
        source: errno.into(),
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_path_that_is_not_there_is_that_of_its_parent() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(free_bytes(&dir.path().join("a/b/c")).expect("asked") > 0);
    }
}
