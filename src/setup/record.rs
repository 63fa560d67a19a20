//! The record of an installation: what has to be undone.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fs::{self, FsError};

/// Every step, in the order in which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupRecord {
    format_version: u32,
    pub steps: Vec<RecordedStep>,
}

/// A step that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum RecordedStep {
    /// A directory that did not exist.
    Directory {
        path: PathBuf,
    },
    Program {
        path: PathBuf,
    },
    Link {
        path: PathBuf,
        target: PathBuf,
        /// The file that was in its place.
        kept: Option<PathBuf>,
    },
    File {
        path: PathBuf,
        text: String,
        kept: Option<PathBuf>,
    },
    Block {
        path: PathBuf,
        /// The exact text, with the line break before it if one was needed.
        text: String,
        /// Whether the file did not exist.
        created: bool,
    },
    Crontab {
        program: PathBuf,
        text: String,
    },
    Enable {
        program: PathBuf,
        arguments: Vec<String>,
        unit: String,
    },
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is not a record of this version of safe-compose", path.display())]
    Format { path: PathBuf },
}

const VERSION: u32 = 1;

impl Default for SetupRecord {
    fn default() -> Self {
        Self { format_version: VERSION, steps: Vec::new() }
    }
}

impl SetupRecord {
    /// Reads a record; an empty one if there is none.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(RecordError::Read { path: path.to_owned(), source }),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(record) if record.format_version == VERSION => Ok(record),
            Ok(_) | Err(_) => Err(RecordError::Format { path: path.to_owned() }),
        }
    }

    /// Writes it. Others may read it: it holds no secret.
    pub(super) fn write(&self, path: &Path) -> Result<(), FsError> {
        fs::write_atomically(path, &fs::to_json(self), 0o644)
    }

    /// Adds a step, unless it is there.
    pub(super) fn push(&mut self, step: RecordedStep) {
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }
}
