//! Why a repository cannot be used, as people read it.

use std::error::Error;
use std::path::PathBuf;

use rustic_core::RusticError;

use super::location::LocationError;
use crate::backup::store::{Damage, StoreError};

/// Why a repository cannot be used. Repositories are named without their passwords.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error("the repository has a password, which is not set")]
    NoPassword,
    #[error("the password of the repository is empty")]
    EmptyPassword,
    #[error("the password of the repository cannot be read from `{}`", path.display())]
    PasswordFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{program}`, which prints the password of the repository, failed: {reason}")]
    PasswordCommand { program: String, reason: String },
    #[error("there is no repository at {0}")]
    Missing(String),
    #[error("there is a repository at {0} already")]
    Exists(String),
    #[error("the password does not open the repository at {0}")]
    WrongPassword(String),
    #[error("rclone is not installed")]
    NoRclone,
    #[error("reaching the repository failed")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("{action} failed")]
    Failed {
        action: &'static str,
        #[source]
        source: LibraryError,
    },
    #[error("`{path}` of the backup cannot be read")]
    Unreadable {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the backup `{name}` is damaged")]
    DamagedBackup {
        name: String,
        #[source]
        damage: Damage,
    },
    #[error("the backup `{name}` cannot be read")]
    UnreadBackup {
        name: String,
        #[source]
        damage: Damage,
    },
    #[error("the copy is incomplete: {0}")]
    Incomplete(String),
    #[error("`{path}` in the repository does not match its digest: it is damaged")]
    Damaged { path: String },
    #[error("what is at {0} is not a repository: it has a `config` and no keys")]
    NotARepository(String),
    #[error("the repository at {name} has version {version}, which this program does not know")]
    NewerRepository { name: String, version: u32 },
    #[error(
        "snapshot {snapshot} is a backup of format version {version}, which this program does not know: use a newer \
         safe-compose"
    )]
    NewerBackup { snapshot: String, version: u32 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RepositoryError {
    pub(super) fn unreachable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unreachable(Box::new(source))
    }
}

/// An error of the repository library, as one line.
#[derive(Debug)]
pub struct LibraryError(Box<RusticError>);

/// For `map_err`: what was tried.
pub(super) fn failed(action: &'static str) -> impl Fn(Box<RusticError>) -> RepositoryError + Copy {
    move |error| RepositoryError::Failed { action, source: LibraryError(error) }
}

impl std::fmt::Display for LibraryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.display_log();
        let text = text.strip_prefix("Error: ").unwrap_or(&text);
        let message = text.split(" (kind: related to").next().unwrap_or(text);
        let message = message.split(" Please check").next().unwrap_or(message).trim_end_matches('.');
        f.write_str(message)
    }
}

impl Error for LibraryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
