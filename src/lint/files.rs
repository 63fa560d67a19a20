//! The files that lint has read: their text, their comments, and where a span is in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding::FileRange;
use super::span::{FileId, Span};

/// One file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// As it was named or found.
    pub path: PathBuf,
    /// The directory that its relative paths start from.
    pub base: PathBuf,
    pub text: Arc<str>,
    /// Its comments and their text, without the `#`.
    pub comments: Vec<(Span, String)>,
}

/// Every file of one run over a project or a script.
#[derive(Debug, Default)]
pub(crate) struct SourceFiles(Vec<SourceFile>);

impl SourceFiles {
    pub(crate) fn add(&mut self, path: PathBuf, base: PathBuf, text: Arc<str>) -> FileId {
        let id = FileId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(SourceFile { path, base, text, comments: Vec::new() });
        id
    }

    pub(crate) fn get(&self, id: FileId) -> &SourceFile {
        &self.0[id.0 as usize]
    }

    pub(crate) fn set_comments(&mut self, id: FileId, comments: Vec<(Span, String)>) {
        self.0[id.0 as usize].comments = comments;
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The directory that relative paths of a file start from.
    pub(crate) fn base(&self, id: FileId) -> &Path {
        &self.get(id).base
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        (0..).map(FileId).zip(&self.0)
    }

    /// The text of a span.
    pub(crate) fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start.byte as usize..span.end.byte as usize).unwrap_or_default()
    }

    /// Whether a span is an item of a block list: nothing but a dash comes before it on its line.
    pub(crate) fn is_list_item(&self, span: Span) -> bool {
        let text = &self.get(span.file).text;
        let line = text.get(..span.start.byte as usize).and_then(|before| before.rsplit('\n').next());
        line.is_some_and(|line| line.trim() == "-")
    }

    /// A span in the form in which people and editors count.
    pub(crate) fn range(&self, span: Span) -> FileRange {
        FileRange {
            file: self.get(span.file).path.clone(),
            line: span.start.line as usize,
            column: span.start.column as usize,
            end_line: span.end.line as usize,
            end_column: span.end.column as usize,
        }
    }
}
