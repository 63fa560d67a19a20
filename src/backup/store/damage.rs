//! The ways in which a backup can be damaged.

use std::io;
use std::path::PathBuf;

use crate::backup::manifest::ManifestError;
use crate::fs::is_read_failure;
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

impl Damage {
    /// Whether nothing is known about the backup, because the system failed to read it.
    pub fn is_read_failure(&self) -> bool {
        match self {
            Self::Manifest(ManifestError::Unreadable(source)) | Self::Unreadable { source, .. } => {
                is_read_failure(source)
            }
            Self::Manifest(
                ManifestError::Missing
                | ManifestError::Malformed(_)
                | ManifestError::Foreign(_)
                | ManifestError::Newer(_),
            )
            | Self::Offloaded
            | Self::Missing { .. }
            | Self::Extra { .. }
            | Self::Twice { .. }
            | Self::WrongSize { .. }
            | Self::WrongDigest { .. }
            | Self::Escapes { .. }
            | Self::NotAFile { .. }
            | Self::Link
            | Self::NoSums
            | Self::BadSums { .. }
            | Self::SumsDisagree { .. }
            | Self::ManifestChanged => false,
        }
    }
}
