//! A script inside a file, and what is known before it runs.

use crate::lint::scripts::mapped_text::MappedText;
use crate::lint::scripts::shell::ShellScope;

/// One script that one shell runs.
#[derive(Debug, Default)]
pub(in crate::lint::scripts) struct Script {
    pub text: MappedText,
    /// The variables and functions that are defined before it runs.
    pub scope: ShellScope<'static>,
    /// It runs on a machine that is discarded afterwards.
    pub throwaway: bool,
    /// It runs on another machine.
    pub remote: bool,
}

impl Script {
    pub(super) fn new(text: MappedText) -> Self {
        Self { text, ..Self::default() }
    }
}
