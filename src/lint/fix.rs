//! Changes to files that keep every other byte: comments and formatting stay.

use std::collections::BTreeMap;

use super::source::{FileId, Files, Span};

/// What would mend a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub edits: Vec<Edit>,
}

/// One stretch of bytes replaced by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub file: FileId,
    pub from: usize,
    pub to: usize,
    pub text: String,
}

impl Fix {
    /// Puts text before the beginning of a stretch.
    pub fn before(span: Span, text: impl Into<String>) -> Self {
        Self::bytes(span.file, span.start.byte as usize, span.start.byte as usize, text)
    }

    /// Puts text in the place of a stretch.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self::bytes(span.file, span.start.byte as usize, span.end.byte as usize, text)
    }

    /// A new key before a key of a block mapping, in its indentation.
    pub fn new_key(files: &Files, key: Span, text: &str) -> Option<Self> {
        let whole = &files.get(key.file).text;
        let at = key.start.byte as usize;
        let line = whole.get(..at)?.rsplit('\n').next()?;
        // A key behind `- ` or `{` does not begin its line.
        line.chars().all(|letter| letter == ' ').then(|| Self::before(key, format!("{text}\n{line}")))
    }

    /// Lines at the end of a file.
    pub fn at_end(files: &Files, file: FileId, text: &str) -> Self {
        let whole = &files.get(file).text;
        let gap = if whole.is_empty() || whole.ends_with('\n') { "" } else { "\n" };
        Self::bytes(file, whole.len(), whole.len(), format!("{gap}{text}\n"))
    }

    fn bytes(file: FileId, from: usize, to: usize, text: impl Into<String>) -> Self {
        Self { edits: vec![Edit { file, from, to, text: text.into() }] }
    }
}

/// The new text of every file that fixes change. Of two that touch the same bytes the later is left out: the next run
/// finds it again.
pub fn apply<'a>(files: &Files, wanted: impl IntoIterator<Item = &'a Fix>) -> BTreeMap<FileId, String> {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    let mut taken: Vec<&Edit> = Vec::new();
    for fix in wanted {
        let clash = |edit: &Edit| {
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

/// What changes, as `diff -u` and `git apply` have it.
pub fn diff(name: &str, old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}
