//! What `lint` reads, and keeps to show the lines of its findings.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Failure;
use crate::exit::Exit;
use crate::lint;

/// The texts of files, by their paths.
pub(super) type Texts = BTreeMap<PathBuf, Arc<str>>;

pub(super) fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let failure = |why: String| Failure::new(Exit::Usage, format!("standard input cannot be read: {why}"));
    std::io::stdin()
        .take(lint::MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failure(error.to_string()))?;
    lint::decode(bytes).map_err(failure)
}
