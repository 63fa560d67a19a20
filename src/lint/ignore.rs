//! `# safe-compose: ignore[rule] reason`: findings that somebody has reviewed.
//!
//! The syntax is the same in Compose files and in scripts. Without a reason nothing is ignored.

use super::files::SourceFiles;
use super::finding::LintSeverity;
use super::levels::RuleLevels;
use super::rule::FindingDraft;
use super::rules;
use super::span::Span;

/// What every comment for this program starts with.
const PREFIX: &str = "safe-compose:";

/// Which lines a comment covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommentScope {
    /// In a Compose file: the line before it or, on a line of its own, the next one; with what is indented below.
    Block,
    /// In a script: every command that has a part on its line or, on a line of its own, on the next one.
    Command,
}

/// One rule of one comment.
struct Ignore {
    rule: String,
    comment: Span,
    first: u32,
    last: u32,
    used: bool,
}

/// Splits off the findings that are not ignored. The second list is what is wrong with the comments themselves; only
/// Compose files have it, because in scripts the text of a comment may belong to a string or a here-document.
pub(super) fn apply(
    files: &SourceFiles,
    drafts: Vec<FindingDraft>,
    scope: CommentScope,
    levels: &RuleLevels,
) -> (Vec<FindingDraft>, Vec<FindingDraft>) {
    let mut misused = Vec::new();
    let mut ignores = Vec::new();
    for (_, file) in files.iter() {
        for (span, comment) in &file.comments {
            match parse(comment) {
                Ok(None) => {}
                Ok(Some(comment)) => {
                    let (first, last) = covered_lines(&file.text, *span, scope);
                    for rule in comment.rules {
                        ignores.push(Ignore { rule, comment: *span, first, last, used: false });
                    }
                    misused.extend(comment.unknown.iter().map(|rule| {
                        let message = format!("there is no rule `{rule}`");
                        let help = "Run `safe-compose lint --rules` to list the rules.";
                        misuse("unreasoned-ignore", *span, message, help)
                    }));
                }
                Err(error) => {
                    misused.push(misuse("unreasoned-ignore", *span, error.message, error.help));
                }
            }
        }
    }
    let mut kept = drafts;
    kept.retain(|draft| {
        let (first, last) = match scope {
            CommentScope::Block => (draft.span.start.line, draft.span.start.line),
            CommentScope::Command => (draft.span.start.line, draft.span.end.line),
        };
        let mut ignored = false;
        for ignore in &mut ignores {
            let covers =
                ignore.comment.file == draft.span.file && first <= ignore.last && ignore.first <= last;
            if covers && ignore.rule == draft.rule {
                ignore.used = true;
                ignored = true;
            }
        }
        !ignored
    });
    match scope {
        CommentScope::Block => {
            let unused = ignores.iter().filter(|ignore| !ignore.used && !levels.is_off(&ignore.rule));
            misused.extend(unused.map(|ignore| {
                let message = format!("the comment ignores nothing: `{}` has no finding here", ignore.rule);
                misuse("unused-ignore", ignore.comment, message, "Remove the comment.")
            }));
        }
        CommentScope::Command => misused.clear(),
    }
    (kept, misused)
}

fn misuse(rule: &'static str, span: Span, message: String, help: &str) -> FindingDraft {
    FindingDraft {
        rule,
        severity: LintSeverity::Warning,
        span,
        message,
        help: Some(help.to_owned()),
        service: None,
        fix: None,
    }
}

/// A comment with a reason.
struct IgnoreComment {
    rules: Vec<String>,
    /// Names that no rule has.
    unknown: Vec<String>,
}

/// A comment for this program that ignores nothing.
struct IgnoreError {
    message: String,
    help: &'static str,
}

/// Reads a comment. `None` if it is not for this program.
fn parse(comment: &str) -> Result<Option<IgnoreComment>, IgnoreError> {
    let Some(rest) = comment.trim().strip_prefix(PREFIX) else { return Ok(None) };
    let rest = rest.trim();
    let parts = rest.strip_prefix("ignore[").and_then(|rest| rest.split_once(']'));
    let Some((names, reason)) = parts else {
        return Err(IgnoreError {
            message: format!("`{rest}` is not a comment that safe-compose understands"),
            help: "Write `# safe-compose: ignore[rule] reason`.",
        });
    };
    if reason.trim().trim_start_matches(['-', ':']).trim().is_empty() {
        return Err(IgnoreError {
            message: "the comment has no reason, so it ignores nothing".to_owned(),
            help: "Say after the `]` why the finding is not a problem.",
        });
    }
    let names = names.split(',').map(|name| name.trim().to_owned());
    let (rules, unknown) = names.partition(|name| rules::find(name).is_some());
    Ok(Some(IgnoreComment { rules, unknown }))
}

/// The lines that a comment covers.
fn covered_lines(text: &str, comment: Span, scope: CommentScope) -> (u32, u32) {
    let before = text.get(..comment.start.byte as usize).unwrap_or_default();
    let before = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let line = comment.start.line;
    match scope {
        CommentScope::Block => covered_block(text, comment, before.is_empty()),
        // In JSON a comment is an entry whose key starts with two slashes.
        CommentScope::Command if before.starts_with('#') || before.starts_with("\"//") => (line, line + 1),
        CommentScope::Command => (line, line),
    }
}

fn covered_block(text: &str, comment: Span, alone: bool) -> (u32, u32) {
    let skipped = if alone { comment.start.line } else { comment.start.line - 1 };
    let mut lines = text.lines().zip(1_u32..).skip(skipped as usize);
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let Some((line, first)) = lines.by_ref().find(|(line, _)| !blank(line)) else {
        return (comment.start.line, comment.start.line);
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(line);
    let below = lines.take_while(|(line, _)| blank(line) || indent(line) > own);
    let last = below.filter(|(line, _)| !blank(line)).last().map_or(first, |(_, number)| number);
    (first, last)
}
