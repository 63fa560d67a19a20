//! Why an export cannot be used.

use crate::fs::FsError;

/// See the head of this file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("its format is unknown: its name ends in neither `.json`, `.jsonl` nor `.jsonl.zst`")]
    Ending,
    #[error("it is truncated")]
    Cut,
    #[error("it is damaged, or not an export: {0}")]
    Malformed(String),
    #[error(
        "it has changed since it was written: its last line has the SHA-256 {said}, and the file has {found}. To use a file that was edited on purpose, remove its keys `format` and `sha256`"
    )]
    Changed { said: String, found: String },
    #[error(
        "its last line, with the digest, is missing: it is truncated, or was edited. To use a file that was edited on purpose, remove its key `format`"
    )]
    Unsealed,
    #[error("its format version {0} is newer than this program supports ({version}): use a newer safe-compose", version = super::FORMAT_VERSION)]
    Newer(u64),
    #[error("it has an unknown format `{0}`")]
    Foreign(String),
    #[error("it should have {said} points of collection `{collection}`, and has {found}")]
    Count { collection: String, said: u64, found: u64 },
    #[error("point {number} of collection `{collection}` cannot be restored: {reason}")]
    Point { collection: String, number: u64, reason: String },
    /// The consumer stopped, and reports the reason itself.
    #[error("it was not read to its end")]
    Unread,
    #[error("{0}")]
    Shape(String),
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Eof => Self::Cut,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Data => Self::Malformed(error.to_string()),
        }
    }
}
