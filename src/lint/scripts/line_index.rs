//! Byte offsets of a file to lines and columns.

use super::mapped_text::char_boundary;
use crate::lint::span::{FileId, Span, TextPosition};

/// Where the lines of a text start.
#[derive(Debug)]
pub(super) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The span of the bytes `from..to` of a file.
    pub(super) fn span(&self, file: FileId, from: usize, to: usize) -> Span {
        Span { file, start: self.position(from), end: self.position(to) }
    }

    fn position(&self, offset: usize) -> TextPosition {
        let offset = char_boundary(self.text, offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let column = self.text[self.starts[line - 1]..offset].chars().count() + 1;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        TextPosition { line: number(line), column: number(column), byte: number(offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let lines = LineIndex::new("é b\r\nc\n");
        let position = |offset| {
            let position = lines.position(offset);
            (position.line, position.column)
        };
        assert_eq!(position(0), (1, 1));
        assert_eq!(position(3), (1, 3));
        assert_eq!(position(6), (2, 1));
        assert_eq!(position(99), (3, 1));
    }
}
