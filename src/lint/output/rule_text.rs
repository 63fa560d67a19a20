//! What is said of a rule as such.

use crate::lint::finding::Severity;

#[derive(Debug, Clone, Copy)]
pub struct RuleText<'a> {
    pub id: &'a str,
    /// Unless the rule or the settings say otherwise.
    pub severity: Severity,
    /// The rule's doc comment, as it is written.
    explain: &'a str,
}

impl<'a> RuleText<'a> {
    pub fn new(id: &'a str, severity: Severity, explain: &'a str) -> Self {
        Self { id, severity, explain }
    }

    /// The first line of its explanation.
    pub fn summary(&self) -> &'a str {
        self.explain.lines().next().unwrap_or_default().trim()
    }

    /// Its explanation, in Markdown.
    pub fn text(&self) -> String {
        let lines = self.explain.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.map(|line| format!("{line}\n")).collect()
    }
}
