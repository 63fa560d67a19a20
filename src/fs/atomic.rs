//! Writes small files atomically.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{FsError, Result, owner, sync_dir};

/// Replaces a file: writes a temporary file in the same directory, syncs it and renames it.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    temporary_file(path, bytes, mode)?
        .persist(path)
        .map_err(|error| FsError::io("write", path, error.error))?;
    sync_dir(parent(path))
}

/// Like [`write_atomically`], but fails if the file exists.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    temporary_file(path, bytes, mode)?.persist_noclobber(path).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
        _ => FsError::io("write", path, error.error),
    })?;
    sync_dir(parent(path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_file(path: &Path, bytes: &[u8], mode: u32) -> Result<NamedTempFile> {
    let error = |source| FsError::io("write", path, source).needing(Some(bytes.len() as u64));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(parent(path))
        .map_err(error)?;
    owner::give_file(path, file.as_file());
    file.write_all(bytes).map_err(error)?;
    // The umask reduces the mode above; set the requested one.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(error)?;
    file.as_file().sync_all().map_err(error)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_without_leftovers() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f");
        write_atomically(&path, b"one", 0o600).expect("written");
        write_atomically(&path, b"two", 0o640).expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        assert!(matches!(write_new(&path, b"three", 0o600), Err(FsError::Exists { .. })));
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_missing_directory_is_an_error_with_the_path() {
        let error = write_atomically(Path::new("/nonexistent/f"), b"", 0o600).expect_err("no directory");
        assert_eq!(error.to_string(), "cannot write `/nonexistent/f`");
    }
}
