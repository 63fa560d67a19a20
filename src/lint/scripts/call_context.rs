//! What a rule for scripts can look at.

use super::call_readings::CallReadings;
use super::calls::ScriptCall;
use super::data_directories::DataDirectories;
use super::line_index::LineIndex;
use crate::lint::span::{FileId, Span};

/// One call of a program in a script.
pub(in crate::lint) struct CallContext<'a> {
    pub(super) call: &'a ScriptCall,
    /// How Compose and `docker` would read the call.
    pub(super) readings: &'a CallReadings,
    /// Where data is kept, according to the Compose files near the script.
    pub(super) directories: &'a DataDirectories,
    pub(super) file: FileId,
    pub(super) lines: &'a LineIndex<'a>,
}

impl CallContext<'_> {
    /// The call in the file.
    pub(super) fn span(&self) -> Span {
        self.lines.span(self.file, self.call.from, self.call.to)
    }
}
