//! Comments for this program in scripts.

use super::line_index::LineIndex;
use crate::lint::span::{FileId, Span};

/// What such a comment contains.
const MARK: &str = "safe-compose: ignore[";

/// The comments of a script, after a `#` or, in JSON, as a string.
pub(super) fn comments(file: FileId, text: &str, lines: &LineIndex<'_>) -> Vec<(Span, String)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.find(MARK)
            && line[..at].trim_end().ends_with(['#', '"'])
        {
            let comment = line[at..].trim_end_matches(['\n', '\r', ' ', '\t', '"', ',']);
            let from = start + at;
            found.push((lines.span(file, from, from + comment.len()), comment.to_owned()));
        }
        start += line.len();
    }
    found
}
