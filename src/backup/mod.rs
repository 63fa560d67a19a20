//! Backups: make, verify, list, prune and restore them.

pub mod baseline;
pub mod consistency;
pub mod driver;
pub mod evidence;
pub mod export;
pub mod file_attributes;
pub mod fingerprint;
mod format;
pub mod manifest;
pub mod quiesce;
pub mod repository;
pub mod restore_lock;
pub mod retention;
pub mod set;
pub mod shrink;
pub mod sqlite;
pub mod store;
mod tar_end;
pub mod test_restore;
