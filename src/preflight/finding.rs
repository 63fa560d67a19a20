//! One thing that is not right with a place where data is kept.

use super::repair::Repair;

/// What a finding means for the command, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckSeverity {
    /// The command must not run.
    Stop,
    /// The command must not run before it is mended, and we can mend it.
    Repair,
    /// Said, and the command runs.
    Warn,
    /// Something that could not be looked at.
    Note,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFinding {
    pub severity: CheckSeverity,
    pub service: String,
    /// What is wrong, as a fragment: `` `/srv/qdrant` does not exist ``.
    pub what: String,
    /// What comes of it.
    pub why: String,
    pub repair: Option<Repair>,
    /// A shell command that puts it right.
    pub suggest: Option<String>,
}

impl CheckFinding {
    pub(super) fn new(
        severity: CheckSeverity,
        service: &str,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            service: service.to_owned(),
            what: what.into(),
            why: why.into(),
            repair: None,
            suggest: None,
        }
    }

    #[must_use]
    pub(super) fn with_repair(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }

    /// The words of a command; they are quoted for a shell.
    #[must_use]
    pub(super) fn with_command<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggest = Some(shell_words::join(words));
        self
    }
}
