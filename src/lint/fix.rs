//! Edits that fix a finding and keep every other byte of the file, comments and formatting included.

use std::collections::BTreeMap;

use super::files::SourceFiles;
use super::span::{FileId, Span};

/// The edits that fix a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fix {
    pub edits: Vec<TextEdit>,
}

/// Bytes of a file that are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextEdit {
    pub file: FileId,
    pub from: usize,
    pub to: usize,
    pub text: String,
}

impl Fix {
    /// Inserts text before a span.
    pub(crate) fn before(span: Span, text: impl Into<String>) -> Self {
        Self::bytes(span.file, span.start.byte as usize, span.start.byte as usize, text)
    }

    /// Replaces a span.
    pub(crate) fn replace(span: Span, text: impl Into<String>) -> Self {
        Self::bytes(span.file, span.start.byte as usize, span.end.byte as usize, text)
    }

    /// Inserts a key before a key of a block mapping, with the same indentation.
    pub(crate) fn new_key(files: &SourceFiles, key: Span, text: &str) -> Option<Self> {
        let contents = &files.get(key.file).text;
        let at = key.start.byte as usize;
        let line = contents.get(..at)?.rsplit('\n').next()?;
        // A key after `- ` or `{` does not start its line.
        line.chars().all(|letter| letter == ' ').then(|| Self::before(key, format!("{text}\n{line}")))
    }

    /// Appends lines to a file.
    pub(crate) fn at_end(files: &SourceFiles, file: FileId, text: &str) -> Self {
        let contents = &files.get(file).text;
        let gap = if contents.is_empty() || contents.ends_with('\n') { "" } else { "\n" };
        Self::bytes(file, contents.len(), contents.len(), format!("{gap}{text}\n"))
    }

    fn bytes(file: FileId, from: usize, to: usize, text: impl Into<String>) -> Self {
        Self { edits: vec![TextEdit { file, from, to, text: text.into() }] }
    }
}

/// The new text of every file that the fixes change. Of two fixes that change the same bytes, the later is left out; the
/// next run finds it again.
pub(crate) fn apply<'a>(
    files: &SourceFiles,
    wanted: impl IntoIterator<Item = &'a Fix>,
) -> BTreeMap<FileId, String> {
    let mut by_file: BTreeMap<FileId, Vec<&TextEdit>> = BTreeMap::new();
    let mut taken: Vec<&TextEdit> = Vec::new();
    for fix in wanted {
        let clash = |edit: &TextEdit| {
            taken.iter().any(|known| {
                known.file == edit.file
                    && known != &edit
                    && (known.from < edit.to && edit.from < known.to
                        || known.from == edit.from && known.to == edit.to && known.to > known.from)
            })
        };
        if fix.edits.iter().any(clash) {
            continue;
        }
        for edit in &fix.edits {
            if !taken.contains(&edit) {
                taken.push(edit);
                by_file.entry(edit.file).or_default().push(edit);
            }
        }
    }
    by_file
        .into_iter()
        .map(|(file, mut edits)| {
            edits.sort_by_key(|edit| (edit.from, edit.to));
            let old = &files.get(file).text;
            let mut new = String::with_capacity(old.len() + 64);
            let mut at = 0;
            for edit in edits {
                new.push_str(&old[at..edit.from]);
                new.push_str(&edit.text);
                at = edit.to;
            }
            new.push_str(&old[at..]);
            (file, new)
        })
        .collect()
}

/// The change in the format of `diff -u` and `git apply`.
pub(crate) fn diff(name: &str, old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}
