//! The only place that writes files.
//!
//! What is written here is there after a power cut, or not there at all: every file is synced, and so is the directory
//! that names it. Files are 0600 and directories 0700 unless said otherwise.

mod append;
mod atomic;
mod digest;
mod directory;
mod error;
mod json;
mod lock;
mod new_file;
mod pending;
mod space;

pub use append::append_line;
pub use atomic::{write_atomically, write_new};
pub use digest::{Digest, Digester, read_back, sha256_of, sha256_of_with};
pub use directory::{
    create_private_dir, create_private_dir_all, link_or_copy, make_private, remove_file, remove_tree,
    rename_new, sync_dir, sync_tree,
};
pub use error::{FsError, Result};
pub(crate) use json::{to_json, to_json_line};
pub use lock::{DirectoryLock, LockState};
pub use new_file::NewFile;
pub use pending::PendingFile;
pub use space::free_bytes;

/// The mode of every file that holds data or says something about it.
pub const PRIVATE_FILE: u32 = 0o600;

/// The mode of every directory of ours.
pub const PRIVATE_DIR: u32 = 0o700;
