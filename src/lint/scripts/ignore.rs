//! `# safe-compose: ignore[rule] reason`: what a person has looked at, and why it is right.
//!
//! It stands behind the command or on the line above it. JSON has no comments; there it is the text of an entry above
//! (`"//clean": "safe-compose: ignore[…] reason"`). Without a reason it is not heeded.

use super::snippet::Lines;
use crate::lint::finding::Finding;

const MARK: &str = "safe-compose: ignore[";

/// Leaves out the findings that are ignored with a reason.
pub(super) fn apply(lines: &Lines<'_>, found: Vec<Finding>) -> Vec<Finding> {
    let is_ignored = |finding: &Finding| {
        let (first, last) = (finding.place.line, finding.place.end_line);
        (first.saturating_sub(1)..=last).any(|line| {
            let alone = line >= first || is_comment(lines.line(line));
            alone && ignores(lines.line(line), finding.rule)
        })
    };
    found.into_iter().filter(|finding| !is_ignored(finding)).collect()
}

/// Whether a line is nothing but a comment; one behind another command is about that command.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("\"//")
}

fn ignores(line: &str, rule: &str) -> bool {
    let Some((before, rest)) = line.split_once(MARK) else { return false };
    let is_comment = before.trim_end().ends_with(['#', '"']);
    let Some((rules, reason)) = rest.split_once(']') else { return false };
    let reason = reason.trim_matches([' ', '\t', '"', ',']);
    is_comment && !reason.is_empty() && rules.split(',').any(|name| name.trim() == rule)
}
