//! The header of every JSON file in the backup directory: its format and its format version.
//!
//! It is read before the rest, so that a file of a newer version is told apart from a damaged one.

use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct FormatHeader {
    format: String,
    format_version: u32,
}

/// Why a file is not what its name says.
#[derive(Debug)]
pub(super) enum FormatError {
    Malformed(serde_json::Error),
    /// It has another format, named here.
    Foreign(String),
    /// A newer program wrote it, in this version.
    Newer(u32),
}

/// Parses a file that has one of these formats, in any version up to `newest`.
pub(super) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    formats: &[&str],
    newest: u32,
) -> Result<T, FormatError> {
    let header: FormatHeader = serde_json::from_slice(bytes).map_err(FormatError::Malformed)?;
    if !formats.contains(&header.format.as_str()) {
        return Err(FormatError::Foreign(header.format));
    }
    if header.format_version > newest {
        return Err(FormatError::Newer(header.format_version));
    }
    serde_json::from_slice(bytes).map_err(FormatError::Malformed)
}
