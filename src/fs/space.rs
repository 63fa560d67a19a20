//! The free space of a disk.

use std::path::Path;

use super::{FsError, Result};

/// The bytes that this user can write at a path, or at its nearest existing parent.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(existing).map_err(|errno| FsError::Io {
        action: "get the free space of",
        path: existing.to_owned(),
        source: errno.into(),
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_path_has_the_free_space_of_its_parent() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(free_bytes(&dir.path().join("a/b/c")).expect("asked") > 0);
    }
}
