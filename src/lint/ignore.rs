//! `# safe-compose: ignore[rule] reason`: findings that somebody has looked at.
//!
//! Behind code it holds for that line, on a line of its own for the next; in both cases with everything that is
//! indented below that line.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Severity;
use super::rule::Found;
use super::rules;
use super::source::{FileId, Files, Span};
use crate::settings::LintLevel;

struct Ignore {
    rule: String,
    comment: Span,
    file: FileId,
    first: u32,
    last: u32,
    used: bool,
}

/// Leaves out what is ignored with a reason, and adds what is wrong with the ignores themselves.
pub(super) fn apply(files: &Files, found: Vec<Found>, levels: &BTreeMap<String, LintLevel>) -> Vec<Found> {
    let mut said = Vec::new();
    let mut ignores = Vec::new();
    for (id, file) in files.iter() {
        for (span, comment) in &file.comments {
            read(id, &file.text, *span, comment, &mut ignores, &mut said);
        }
    }
    let mut kept: Vec<Found> = found
        .into_iter()
        .filter(|found| {
            let line = found.span.start.line;
            let mut hit = false;
            for ignore in &mut ignores {
                if ignore.file == found.span.file
                    && ignore.rule == found.rule
                    && (ignore.first..=ignore.last).contains(&line)
                {
                    ignore.used = true;
                    hit = true;
                }
            }
            !hit
        })
        .collect();
    let off: BTreeSet<&str> =
        levels.iter().filter(|(_, level)| **level == LintLevel::Off).map(|(rule, _)| rule.as_str()).collect();
    let unused = ignores.iter().filter(|ignore| !ignore.used && !off.contains(ignore.rule.as_str()));
    said.extend(unused.map(|ignore| {
        let message = format!("nothing here is found by `{}`", ignore.rule);
        comment("unused-ignore", ignore.comment, message, "Take the comment away.")
    }));
    kept.extend(said.into_iter().filter(|found| !off.contains(found.rule)));
    kept
}

fn comment(rule: &'static str, span: Span, message: String, help: &str) -> Found {
    Found {
        rule,
        severity: Severity::Warning,
        span,
        message,
        help: Some(help.to_owned()),
        service: None,
        fix: None,
    }
}

fn read(file: FileId, text: &str, span: Span, words: &str, ignores: &mut Vec<Ignore>, said: &mut Vec<Found>) {
    let Some(rest) = words.trim().strip_prefix("safe-compose:") else { return };
    let rest = rest.trim();
    let parts = rest.strip_prefix("ignore[").and_then(|rest| rest.split_once(']'));
    let Some((names, reason)) = parts else {
        let message = format!("`{rest}` is no comment that safe-compose knows");
        said.push(comment(
            "unreasoned-ignore",
            span,
            message,
            "Write `# safe-compose: ignore[rule] reason`.",
        ));
        return;
    };
    if reason.trim().trim_start_matches(['-', ':']).trim().is_empty() {
        let message = "a finding is ignored only with a reason".to_owned();
        said.push(comment("unreasoned-ignore", span, message, "Say behind the `]` why it is safe."));
        return;
    }
    let (first, last) = reach(text, span);
    for name in names.split(',').map(str::trim) {
        if rules::find(name).is_none() {
            let message = format!("there is no rule `{name}`");
            let help = "`safe-compose lint --rules` lists them.";
            said.push(comment("unreasoned-ignore", span, message, help));
            continue;
        }
        ignores.push(Ignore { rule: name.to_owned(), comment: span, file, first, last, used: false });
    }
}

/// The lines that a comment holds for.
fn reach(text: &str, span: Span) -> (u32, u32) {
    let before = text.get(..span.start.byte as usize).unwrap_or_default();
    let alone = before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
    let skipped = if alone { span.start.line } else { span.start.line - 1 };
    let mut lines = text.lines().zip(1_u32..).skip(skipped as usize);
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let Some((line, first)) = lines.by_ref().find(|(line, _)| !blank(line)) else {
        return (span.start.line, span.start.line);
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(line);
    let below = lines.take_while(|(line, _)| blank(line) || indent(line) > own);
    let last = below.filter(|(line, _)| !blank(line)).last().map_or(first, |(_, number)| number);
    (first, last)
}
