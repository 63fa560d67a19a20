//! The state of a parser of shell scripts.
//!
//! Each part of the grammar is a file with methods: `list`, `compound`, `redirect`, `scan`.

use super::syntax::{ShellStatement, ShellWord, SimpleCommand};
use crate::lint::scripts::mapped_text::MappedText;

/// The deepest nesting of brackets and substitutions that is read.
pub(super) const MAX_DEPTH: usize = 64;

pub(super) struct ShellParser<'a> {
    pub(super) source: &'a MappedText,
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) done: Vec<ShellStatement>,
    /// Here-documents whose text has not started.
    pub(super) here_documents: Vec<PendingHereDocument>,
    /// How often `((` was not arithmetic. After some misses it is not searched for any more.
    pub(super) misses: usize,
    /// The functions whose bodies are open, each with the number of frames when it was opened.
    pub(super) functions: Vec<(String, usize)>,
}

/// A simple command that is being read.
#[derive(Default)]
pub(super) struct CommandDraft {
    pub(super) command: SimpleCommand,
    pub(super) assignments: Vec<(String, Vec<ShellWord>)>,
}

/// A compound command that is still open.
#[derive(Debug)]
pub(super) enum CompoundFrame {
    Brace,
    Parenthesis,
    Case { in_pattern: bool },
}

/// A here-document whose text follows on the next line.
#[derive(Debug)]
pub(super) struct PendingHereDocument {
    pub(super) delimiter: String,
    /// `<<-`: tabs at the start of its lines are not part of it.
    pub(super) indented: bool,
    /// The delimiter is quoted, so nothing in it is expanded.
    pub(super) plain: bool,
    /// The index of the statement that reads it.
    pub(super) reader: usize,
}

impl<'a> ShellParser<'a> {
    pub(super) fn new(source: &'a MappedText, depth: usize) -> Self {
        Self {
            source,
            text: source.text().as_bytes(),
            at: 0,
            depth,
            done: Vec::new(),
            here_documents: Vec::new(),
            misses: 0,
            functions: Vec::new(),
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Reads one level deeper. At [`MAX_DEPTH`] the rest of the text is skipped.
    pub(super) fn deeper<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= MAX_DEPTH {
            self.at = self.text.len();
            return T::default();
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Opens a compound command. Frames that are too deep are not kept, so that searching them stays cheap.
    pub(super) fn open(frames: &mut Vec<CompoundFrame>, frame: CompoundFrame) {
        if frames.len() < 4 * MAX_DEPTH {
            frames.push(frame);
        }
    }
}
