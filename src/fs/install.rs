//! Installs a program and links to it, which other users may have to read.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::{FsError, Result, owner, sync_dir};

/// Copies a program. The copy replaces an older one at once, also while that is running.
pub fn copy_program(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().unwrap_or(Path::new("/"));
    let error = |source| FsError::io("write", to, source);
    let mut source = File::open(from).map_err(|source| FsError::io("read", from, source))?;
    let mut copy = tempfile::Builder::new().prefix(".new-").tempfile_in(parent).map_err(error)?;
    owner::give_file(to, copy.as_file());
    io::copy(&mut source, copy.as_file_mut()).map_err(error)?;
    copy.as_file().set_permissions(Permissions::from_mode(0o755)).map_err(error)?;
    copy.as_file().sync_all().map_err(error)?;
    copy.persist(to).map_err(|failed| error(failed.error))?;
    sync_dir(parent)
}

/// Creates a symbolic link; fails if there is a file.
pub fn make_link(target: &Path, at: &Path) -> Result<()> {
    symlink(target, at).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FsError::Exists { path: at.to_owned() },
        _ => FsError::io("create the link", at, source),
    })
}

/// Creates one directory that others may list, with mode 0755.
pub fn create_shared_dir(path: &Path) -> Result<()> {
    let error = |source| FsError::io("create the directory", path, source);
    DirBuilder::new().mode(0o755).create(path).map_err(error)?;
    // The umask may have reduced it.
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(error)?;
    owner::give_directory(path);
    Ok(())
}

/// Removes a directory if it is empty; says whether it was.
pub fn remove_empty_dir(path: &Path) -> Result<bool> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(source) if source.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(source) => Err(FsError::io("remove", path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_replaced_and_can_be_run_by_all() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "new").expect("written");
        fs::write(&to, "old").expect("written");
        copy_program(&from, &to).expect("copied");
        assert_eq!(fs::read(&to).expect("read"), b"new");
        assert_eq!(to.metadata().expect("there").permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
    }

    #[test]
    fn a_link_replaces_nothing_and_only_an_empty_directory_is_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (below, at) = (dir.path().join("below"), dir.path().join("below/at"));
        create_shared_dir(&below).expect("created");
        make_link(Path::new("nowhere"), &at).expect("linked");
        assert!(matches!(make_link(Path::new("elsewhere"), &at), Err(FsError::Exists { .. })));
        assert_eq!(fs::read_link(&at).expect("a link"), Path::new("nowhere"));
        assert!(!remove_empty_dir(&below).expect("asked"));
        fs::remove_file(at).expect("removed");
        assert!(remove_empty_dir(&below).expect("asked"));
    }
}
