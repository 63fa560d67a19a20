//! A problem that a check has found with a data mount.

use super::repair::Repair;

/// What a finding means for the command, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckSeverity {
    /// The command must not run.
    Stop,
    /// The command must not run until it is repaired, and safe-compose can repair it.
    Repair,
    /// The problem is reported, and the command runs.
    Warn,
    /// Something could not be checked.
    Note,
}

/// A problem with a data mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFinding {
    pub severity: CheckSeverity,
    pub service: String,
    /// What is wrong, as a fragment: `` `/srv/qdrant` does not exist ``.
    pub what: String,
    /// The consequence, as a fragment.
    pub why: String,
    /// What safe-compose can do about it.
    pub repair: Option<Repair>,
    /// A shell command that fixes the problem.
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

    /// Adds the command that fixes the problem, quoted for a shell.
    #[must_use]
    pub(super) fn with_command<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggest = Some(shell_words::join(words));
        self
    }
}
