//! Shell text extracted from a file, with the range of the file that each byte comes from.

use std::ops::Range;

/// Replaces what only a run can tell, such as the value of a variable that is set elsewhere.
pub(super) const UNKNOWN: char = '\u{fffd}';

/// Text, and for each of its bytes the range of the file that it comes from.
///
/// One byte may come from several: `\u0026` in a JSON string is one byte from six.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MappedText {
    text: String,
    spans: Vec<(usize, usize)>,
}

impl MappedText {
    /// The text of a file.
    pub(super) fn of_file(text: &str) -> Self {
        let mut mapped = Self::default();
        mapped.push_from(text, 0);
        mapped
    }

    /// Appends a copy of the file's text that starts at `from`.
    pub(super) fn push_from(&mut self, text: &str, from: usize) {
        self.text.push_str(text);
        self.spans.extend((from..from + text.len()).map(|at| (at, at + 1)));
    }

    /// Appends text that replaces the range `from..to` of the file.
    pub(super) fn push_for(&mut self, text: &str, from: usize, to: usize) {
        self.text.push_str(text);
        self.spans.extend(std::iter::repeat_n((from, to), text.len()));
    }

    /// Appends a part of another text of the same file.
    pub(super) fn push_part(&mut self, other: &Self, part: Range<usize>) {
        self.text.push_str(&other.text[part.clone()]);
        self.spans.extend_from_slice(&other.spans[part]);
    }

    pub(super) fn push(&mut self, other: &Self) {
        self.push_part(other, 0..other.text.len());
    }

    /// A part of the text.
    #[must_use]
    pub(super) fn part(&self, part: Range<usize>) -> Self {
        let mut mapped = Self::default();
        mapped.push_part(self, part);
        mapped
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

    /// Where in the file the byte at `at` starts; after the last byte, where that one ends.
    pub(super) fn from(&self, at: usize) -> usize {
        self.spans.get(at).map_or_else(|| self.to(at), |span| span.0)
    }

    /// Where in the file the byte before `at` ends.
    pub(super) fn to(&self, at: usize) -> usize {
        self.spans[..at.min(self.spans.len())].last().map_or(0, |span| span.1)
    }
}

/// The last offset at or before `at` where a character starts.
pub(super) fn char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_map_back_to_the_file() {
        let mut mapped = MappedText::default();
        mapped.push_from("ab", 10);
        mapped.push_for("$", 12, 14);
        mapped.push_from("c", 20);
        assert_eq!(mapped.text(), "ab$c");
        assert_eq!([0, 1, 2, 3, 4].map(|at| mapped.from(at)), [10, 11, 12, 20, 21]);
        assert_eq!([1, 2, 3, 4].map(|at| mapped.to(at)), [11, 12, 14, 21]);
        assert_eq!(mapped.part(2..4).from(0), 12);
    }
}
