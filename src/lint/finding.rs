//! What a rule found, and where.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LintSeverity {
    /// It could be safer.
    Info,
    /// Data may be lost.
    Warning,
    /// Data will be lost, or Compose refuses the file.
    Error,
}

impl LintSeverity {
    /// Its name, as in the settings and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A range of a file: from the first character up to, and without, the end.
///
/// Lines and columns count from 1; columns are characters, not bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileRange {
    /// As it was named or found; `-` for standard input.
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// One problem that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    /// The id of the rule, for `--explain` and `ignore[…]`.
    pub rule: &'static str,
    pub severity: LintSeverity,
    pub location: FileRange,
    /// What can happen to the data: one sentence without a period.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The service that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}
