//! Writes files; no other module does.
//!
//! After a power failure, a file is either complete or absent: files and the directories that contain them are synced.
//! The default modes are 0600 for files and 0700 for directories.

mod append;
mod atomic;
mod digest;
mod directory;
mod error;
mod install;
mod json;
mod lock;
mod new_file;
mod owner;
mod pending;
mod read;
mod space;

pub use append::append_line;
pub use atomic::{write_atomically, write_new};
pub use digest::{Digest, Digester, open_to_read_back, read_back, sha256_of, sha256_of_with};
pub use directory::{
    create_ignored_dir_all, create_private_dir, create_private_dir_all, link_or_copy, make_private,
    remove_file, remove_tree, rename_new, sync_dir, sync_tree,
};
pub use error::{FsError, Result};
pub use install::{copy_program, create_shared_dir, make_link, remove_empty_dir};
pub(crate) use json::{to_json, to_json_line};
pub use lock::{DirectoryLock, LockState};
pub use new_file::NewFile;
pub use pending::PendingFile;
#[cfg(any(test, feature = "internals"))]
pub use read::files_read;
pub use read::{is_missing, is_read_failure, open_regular, read_bounded, read_if_there};
use space::can_have_files;
pub use space::{ensure_reserve, ensure_space, free_bytes};

/// The mode of files with data or metadata of backups.
pub const PRIVATE_FILE: u32 = 0o600;

/// The mode of directories.
pub const PRIVATE_DIR: u32 = 0o700;
