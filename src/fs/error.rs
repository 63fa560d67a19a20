//! Errors of file operations, with the path, and for a full disk the free space.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::units::Bytes;

pub type Result<T> = std::result::Result<T, FsError>;

/// A failed file operation.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The disk or the user's quota is full.
    #[error("no space left to write `{}`{}", path.display(), SpaceHint { needed: *needed, free: *free })]
    Full { path: PathBuf, needed: Option<u64>, free: Option<u64> },
    /// The disk would have less space than is left to other programs. Without `needed`, it has less already.
    #[error("not enough space for `{}`: {}", path.display(), Reserved { needed: *needed, free: *free, reserve: *reserve })]
    Reserved { path: PathBuf, needed: Option<u64>, free: u64, reserve: u64 },
    #[error("no more files can be created on the disk of `{}`: it has no free inodes", path.display())]
    NoInodes { path: PathBuf },
    #[error("`{}` is in use by {holder}", path.display())]
    Locked { path: PathBuf, holder: String },
    #[error("`{}` already exists", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("`{}` is a symbolic link, which is not followed", path.display())]
    Link { path: PathBuf },
}

impl FsError {
    /// Adds the path to an I/O error. A full disk becomes [`FsError::Full`].
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull if !super::can_have_files(path) => {
                Self::NoInodes { path: path.to_owned() }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_owned(), needed: None, free: super::free_bytes(path).ok() }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// Adds the number of bytes to be written to [`FsError::Full`].
    #[must_use]
    pub fn needing(self, bytes: Option<u64>) -> Self {
        match self {
            Self::Full { path, needed, free } => Self::Full { path, needed: needed.or(bytes), free },
            Self::Reserved { path, needed, free, reserve } => {
                Self::Reserved { path, needed: needed.or(bytes), free, reserve }
            }
            Self::Io { .. }
            | Self::NoInodes { .. }
            | Self::Locked { .. }
            | Self::Exists { .. }
            | Self::NotADirectory { .. }
            | Self::Link { .. } => self,
        }
    }

    /// Whether the disk was full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Reserved { .. } | Self::NoInodes { .. })
    }

    /// Whether the path does not exist.
    #[cfg(test)]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// How much space was needed and is free, if known.
struct SpaceHint {
    needed: Option<u64>,
    free: Option<u64>,
}

impl fmt::Display for SpaceHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.needed, self.free) {
            (Some(needed), Some(free)) => write!(f, ": {} needed, {} free", Bytes(needed), Bytes(free)),
            (Some(needed), None) => write!(f, ": {} needed", Bytes(needed)),
            (None, Some(free)) => write!(f, ": {} free", Bytes(free)),
            (None, None) => Ok(()),
        }
    }
}

/// What is needed, what is left to others, and what is there.
struct Reserved {
    needed: Option<u64>,
    free: u64,
    reserve: u64,
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, reserve) = (Bytes(self.free), Bytes(self.reserve));
        match self.needed {
            Some(needed) => {
                let needed = Bytes(needed);
                write!(f, "{needed} needed and {reserve} left for other programs, but only {free} free")
            }
            None => write!(f, "{reserve} are left for other programs, and only {free} are free"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_how_much_was_needed_and_how_much_is_free() {
        let full = FsError::io("write", Path::new("/"), io::ErrorKind::StorageFull.into());
        assert!(full.is_full());
        let FsError::Full { free, .. } = &full else { unreachable!("just matched") };
        assert!(free.is_some());
        let full = FsError::Full { path: "/b/x".into(), needed: Some(2000), free: Some(7) };
        assert_eq!(full.to_string(), "no space left to write `/b/x`: 2.0 kB needed, 7 B free");
        let other = FsError::io("write", Path::new("/b/x"), io::ErrorKind::PermissionDenied.into());
        assert!(!other.is_full());
        assert_eq!(other.to_string(), "cannot write `/b/x`");
    }
}
