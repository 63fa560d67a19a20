//! Positions in the files that lint reads.

/// A file of [`SourceFiles`](super::files::SourceFiles).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(super) u32);

/// A position: line and column count from 1, the column in characters; `byte` counts from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TextPosition {
    pub line: u32,
    pub column: u32,
    pub byte: u32,
}

impl TextPosition {
    pub(crate) const START: Self = Self { line: 1, column: 1, byte: 0 };
}

/// A range of one file: from the first character up to, and without, the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub file: FileId,
    pub start: TextPosition,
    pub end: TextPosition,
}

impl Span {
    /// The start of a file, for findings about the complete file.
    pub(crate) fn start_of(file: FileId) -> Self {
        Self { file, start: TextPosition::START, end: TextPosition::START }
    }

    /// A part of a span that covers one line, by bytes from its start. The complete span if it covers more.
    #[must_use]
    pub(crate) fn part(self, text: &str, from: usize, to: usize) -> Self {
        let point = |byte: usize| {
            let before = text.get(..byte)?;
            let letters = u32::try_from(before.chars().count()).ok()?;
            let byte = u32::try_from(byte).ok()?;
            Some(TextPosition {
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
