//! What a command would do, shown instead of doing it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::format;
use crate::cli::Format;
use crate::exit::Exit;
use crate::ui::Ui;

/// One change that a command would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedChange {
    /// In the infinitive: `remove`.
    pub(super) action: &'static str,
    /// What is changed: ``backup `qdrant_backup_…` ``.
    pub(super) subject: String,
    pub(super) detail: Option<String>,
}

/// Every change that a command would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DryRun {
    pub(super) command: &'static str,
    pub(super) changes: Vec<PlannedChange>,
    /// The backups that a prune would keep, each with the reasons.
    pub(super) kept: Vec<(String, Vec<String>)>,
    /// The confirmation that the command would ask for, where it would: what `--safe-allow` takes.
    pub(super) token: Option<String>,
}

impl PlannedChange {
    pub(super) fn new(action: &'static str, subject: impl Into<String>) -> Self {
        Self { action, subject: subject.into(), detail: None }
    }

    #[must_use]
    pub(super) fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn json(&self) -> Value {
        json!({ "action": self.action, "subject": self.subject, "detail": self.detail })
    }
}

impl DryRun {
    pub(super) fn new(command: &'static str, changes: Vec<PlannedChange>) -> Self {
        Self { command, changes, kept: Vec::new(), token: None }
    }

    /// Prints the changes. A dry run that could be planned has succeeded.
    pub(super) fn show(&self, ui: &Ui, output: Format) -> Exit {
        match output {
            Format::Text => ui.paragraph(self.to_string()),
            Format::Json => {
                let mut value = json!({
                    "format": "safe-compose-dry-run",
                    "format_version": 1,
                    "command": self.command,
                    "changes": self.changes(),
                    "token": self.token,
                });
                if !self.kept.is_empty() {
                    let reasons: BTreeMap<_, _> = self.kept.iter().cloned().collect();
                    value["reasons"] = json!(reasons);
                }
                ui.result(format::json(&value));
            }
        }
        Exit::Success
    }
}

impl DryRun {
    /// The changes, as they are announced before they are made.
    pub(super) fn announcement(&self) -> String {
        format!("This will:\n{}", self.lines())
    }

    /// The changes as JSON.
    pub(super) fn changes(&self) -> Vec<Value> {
        self.changes.iter().map(PlannedChange::json).collect()
    }

    fn lines(&self) -> String {
        let line = |change: &PlannedChange| match &change.detail {
            Some(detail) => format!("  {} {} ({detail})\n", change.action, change.subject),
            None => format!("  {} {}\n", change.action, change.subject),
        };
        self.changes.iter().map(line).collect()
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Dry run of `{}`: nothing was changed.", self.command)?;
        if self.changes.is_empty() {
            return writeln!(f, "The command would change nothing.");
        }
        write!(f, "The command would:\n{}", self.lines())?;
        match &self.token {
            Some(token) => {
                writeln!(
                    f,
                    "It would ask for confirmation. Without a terminal, `--safe-allow={token}` confirms exactly this plan."
                )
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_listed_one_a_line() {
        let changes = vec![
            PlannedChange::new("remove", "backup `db_backup_20260102_030405`"),
            PlannedChange::new("replace", "collection `recipes`").with("50 points"),
        ];
        let plan = DryRun { token: Some("0123456789ab".into()), ..DryRun::new("restore", changes) };
        insta::assert_snapshot!(plan, @r"
        Dry run of `restore`: nothing was changed.
        The command would:
          remove backup `db_backup_20260102_030405`
          replace collection `recipes` (50 points)
        It would ask for confirmation. Without a terminal, `--safe-allow=0123456789ab` confirms exactly this plan.
        ");
        insta::assert_snapshot!(DryRun::new("backups prune", Vec::new()), @r"
        Dry run of `backups prune`: nothing was changed.
        The command would change nothing.
        ");
    }
}
