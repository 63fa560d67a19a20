//! Errors as a person reads them: what failed, why, and what to do next.

use std::fmt;

use crate::exit::Exit;

/// A failure with its exit code and what to do about it.
///
/// The message is a lowercase fragment without a period; the causes of the wrapped error follow it, one a line.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub cause: Option<anyhow::Error>,
    pub hints: Vec<Hint>,
}

/// One thing to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A sentence.
    Say(String),
    /// A command to run, with the sentence that introduces it. Only [`crate::suggest`] builds them, so that a test can
    /// pass every one of them through the guard.
    Run { why: String, command: String },
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), cause: None, hints: Vec::new() }
    }

    /// Adds the cause, with its hints.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        let cause = cause.into();
        if let Some(inner) = cause.downcast_ref::<Self>() {
            self.hints.extend(inner.hints.iter().cloned());
        }
        self.cause = Some(cause);
        self
    }

    /// Adds a sentence of advice.
    #[must_use]
    pub fn say(mut self, advice: impl Into<String>) -> Self {
        self.hints.push(Hint::Say(advice.into()));
        self
    }

    /// Adds a command to run.
    #[must_use]
    pub fn run(mut self, why: impl Into<String>, command: impl Into<String>) -> Self {
        self.hints.push(Hint::Run { why: why.into(), command: command.into() });
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_from_below_is_not_lost() {
        let inner = Failure::new(Exit::Refused, "the volume is not empty").say("Empty it first.");
        let outer = Failure::new(Exit::BackupFailed, "not restored")
            .because(anyhow::Error::from(inner).context("in between"));
        assert_eq!(outer.hints, [Hint::Say("Empty it first.".into())]);
        assert_eq!(outer.exit, Exit::BackupFailed);
    }
}
