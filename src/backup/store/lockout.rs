//! Whether this process may use the backup directory. A command that was run as root, or by another user, may have made
//! what is in it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use super::BackupRoot;
use super::name::TAKEN;
use super::root::entries;
use crate::fs::DirectoryLock;

/// Something in the backup directory that this process may not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    pub path: PathBuf,
    /// The user id of its owner.
    pub owner: u32,
    /// The user id of this process.
    pub user: u32,
    /// The command that ends it, for the complete directory.
    pub repair: Vec<String>,
}

impl BackupRoot {
    /// The first thing among the directory itself and what belongs to these stores that this process may not use. `None` if
    /// there is none, and for root.
    pub fn lockout<'a>(&self, stores: impl IntoIterator<Item = &'a str>) -> Option<Lockout> {
        let user = rustix::process::geteuid();
        if user.is_root() {
            return None;
        }
        let path = self.first_denied(stores)?;
        let owner = path.symlink_metadata().map_or(0, |found| found.uid());
        let directory = self.path.to_string_lossy().into_owned();
        let repair = if owner == user.as_raw() {
            vec!["chmod".into(), "-R".into(), "u+rwX".into(), directory]
        } else {
            let ids = format!("{}:{}", user.as_raw(), rustix::process::getegid().as_raw());
            vec!["sudo".into(), "chown".into(), "-R".into(), ids, directory]
        };
        Some(Lockout { path, owner, user: user.as_raw(), repair })
    }

    fn first_denied<'a>(&self, stores: impl IntoIterator<Item = &'a str>) -> Option<PathBuf> {
        let use_all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        let mut wanted = vec![(self.path.clone(), use_all)];
        wanted.extend(self.shared_files().map(|path| (path, Access::READ_OK | Access::WRITE_OK)));
        for store in stores {
            let Ok(directory) = self.of_store(store) else { continue };
            // What cannot be listed is denied itself.
            let entries = entries(&directory).unwrap_or_default();
            wanted.push((directory, use_all));
            wanted.extend(entries.iter().map(|entry| {
                let is_lock = DirectoryLock::is_lock(&entry.file_name().to_string_lossy());
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let access = match (is_directory, is_lock) {
                    (true, _) => Access::READ_OK | Access::EXEC_OK,
                    (false, true) => Access::READ_OK | Access::WRITE_OK,
                    (false, false) => Access::READ_OK,
                };
                (entry.path(), access)
            }));
        }
        wanted.into_iter().find(|(path, access)| is_denied(path, *access)).map(|(path, _)| path)
    }

    /// The files that belong to all stores.
    fn shared_files(&self) -> impl Iterator<Item = PathBuf> {
        let is_shared = |name: &str| DirectoryLock::is_lock(name) || TAKEN.contains(&name);
        let entries = entries(&self.path).unwrap_or_default().into_iter();
        entries.filter(move |entry| is_shared(&entry.file_name().to_string_lossy())).map(|entry| entry.path())
    }
}

/// A missing path and a read-only file system are not a matter of permission.
fn is_denied(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS) == Err(Errno::ACCESS)
}
