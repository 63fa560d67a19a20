//! Why an export cannot be used.

use crate::fs::FsError;

/// See the head of this file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("its name ends neither in `.json` nor in `.jsonl` or `.jsonl.zst`, so what it is cannot be told")]
    Ending,
    #[error("it ends too early: it was cut off")]
    Cut,
    #[error("it is damaged, or no export: {0}")]
    Malformed(String),
    #[error(
        "it is not what was written: its last line says SHA-256 {said}, and it has {found}. If it was changed on purpose, take \
         the keys `format` and `sha256` out of it, and it is read as a plain file"
    )]
    Changed { said: String, found: String },
    #[error(
        "it has no last line with a digest, as every export of ours has: it was cut off or written anew. If that was on \
         purpose, take the key `format` out of it, and it is read as a plain file"
    )]
    Unsealed,
    #[error("it has format version {0}, and this program reads up to {version}: use a newer safe-compose", version = super::FORMAT_VERSION)]
    Newer(u64),
    #[error("it is of another kind: `{0}`")]
    Foreign(String),
    #[error("it says that collection `{collection}` has {said} points, and has {found} of them")]
    Count { collection: String, said: u64, found: u64 },
    #[error("point {number} of collection `{collection}` cannot be restored: {reason}")]
    Point { collection: String, number: u64, reason: String },
    /// Whoever reads it has stopped, and knows why.
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
