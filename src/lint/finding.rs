//! What a rule says of a file, and where.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How bad it is. An error means that data will be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// A stretch of a file: from the first character up to, and without, the last.
///
/// Lines and columns count from 1; columns are characters, not bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// As it was given or found; `-` for standard input.
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id, as `--explain` and `ignore[…]` take it.
    pub rule: &'static str,
    pub severity: Severity,
    pub place: Place,
    /// What is at stake, as one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The service it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}
