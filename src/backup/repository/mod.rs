//! Copies of backups off the machine, in a repository in restic's format.
//!
//! A verified backup becomes a snapshot. What restic shows of it, and can restore without this program, is the data: the files
//! of a volume as files, and everything else as it is in the backup. For this program there is more: the headers of the
//! archives, from which exactly the same archives are made again, and in the snapshot's description the manifest and the
//! digests that they must have.
//!
//! The library does not honour restic's locks, in either direction.

pub(crate) mod description;
mod error;
mod location;
mod nodes;
mod open;
mod password;
mod receive;
mod send;
mod snapshot_files;
mod snapshot_gate;
mod snapshots;
mod source;
mod split;
mod state;
mod survey;
mod transport;

pub use error::RepositoryError;
pub use location::{LocationError, RepositoryLocation};
pub use open::{IndexedRepository, OpenRepository, ReadData, RepositoryAccess};
pub use password::find as find_password;
pub use send::{SendOptions, Sent};
pub use snapshots::RepositorySnapshot;
pub use state::CopyState;
pub(in crate::backup) use state::FILE_NAME as STATE_FILE;
pub use transport::RateLimits;

/// Where a snapshot has the data of a backup.
const FILES: &str = "files";

/// Where it has the headers of archives.
const HEADERS: &str = "headers";
