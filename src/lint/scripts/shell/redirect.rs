//! Redirections and here-documents, and the blanks and comments between words.

use super::parse::{Command, Parser, Statement, read_document};
use super::scan::is_meta;
use super::{Piece, Word};
use crate::lint::scripts::snippet::Snippet;

/// A here-document that was announced.
#[derive(Debug)]
pub(super) struct Awaited {
    delimiter: String,
    /// `<<-`: tabs before its lines are not part of it.
    indented: bool,
    /// A quoted delimiter: nothing in it is expanded.
    plain: bool,
    /// The command that reads it, by its number among all.
    reader: usize,
}

impl Parser<'_> {
    /// A redirection; its file is of no interest, its here-document is.
    pub(super) fn redirection(&mut self, command: &mut Command) {
        // The number of a file descriptor before it is no word of the command.
        let digits =
            |word: &Word| word.bare().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        if command.words.last().is_some_and(|word| word.to == self.source.from(self.at) && digits(word)) {
            command.words.pop();
        }
        let rest = &self.text[self.at..];
        if rest.starts_with(b"<<<") {
            self.at += 3;
            self.skip_blanks();
            let mut text = Snippet::default();
            for piece in self.word().pieces {
                if let Piece::Literal { text: literal, .. } = piece {
                    text.push(&literal);
                }
            }
            command.input.push(text);
            return;
        }
        if rest.starts_with(b"<<") {
            self.at += 2;
            let indented = self.peek(0) == Some(b'-');
            self.at += usize::from(indented);
            self.skip_blanks();
            let word = self.word();
            let mut delimiter = String::new();
            let mut plain = false;
            for piece in &word.pieces {
                if let Piece::Literal { text, quoted } = piece {
                    delimiter.push_str(text.text());
                    plain |= quoted;
                }
            }
            self.awaited.push(Awaited { delimiter, indented, plain, reader: self.done.len() });
            return;
        }
        self.at += 1;
        while matches!(self.peek(0), Some(b'>' | b'<' | b'&' | b'|')) {
            self.at += 1;
        }
        self.skip_blanks();
        self.word();
    }

    /// At the beginning of a line: reads the here-documents that the line before announced.
    pub(super) fn read_awaited(&mut self) {
        for awaited in std::mem::take(&mut self.awaited) {
            let text = self.document(&awaited);
            if !awaited.plain {
                self.nested(&text, read_document);
            }
            // Commands inside of the reader's words stand before it.
            let reader = self.done.iter_mut().skip(awaited.reader).find_map(|statement| {
                if let Statement::Command(command) = statement { Some(command) } else { None }
            });
            if let Some(reader) = reader {
                reader.input.push(text);
            }
        }
    }

    fn document(&mut self, awaited: &Awaited) -> Snippet {
        let mut text = Snippet::default();
        while self.at < self.text.len() {
            let end =
                memchr::memchr(b'\n', &self.text[self.at..]).map_or(self.text.len(), |at| self.at + at + 1);
            let line = &self.source.text()[self.at..end];
            let tabs = if awaited.indented { line.len() - line.trim_start_matches('\t').len() } else { 0 };
            let start = self.at + tabs;
            self.at = end;
            if line[tabs..].trim_end_matches(['\n', '\r']) == awaited.delimiter {
                break;
            }
            text.push_part(self.source, start..end);
        }
        text
    }

    /// Blanks, continued lines and a comment.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\r'), _) => self.at += 1,
                (Some(b'\\'), Some(b'\n')) => self.at += 2,
                (Some(b'\\'), Some(b'\r')) if self.peek(2) == Some(b'\n') => self.at += 3,
                (Some(b'#'), _) if self.at == 0 || is_meta(self.text[self.at - 1]) => {
                    self.at +=
                        memchr::memchr(b'\n', &self.text[self.at..]).unwrap_or(self.text.len() - self.at);
                }
                _ => return,
            }
        }
    }

    /// Blanks, comments and line ends.
    pub(super) fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.peek(0) == Some(b'\n') {
            self.at += 1;
            self.read_awaited();
            self.skip_blanks();
        }
    }
}
