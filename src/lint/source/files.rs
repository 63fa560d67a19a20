//! The files of a project, and places in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::lint::finding::Place;

/// A file of [`Files`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A position: line and column count from 1, the column in characters; `byte` counts from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    pub line: u32,
    pub column: u32,
    pub byte: u32,
}

impl Point {
    pub const START: Self = Self { line: 1, column: 1, byte: 0 };
}

/// A stretch of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: Point,
    pub end: Point,
}

impl Span {
    /// The beginning of a file, where nothing better is known.
    pub fn start_of(file: FileId) -> Self {
        Self { file, start: Point::START, end: Point::START }
    }

    /// A part of a stretch that lies on one line, by bytes from its start.
    #[must_use]
    pub fn part(self, text: &str, from: usize, to: usize) -> Self {
        let point = |byte: usize| {
            let before = text.get(..byte)?;
            let letters = u32::try_from(before.chars().count()).ok()?;
            let byte = u32::try_from(byte).ok()?;
            Some(Point {
                line: self.start.line,
                column: self.start.column + letters,
                byte: self.start.byte + byte,
            })
        };
        if self.start.line != self.end.line {
            return self;
        }
        match (point(from), point(to)) {
            (Some(start), Some(end)) => Self { file: self.file, start, end },
            _ => self,
        }
    }
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// As it was given or found.
    pub path: PathBuf,
    /// Where its relative paths start.
    pub base: PathBuf,
    pub text: Arc<str>,
    /// Its comments: where they stand and what they say, without the `#`.
    pub comments: Vec<(Span, String)>,
}

/// Every file that a project was read from.
#[derive(Debug, Default)]
pub struct Files(Vec<File>);

impl Files {
    pub fn add(&mut self, path: PathBuf, base: PathBuf, text: Arc<str>) -> FileId {
        let id = FileId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(File { path, base, text, comments: Vec::new() });
        id
    }

    pub fn get(&self, id: FileId) -> &File {
        &self.0[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: FileId) -> &mut File {
        &mut self.0[id.0 as usize]
    }

    /// Where relative paths of a file start.
    pub fn base(&self, id: FileId) -> &Path {
        &self.get(id).base
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &File)> {
        (0..).map(FileId).zip(&self.0)
    }

    /// The text that a stretch covers.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start.byte as usize..span.end.byte as usize).unwrap_or_default()
    }

    /// Whether a stretch is an item of a block list: a dash and nothing else comes before it on its line.
    pub fn is_list_item(&self, span: Span) -> bool {
        let whole = &self.get(span.file).text;
        let line = whole.get(..span.start.byte as usize).and_then(|before| before.rsplit('\n').next());
        line.is_some_and(|line| line.trim() == "-")
    }

    /// A stretch as people and editors count.
    pub fn place(&self, span: Span) -> Place {
        Place {
            file: self.get(span.file).path.clone(),
            line: span.start.line as usize,
            column: span.start.column as usize,
            end_line: span.end.line as usize,
            end_column: span.end.column as usize,
        }
    }
}
