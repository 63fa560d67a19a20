//! A piece of shell taken out of a file, with the way back: every byte knows where in the file it stands.

use std::ops::Range;

/// Stands in a snippet for what only a run can know, such as the value of a variable of another program.
pub(super) const UNKNOWN: char = '\u{fffd}';

/// Shell text, and for each of its bytes the stretch of the file that it comes from.
///
/// A byte may come from several: `\u0026` of a JSON string is one byte out of six.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snippet {
    text: String,
    spans: Vec<(usize, usize)>,
}

impl Snippet {
    /// A whole file.
    pub(super) fn whole(text: &str) -> Self {
        let mut snippet = Self::default();
        snippet.push_from(text, 0);
        snippet
    }

    /// Appends a copy of the file's text that begins at `from`.
    pub(super) fn push_from(&mut self, text: &str, from: usize) {
        self.text.push_str(text);
        self.spans.extend((from..from + text.len()).map(|at| (at, at + 1)));
    }

    /// Appends text that stands for the stretch `from..to` of the file without being a copy of it.
    pub(super) fn push_for(&mut self, text: &str, from: usize, to: usize) {
        self.text.push_str(text);
        self.spans.extend(std::iter::repeat_n((from, to), text.len()));
    }

    /// Appends a part of another snippet of the same file.
    pub(super) fn push_part(&mut self, other: &Self, part: Range<usize>) {
        self.text.push_str(&other.text[part.clone()]);
        self.spans.extend_from_slice(&other.spans[part]);
    }

    pub(super) fn push(&mut self, other: &Self) {
        self.push_part(other, 0..other.text.len());
    }

    /// A part, with its way back.
    #[must_use]
    pub(super) fn part(&self, part: Range<usize>) -> Self {
        let mut snippet = Self::default();
        snippet.push_part(self, part);
        snippet
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Where in the file the byte at `at` begins; behind the last one, where that ends.
    pub(super) fn from(&self, at: usize) -> usize {
        self.spans.get(at).map_or_else(|| self.to(at), |span| span.0)
    }

    /// Where in the file what comes before `at` ends.
    pub(super) fn to(&self, at: usize) -> usize {
        self.spans[..at.min(self.spans.len())].last().map_or(0, |span| span.1)
    }
}

/// The last place at or before `at` where a character begins.
pub(super) fn char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Turns byte offsets of a file into lines and columns.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The line and the column, both from 1; a column is a character.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let offset = char_boundary(self.text, offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// The text of a line, counted from 1, without its end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        let Some(start) = line.checked_sub(1).and_then(|index| self.starts.get(index)) else { return "" };
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        self.text[*start..end].trim_end_matches(['\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back() {
        let mut snippet = Snippet::default();
        snippet.push_from("ab", 10);
        snippet.push_for("$", 12, 14);
        snippet.push_from("c", 20);
        assert_eq!(snippet.text(), "ab$c");
        assert_eq!([0, 1, 2, 3, 4].map(|at| snippet.from(at)), [10, 11, 12, 20, 21]);
        assert_eq!([1, 2, 3, 4].map(|at| snippet.to(at)), [11, 12, 14, 21]);
        assert_eq!(snippet.part(2..4).from(0), 12);
    }

    #[test]
    fn columns_are_characters() {
        let lines = Lines::new("é b\r\nc\n");
        assert_eq!(lines.place(0), (1, 1));
        assert_eq!(lines.place(3), (1, 3));
        assert_eq!(lines.place(6), (2, 1));
        assert_eq!(lines.place(99), (3, 1));
        assert_eq!((lines.line(1), lines.line(2), lines.line(3), lines.line(9)), ("é b", "c", "", ""));
    }
}
