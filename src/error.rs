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

/// The causes of an error on one line, from the outermost to the innermost: `cannot read x: permission denied`. A cause
/// that repeats a part of the one before it is left out, and so are the numbers of system errors.
pub fn causes(error: &anyhow::Error) -> String {
    causes_beside("", error)
}

/// The same, where `said` has been printed already.
pub fn causes_beside(said: &str, error: &anyhow::Error) -> String {
    join(said, error.chain())
}

/// The same of an error that is not owned.
pub fn causes_of(error: &(dyn std::error::Error + 'static)) -> String {
    join("", anyhow::Chain::new(error))
}

fn join(said: &str, chain: anyhow::Chain<'_>) -> String {
    let mut said = said.to_owned();
    let mut causes: Vec<String> = Vec::new();
    for cause in chain {
        let cause = without_error_numbers(cause.to_string().trim_end());
        if !said.contains(&cause) {
            said.clone_from(&cause);
            causes.push(cause);
        }
    }
    causes.join(": ")
}

/// `Permission denied (os error 13)` as `permission denied`.
fn without_error_numbers(text: &str) -> String {
    const MARK: &str = " (os error ";
    let mut plain = String::new();
    // The path of a temporary file says nothing to anybody.
    let mut rest = text.split(" at path \"").next().unwrap_or(text);
    while let Some((before, after)) = rest.split_once(MARK) {
        let Some((number, after)) = after.split_once(')') else { break };
        if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
            break;
        }
        // The system's message begins behind the last colon, in upper case.
        let start = before.rfind(": ").map_or(0, |at| at + 2);
        let (head, message) = before.split_at(start);
        let mut letters = message.chars();
        plain.push_str(head);
        plain.extend(letters.next().into_iter().flat_map(char::to_lowercase));
        plain.push_str(letters.as_str());
        rest = after;
    }
    plain.push_str(rest);
    plain
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

    #[test]
    fn causes_are_one_line_without_repetitions_and_numbers() {
        let error = |message: &str| anyhow::anyhow!("{message}");
        let denied = || error("Permission denied (os error 13)");
        assert_eq!(causes(&denied()), "permission denied");
        assert_eq!(causes(&denied().context("cannot read `x`")), "cannot read `x`: permission denied");
        assert_eq!(
            causes(&error("refused").context("`GET /` failed: refused").context("no answer")),
            "no answer: `GET /` failed: refused"
        );
        assert_eq!(causes_beside("no answer", &error("refused").context("no answer")), "refused");
        assert_eq!(
            causes(&error("connect: Connection refused (os error 111), gave up (os error x)")),
            "connect: connection refused, gave up (os error x)"
        );
        assert_eq!(
            causes(&error("No such file or directory (os error 2) at path \"/tmp/.new-AbC\"")),
            "no such file or directory"
        );
    }
}
