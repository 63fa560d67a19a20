//! The only place that prints and asks.
//!
//! Everything about a guarded command goes to standard error, so that Compose's standard output stays Compose's.
//! Results of our own commands go to standard output.

mod ask;
pub mod findings;
mod progress;
mod report;
pub mod table;

use std::io::{IsTerminal as _, Write as _};

use console::{Style, Term};

pub use progress::Meter;

use crate::error::Failure;

/// The person in front of us, or the lack of one.
#[derive(Debug, Clone)]
pub struct Ui {
    error: Term,
    /// Colours and moving bars may be used on standard error.
    rich: bool,
    /// Somebody can be asked: standard input and standard error are a terminal.
    terminal: bool,
}

impl Ui {
    /// `plain` is what `NO_COLOR` or `TERM=dumb` ask for.
    pub fn new(plain: bool, dumb: bool) -> Self {
        let error = Term::stderr();
        let shown = std::io::stderr().is_terminal();
        if plain || dumb {
            console::set_colors_enabled(false);
            console::set_colors_enabled_stderr(false);
        }
        Self { rich: shown && !dumb, terminal: shown && std::io::stdin().is_terminal(), error }
    }

    /// Whether somebody can be asked.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A sentence about what we do, marked as ours.
    pub fn say(&self, line: impl AsRef<str>) {
        self.line(&Style::new().dim(), "safe-compose", line.as_ref());
    }

    /// Good news.
    pub fn good(&self, line: impl AsRef<str>) {
        self.line(&Style::new().green(), "safe-compose", line.as_ref());
    }

    /// Something to look at.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.line(&Style::new().yellow().bold(), "safe-compose: warning", line.as_ref());
    }

    /// Unmarked text, for tables and lists.
    pub fn text(&self, text: impl AsRef<str>) {
        self.raw(text.as_ref());
    }

    /// A result, on standard output. A reader that has gone away is no fault.
    pub fn result(&self, text: impl AsRef<str>) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", text.as_ref().trim_end_matches('\n'));
        let _ = out.flush();
    }

    /// Why we stop, and what to do about it.
    pub fn failure(&self, failure: &Failure) {
        self.raw(&report::render(failure));
    }

    /// Asks for a word to be typed. `None` when nobody answered.
    pub fn ask(&self, word: &str) -> Option<String> {
        if self.terminal { ask::typed(word) } else { None }
    }

    /// Something that shows progress here.
    pub fn meter(&self) -> Meter {
        Meter::new(self.rich)
    }

    fn line(&self, style: &Style, mark: &str, line: &str) {
        let mark = style.clone().for_stderr().apply_to(format!("{mark}:"));
        self.raw(&format!("{mark} {line}"));
    }

    fn raw(&self, text: &str) {
        // A closed standard error must not stop a command.
        let _ = self.error.write_line(text.trim_end_matches('\n'));
    }
}
