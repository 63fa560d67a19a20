//! What `lint` reads from standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::exit::Exit;
use crate::lint;

/// Splits the named files from `-`; with it, the text of standard input.
pub(super) fn split_stdin(named: &[PathBuf]) -> Result<(Vec<PathBuf>, Option<String>), Failure> {
    let (streams, files): (Vec<PathBuf>, Vec<PathBuf>) =
        named.iter().cloned().partition(|file| file == Path::new("-"));
    let text = if streams.is_empty() { None } else { Some(read_stdin()?) };
    Ok((files, text))
}

pub(super) fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let failure = |why: String| Failure::new(Exit::Usage, format!("cannot read standard input: {why}"));
    std::io::stdin()
        .take(lint::MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failure(error.to_string()))?;
    lint::decode(bytes).map_err(failure)
}
