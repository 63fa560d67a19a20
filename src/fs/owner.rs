//! Gives new files and directories to the owner of the directory that they are in, when the program runs under sudo.
//!
//! Otherwise a single `sudo safe-compose down` leaves a directory of backups that the user cannot write to afterwards.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown, lchown};
use std::path::Path;

use crate::env;

/// For a new directory. A failure is ignored: the directory stays root's, as with any other program.
pub(super) fn give_directory(path: &Path) {
    if env::is_sudo() {
        let _ = give(path);
    }
}

fn give(path: &Path) -> io::Result<()> {
    let owner = of_parent(path)?;
    lchown(path, Some(owner.uid()), Some(owner.gid()))
}

/// For a new file that is open.
pub(super) fn give_file(path: &Path, file: &File) {
    if env::is_sudo() {
        let _ = of_parent(path).and_then(|owner| fchown(file, Some(owner.uid()), Some(owner.gid())));
    }
}

fn of_parent(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_gets_the_owner_of_the_one_around_it() {
        let dir = tempfile::tempdir().expect("a directory");
        if lchown(dir.path(), Some(12_345), Some(54_321)).is_err() {
            // Only root may do that, and only for root it matters.
            return;
        }
        let (below, target) = (dir.path().join("below"), tempfile::tempdir().expect("a directory"));
        fs::create_dir(&below).expect("made");
        let before = below.metadata().expect("there");
        give(&below).expect("root may");
        let now = below.metadata().expect("there");
        assert_eq!((now.uid(), now.gid()), (12_345, 54_321));
        let link = dir.path().join("link");
        symlink(target.path(), &link).expect("made");
        give(&link).expect("root may");
        let target = target.path().metadata().expect("there");
        assert_eq!((target.uid(), target.gid()), (before.uid(), before.gid()), "a link is not followed");
    }
}
