//! Repairs that safe-compose can make itself.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// A repair. It only adds: existing files and directories keep their owner, mode and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Create a missing directory and its missing parents.
    CreateDirectory {
        path: PathBuf,
        mode: u32,
        /// User and group of the new directory; `None` for those of this process.
        owner: Option<(u32, u32)>,
    },
}

impl Repair {
    /// Makes the repair. Undoes everything if a step fails.
    pub fn apply(&self) -> io::Result<()> {
        match self {
            Self::CreateDirectory { path, mode, owner } => {
                let mut created = Vec::new();
                create(path, *mode, *owner, &mut created).inspect_err(|_| {
                    // Removes only directories that were just created and are still empty.
                    for directory in created.iter().rev() {
                        let _ = std::fs::remove_dir(directory);
                    }
                })
            }
        }
    }
}

/// Creates the missing directories of a path, and adds each to `log`.
fn create(path: &Path, mode: u32, owner: Option<(u32, u32)>, log: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|part| !matches!(part.try_exists(), Ok(true))).collect();
    for part in missing.into_iter().rev() {
        match std::fs::DirBuilder::new().mode(mode).create(part) {
            Ok(()) => log.push(part.to_owned()),
            // Another process created it meanwhile; leave its mode and owner.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && part.is_dir() => continue,
            Err(error) => return Err(error),
        }
        // The umask reduces the mode given above.
        std::fs::set_permissions(part, std::fs::Permissions::from_mode(mode))?;
    }
    if !path.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    match owner {
        Some((user, group)) if log.last().is_some_and(|last| last == path) => {
            chown(path, Some(user), Some(group))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn repair(path: &Path, owner: Option<(u32, u32)>) -> Repair {
        Repair::CreateDirectory { path: path.to_owned(), mode: 0o755, owner }
    }

    #[test]
    fn only_missing_directories_are_created() {
        let root = tempfile::tempdir().expect("a directory");
        let there = root.path().join("there");
        std::fs::create_dir(&there).expect("made");
        std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o700)).expect("set");
        let path = there.join("a/b");
        repair(&path, None).apply().expect("mended");
        assert_eq!(path.metadata().expect("there").mode() & 0o7777, 0o755);
        assert_eq!(there.join("a").metadata().expect("there").mode() & 0o7777, 0o755);
        assert_eq!(there.metadata().expect("there").mode() & 0o7777, 0o700);
    }

    #[test]
    fn existing_directories_keep_owner_and_mode() {
        let root = tempfile::tempdir().expect("a directory");
        let before = root.path().metadata().expect("there");
        repair(root.path(), Some((before.uid() + 1, before.gid() + 1))).apply().expect("nothing to do");
        let after = root.path().metadata().expect("there");
        assert_eq!((before.uid(), before.mode()), (after.uid(), after.mode()));
    }

    #[test]
    fn a_failed_repair_is_undone() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::write(root.path().join("file"), "").expect("written");
        assert!(repair(&root.path().join("file/x"), None).apply().is_err());
        assert!(repair(&root.path().join("file"), None).apply().is_err());
        let name = "n".repeat(300);
        assert!(repair(&root.path().join("a/b").join(name), None).apply().is_err());
        assert!(!root.path().join("a").exists());
    }
}
