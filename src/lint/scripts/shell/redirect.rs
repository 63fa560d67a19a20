//! Redirections and here-documents, and the blanks and comments between words.

use super::parser::{PendingHereDocument, ShellParser};
use super::scan::{QuotingContext, is_meta};
use super::syntax::{ShellStatement, ShellWord, SimpleCommand, WordPiece};
use crate::lint::scripts::mapped_text::MappedText;

impl ShellParser<'_> {
    /// Reads a redirection. Its file is skipped, its here-document is kept.
    pub(super) fn redirection(&mut self, command: &mut SimpleCommand) {
        // The number of a file descriptor before it is not a word of the command.
        let digits =
            |word: &ShellWord| word.bare().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        if command.words.last().is_some_and(|word| word.to == self.source.from(self.at) && digits(word)) {
            command.words.pop();
        }
        let rest = &self.text[self.at..];
        if rest.starts_with(b"<<<") {
            self.at += 3;
            self.skip_blanks();
            let mut text = MappedText::default();
            for piece in self.word().pieces {
                if let WordPiece::Literal { text: literal, .. } = piece {
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
                if let WordPiece::Literal { text, quoted } = piece {
                    delimiter.push_str(text.text());
                    plain |= quoted;
                }
            }
            self.here_documents.push(PendingHereDocument {
                delimiter,
                indented,
                plain,
                reader: self.done.len(),
            });
            return;
        }
        self.at += 1;
        while matches!(self.peek(0), Some(b'>' | b'<' | b'&' | b'|')) {
            self.at += 1;
        }
        self.skip_blanks();
        self.word();
    }

    /// At the start of a line: reads the here-documents of the line before.
    pub(super) fn read_here_documents(&mut self) {
        for here_document in std::mem::take(&mut self.here_documents) {
            let text = self.document(&here_document);
            if !here_document.plain {
                self.nested(&text, |parser| {
                    parser.pieces(QuotingContext::Document);
                });
            }
            // CallReadings inside the reader's words stand before it.
            let reader = self.done.iter_mut().skip(here_document.reader).find_map(|statement| {
                if let ShellStatement::Command(command) = statement { Some(command) } else { None }
            });
            if let Some(reader) = reader {
                reader.input.push(text);
            }
        }
    }

    fn document(&mut self, here_document: &PendingHereDocument) -> MappedText {
        let mut text = MappedText::default();
        while self.at < self.text.len() {
            let end =
                memchr::memchr(b'\n', &self.text[self.at..]).map_or(self.text.len(), |at| self.at + at + 1);
            let line = &self.source.text()[self.at..end];
            let tabs =
                if here_document.indented { line.len() - line.trim_start_matches('\t').len() } else { 0 };
            let start = self.at + tabs;
            self.at = end;
            if line[tabs..].trim_end_matches(['\n', '\r']) == here_document.delimiter {
                break;
            }
            text.push_part(self.source, start..end);
        }
        text
    }

    /// Skips blanks, continued lines and a comment.
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

    /// Skips blanks, comments and line ends.
    pub(super) fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.peek(0) == Some(b'\n') {
            self.at += 1;
            self.read_here_documents();
            self.skip_blanks();
        }
    }
}
