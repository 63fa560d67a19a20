//! Reads shell scripts as a shell does: words, quotes, comments, here-documents, substitutions. Nothing is run.
//!
//! The grammar is POSIX's (IEEE 1003.1, Shell Command Language) with what bash adds and people use. A script that a
//! shell would refuse is read as far as it goes; nothing here fails.

mod compound;
mod expand;
mod parse;
mod redirect;
mod scan;

pub(super) use expand::{Argument, Scope};
pub(super) use parse::{Statement, parse};

use super::snippet::Snippet;

/// A word as it is written: pieces side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub pieces: Vec<Piece>,
    /// The stretch of the file.
    pub from: usize,
    pub to: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text without its quotes.
    Literal {
        text: Snippet,
        quoted: bool,
    },
    Variable(Variable),
    /// What only a run can know: the output of a command, arithmetic, a template of another program.
    Unknown {
        quoted: bool,
        from: usize,
        to: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub name: String,
    /// Of `${NAME:-…}` and its kin.
    pub default: Option<Word>,
    pub quoted: bool,
    /// All the elements of a list, each a word of its own: `${NAME[@]}`, `$@`.
    pub list: bool,
    pub from: usize,
    pub to: usize,
}

impl Word {
    /// The word, if it is written out and nothing of it is quoted: only such a word can be reserved.
    fn bare(&self) -> Option<&str> {
        match &self.pieces[..] {
            [Piece::Literal { text, quoted: false }] => Some(text.text()),
            _ => None,
        }
    }
}
