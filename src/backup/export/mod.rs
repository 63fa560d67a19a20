//! Portable exports: one file with every collection of a server, its configuration and its points, for other tools and
//! for other versions of the server.
//!
//! A point is never parsed into values: its text goes from the server to the file and from the file to the server as it
//! is, so that 64-bit integers and the last digit of every number survive. The format is in `docs/export.md`.

mod batches;
mod digest;
mod error;
mod formats;
mod json;
mod jsonl;
mod pipe;
pub mod point;
mod read;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use batches::{Batch, Batches};
pub use error::ExportError;
pub use pipe::{ExportPart, ExportSink, ExportedFile};
pub use read::{ExportContents, ExportedCollection, scan};

use super::store::{BackupRoot, Name, StoreError, next_second};
use crate::fs::{DirectoryLock, PendingFile};

/// The value of `format` in every export.
pub const FORMAT: &str = "safe-compose-export";

/// The format version that this program writes. It reads all versions up to this one.
pub const FORMAT_VERSION: u32 = 1;

/// The layout of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON document.
    Json,
    /// JSON Lines; written with zstd compression.
    JsonLines,
}

impl ExportFormat {
    /// The file name extension.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonLines => "jsonl.zst",
        }
    }

    /// The separator between two points.
    pub fn separator(self) -> &'static [u8] {
        match self {
            Self::Json => b",\n",
            Self::JsonLines => b"\n",
        }
    }

    /// From the name of a file; `None` if it is not an export.
    pub fn of(path: &Path) -> Option<Self> {
        let (stem, ending) = path.file_name()?.to_str()?.rsplit_once('.')?;
        match ending {
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::JsonLines),
            "zst" if stem.rsplit_once('.').is_some_and(|(_, ending)| ending == "jsonl") => {
                Some(Self::JsonLines)
            }
            _ => None,
        }
    }
}

/// Where an export comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportOrigin {
    /// `safe-compose 0.1.0`.
    pub tool: String,
    /// When it was started, UTC.
    pub created: Timestamp,
    pub project: String,
    pub service: String,
}

/// The server's part of the header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExportHeader {
    /// The server's version.
    pub server: String,
    /// Alias to collection.
    pub aliases: BTreeMap<String, String>,
}

/// A collection without its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionConfig {
    pub name: String,
    /// `config` of the collection's info, as the server reports it.
    pub config: Value,
    /// Indexed payload fields with `{data_type, params}`.
    pub payload_schema: Value,
}

/// An export that is being written: its lock is held and its name is free.
#[derive(Debug)]
pub struct PendingExport {
    pub path: PathBuf,
    pub created: Timestamp,
    pub kind: ExportFormat,
    pending: PendingFile,
    _lock: DirectoryLock,
}

impl PendingExport {
    /// Starts an export of a store: `backups/<store>/<store>_backup_YYYYMMDD_HHMMSS.json`. Removes what a crash left of
    /// an earlier one.
    pub fn create(
        root: &BackupRoot,
        store: &str,
        time: Timestamp,
        kind: ExportFormat,
    ) -> Result<Self, StoreError> {
        let (directory, lock) = root.lock_store(store, super::store::WAIT)?;
        if lock.is_exclusive() {
            PendingFile::remove_left_over(&directory)?;
        }
        let mut created = time;
        let path = loop {
            let path = directory.join(format!("{}.{}", Name::new(store, created)?, kind.ending()));
            if path.symlink_metadata().is_err() {
                break path;
            }
            created = next_second(created);
        };
        let pending = PendingFile::create_in(&directory)?;
        Ok(Self { path, created, kind, pending, _lock: lock })
    }
}
