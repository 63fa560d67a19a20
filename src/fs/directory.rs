//! Creates, syncs, renames and removes directories.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags};

use super::{FsError, PRIVATE_DIR, PRIVATE_FILE, Result, owner};

/// Creates a directory and its parents with mode 0700. Existing directories keep their mode.
pub fn create_private_dir_all(path: &Path) -> Result<()> {
    let is_new = |path: &&Path| !path.as_os_str().is_empty() && fs::symlink_metadata(path).is_err();
    let new: Vec<&Path> = path.ancestors().take_while(is_new).collect();
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(path).map_err(|source| {
        match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                let file = path.ancestors().find(|path| path.exists() && !path.is_dir()).unwrap_or(path);
                FsError::NotADirectory { path: file.to_owned() }
            }
            _ => FsError::io("create the directory", path, source),
        }
    })?;
    // The outermost first: each takes the owner of the one around it.
    new.into_iter().rev().for_each(owner::give_directory);
    Ok(())
}

/// Like [`create_private_dir_all`]. A new directory gets a `.gitignore`, so that nothing in it is committed by accident.
pub fn create_ignored_dir_all(path: &Path) -> Result<()> {
    let is_new = fs::symlink_metadata(path).is_err();
    create_private_dir_all(path)?;
    if !is_new {
        return Ok(());
    }
    match super::write_new(&path.join(".gitignore"), b"*\n", PRIVATE_FILE) {
        // Another process was faster.
        Ok(()) | Err(FsError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a directory; fails if it exists.
pub fn create_private_dir(path: &Path) -> Result<()> {
    DirBuilder::new().mode(PRIVATE_DIR).create(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
        _ => FsError::io("create the directory", path, source),
    })?;
    owner::give_directory(path);
    Ok(())
}

/// Syncs the entries of a directory.
pub fn sync_dir(path: &Path) -> Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // Some network file systems do not support this and give no guarantee anyway.
        Err(source) if source.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(|source| FsError::io("sync", path, source)),
    }
}

/// Syncs a directory and all directories below it, the deepest first.
pub fn sync_tree(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path).map_err(|source| FsError::io("list", path, source))? {
        let entry = entry.map_err(|source| FsError::io("list", path, source))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_tree(&entry.path())?;
        }
    }
    sync_dir(path)
}

/// Sets the mode of a file to 0600, or of a directory to 0700. Never follows a symbolic link.
pub fn make_private(path: &Path) -> Result<()> {
    let error = |source| FsError::io("change the mode of", path, source);
    let kind = fs::symlink_metadata(path).map_err(error)?.file_type();
    if kind.is_symlink() {
        return Ok(());
    }
    let mode = if kind.is_dir() { PRIVATE_DIR } else { PRIVATE_FILE };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(error)
}

/// Renames a file or directory; fails if the target exists.
pub fn rename_new(from: &Path, to: &Path) -> Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(FsError::Exists { path: to.to_owned() }),
        // Not every file system supports the flag. Callers hold a lock on the parent, so checking first is sufficient.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(FsError::Exists { path: to.to_owned() });
            }
            fs::rename(from, to).map_err(|source| FsError::io("rename", from, source))
        }
        Err(errno) => Err(FsError::io("rename", from, errno.into())),
    }
}

/// Creates a hard link; copies the file if the file system does not support links.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        create_private_dir_all(parent)?;
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut file = super::NewFile::create(to)?.expecting(fs::metadata(from).ok().map(|meta| meta.len()));
    let mut source = File::open(from).map_err(|source| FsError::io("read", from, source))?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match io::Read::read(&mut source, &mut buffer) {
            Ok(0) => return file.finish().map(drop),
            Ok(count) => file.append(&buffer[..count])?,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(FsError::io("read", from, source)),
        }
    }
}

/// Removes a directory and its contents. Does not follow a symbolic link.
pub fn remove_tree(path: &Path) -> Result<()> {
    let error = |source| FsError::io("remove", path, source);
    if fs::symlink_metadata(path).map_err(error)?.is_dir() {
        fs::remove_dir_all(path).map_err(error)
    } else {
        fs::remove_file(path).map_err(error)
    }
}

/// Removes a file.
pub fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|source| FsError::io("remove", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renaming_never_replaces() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        create_private_dir(&from).expect("made");
        create_private_dir(&to).expect("made");
        assert!(
            matches!(rename_new(&from, &to), Err(FsError::Exists { .. })),
            "an empty directory would be replaced"
        );
        fs::remove_dir(&to).expect("removed");
        rename_new(&from, &to).expect("renamed");
        assert!(to.is_dir() && !from.exists());
    }

    #[test]
    fn only_a_new_directory_is_ignored_by_git() {
        let dir = tempfile::tempdir().expect("a directory");
        create_ignored_dir_all(dir.path()).expect("it exists");
        assert!(!dir.path().join(".gitignore").exists());
        let new = dir.path().join("a/backups");
        create_ignored_dir_all(&new).expect("made");
        assert_eq!(fs::read_to_string(new.join(".gitignore")).expect("read"), "*\n");
        assert!(!dir.path().join("a/.gitignore").exists());
    }

    #[test]
    fn a_file_in_the_path_is_reported() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("written");
        for path in [file.clone(), file.join("below/it")] {
            let error = create_private_dir_all(&path).expect_err("a file is in the way");
            assert_eq!(error.to_string(), format!("`{}` is not a directory", file.display()));
        }
    }

    #[test]
    fn a_linked_file_outlives_the_original() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, two) = (dir.path().join("one"), dir.path().join("sub/two"));
        fs::write(&one, "x").expect("written");
        link_or_copy(&one, &two).expect("linked");
        remove_tree(&one).expect("removed");
        assert_eq!(fs::read(&two).expect("read"), b"x");
    }
}
