//! `.env` files, read exactly as each Compose reads them: which file, which project and which flags a command has can
//! depend on a single quote.

mod raw;
mod v1;
mod v2;

use std::collections::BTreeMap;

pub use raw::parse as parse_raw;

use super::grammar::Grammar;
use super::template::{Lookup, TemplateError};

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// Why Compose V2 rejects a file, without any value of it. V1 skips what it does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DotenvError {
    /// From 1; where the value begins, if that is what is wrong.
    pub line: usize,
    pub reason: DotenvReason,
}

/// What is wrong in a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvReason {
    #[error("unexpected character {0:?} in a variable name")]
    UnexpectedCharacter(char),
    #[error("a variable name cannot contain a space")]
    SpaceInName,
    #[error("a quoted value is not terminated")]
    Unterminated,
    #[error("the name of a variable is missing")]
    NoName,
    #[error(transparent)]
    Template(TemplateError),
}

impl DotenvReason {
    fn at(self, line: usize) -> DotenvError {
        DotenvError { line, reason: self }
    }
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
