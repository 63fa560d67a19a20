//! The ways in which a backup can be damaged.

use std::io;
use std::path::PathBuf;

use crate::backup::manifest::ManifestError;
use crate::units::count;

/// Each is a fragment that follows the backup's name.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("its files are only in the repository")]
    Offloaded,
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` is not listed in the manifest")]
    Extra { path: String },
    #[error("`{path}` is listed twice")]
    Twice { path: String },
    #[error("`{path}` has {} instead of {recorded}", count(*found, "byte"))]
    WrongSize { path: String, recorded: u64, found: u64 },
    #[error("`{path}` has changed: its SHA-256 is {found} instead of {recorded}")]
    WrongDigest { path: String, recorded: String, found: String },
    #[error("`{path}` is outside the backup's directory")]
    Escapes { path: String },
    #[error("`{path}` is not a regular file")]
    NotAFile { path: String },
    #[error("it is a symbolic link, which is not followed")]
    Link,
    #[error("`SHA256SUMS` is missing")]
    NoSums,
    #[error("`SHA256SUMS` is damaged in line {line}")]
    BadSums { line: usize },
    #[error("`SHA256SUMS` and the manifest disagree about `{path}`")]
    SumsDisagree { path: String },
    #[error("the manifest on disk differs from the one that was written")]
    ManifestChanged,
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
