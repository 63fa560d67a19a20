//! `.env` files, read exactly as each Compose reads them: which file, which project and which flags a command has can
//! depend on a single quote.

mod v1;
mod v2;

use std::collections::BTreeMap;

use super::grammar::Grammar;
use super::template::{Lookup, TemplateError};

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// Why Compose V2 rejects a file. V1 skips what it does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    #[error("line {line}: unexpected character {found:?} in a variable name")]
    UnexpectedCharacter { line: usize, found: char },
    #[error("line {line}: a variable name cannot contain a space")]
    SpaceInName { line: usize },
    #[error("line {line}: a quoted value is not terminated")]
    Unterminated { line: usize },
    #[error("an `export` without a name")]
    NoName,
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// Reads one file's text. `environment` is what the process has; `known` is what files read before have defined.
pub fn parse(
    grammar: Grammar,
    text: &str,
    environment: &Lookup<'_>,
    known: &Variables,
) -> Result<Variables, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match grammar {
        Grammar::V1 => Ok(v1::parse(text, environment)),
        Grammar::V2 => v2::parse(text, environment, known),
    }
}
