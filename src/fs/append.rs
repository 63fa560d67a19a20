//! Appends lines to a file.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::read::open_or_create;
use super::{FsError, Result, owner};

/// Appends a line in a single write, so that lines of two processes never mix, and syncs it. If a crash has truncated the
/// last line, a line break is written first, so that only that line is lost.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    let error = |source| FsError::io("append to", path, source).needing(Some(line.len() as u64));
    let is_new = std::fs::symlink_metadata(path).is_err();
    let mut file = open_or_create(path, OFlags::APPEND).map_err(error)?;
    if is_new {
        owner::give_file(path, &file);
    }
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if file.metadata().map_err(error)?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1)).map_err(error)?;
        file.read_exact(&mut last).map_err(error)?;
        if last != *b"\n" {
            bytes.push(b'\n');
        }
    }
    bytes.extend(line.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    bytes.push(b'\n');
    file.write_all(&bytes).map_err(error)?;
    file.sync_data().map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (victim, path) = (dir.path().join("victim"), dir.path().join("j"));
        std::fs::write(&victim, "mine").expect("written");
        std::os::unix::fs::symlink(&victim, &path).expect("linked");
        append_line(&path, "one").expect_err("a link");
        assert_eq!(std::fs::read_to_string(&victim).expect("read"), "mine");
    }

    #[test]
    fn a_truncated_line_is_terminated_before_the_next() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("j");
        append_line(&path, "one").expect("appended");
        std::fs::write(&path, "one\ntor").expect("torn");
        append_line(&path, "two\nlines").expect("appended");
        append_line(&path, "three").expect("appended");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "one\ntor\ntwo lines\nthree\n");
    }
}
