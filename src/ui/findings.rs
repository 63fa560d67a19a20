//! Findings of `lint` for people: the message, the line with a marker, and what to do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::lint::{LintFinding, LintSeverity};
use crate::units;

/// The rule that finds secrets: what it marks is not shown, because logs of CI are read by more people than files.
const SECRETS: &str = "secret-in-settings";

/// The longest part of a line that is shown, in characters.
const MAX_WIDTH: usize = 160;

/// All findings, and a summary. In colour if standard output shows colours.
pub fn render(findings: &[LintFinding], texts: &BTreeMap<PathBuf, Arc<str>>) -> String {
    let renderer = if console::colors_enabled() { Renderer::styled() } else { Renderer::plain() };
    render_with(&renderer.term_width(MAX_WIDTH), findings, texts)
}

fn render_with(renderer: &Renderer, findings: &[LintFinding], texts: &BTreeMap<PathBuf, Arc<str>>) -> String {
    let mut out = String::new();
    for finding in findings {
        let text = texts.get(&finding.location.file).map_or("", |text| &**text);
        out.push_str(&renderer.render(&[group(finding, text)]));
        out.push_str("\n\n");
    }
    out.push_str(&summary(findings));
    out
}

fn group<'a>(finding: &'a LintFinding, text: &str) -> Group<'a> {
    let level = match finding.severity {
        LintSeverity::Error => Level::ERROR,
        LintSeverity::Warning => Level::WARNING,
        LintSeverity::Info => Level::INFO,
    };
    let location = &finding.location;
    let path = printable(&location.file.to_string_lossy()).into_owned();
    let group = Group::with_title(level.primary_title(printable(&finding.message)).id(finding.rule));
    let group = match text.lines().nth(location.line - 1) {
        Some(line) => {
            let (source, marked) = excerpt(line, finding);
            let marker = AnnotationKind::Primary.span(marked);
            group.element(Snippet::source(source).path(path).line_start(location.line).annotation(marker))
        }
        None => group.element(Origin::path(path).line(location.line).char_column(location.column)),
    };
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(printable(help))),
        None => group,
    }
}

/// A line up to a little after the finding, and the bytes to mark. Of a finding on several lines only the first is shown.
fn excerpt(line: &str, finding: &LintFinding) -> (String, Range<usize>) {
    let location = &finding.location;
    let line = if finding.rule == SECRETS {
        masked(&printable(line), finding)
    } else {
        printable(line).into_owned()
    };
    let offset = |column: usize| line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at);
    let start = offset(location.column);
    let end = if location.end_line == location.line { offset(location.end_column) } else { line.len() };
    let shown = line[start..].char_indices().nth(MAX_WIDTH).map_or(line.len(), |(at, _)| start + at);
    (line[..shown].to_owned(), start..end.clamp(start, shown))
}

/// A line in which what is marked is only shown to be there.
fn masked(line: &str, finding: &LintFinding) -> String {
    let location = &finding.location;
    let end = if location.end_line == location.line { location.end_column } else { usize::MAX };
    let is_marked = |column: usize| (location.column..end).contains(&column);
    line.chars().zip(1..).map(|(letter, column)| if is_marked(column) { '*' } else { letter }).collect()
}

/// Text without control characters, which could change what a terminal shows.
fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
    } else {
        text.into()
    }
}

fn summary(findings: &[LintFinding]) -> String {
    if findings.is_empty() {
        return "No problems found.\n".to_owned();
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let parts: Vec<String> = [LintSeverity::Error, LintSeverity::Warning, LintSeverity::Info]
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| units::count(count(severity), severity.name()))
        .collect();
    format!("Found {}. For details: `safe-compose lint --explain RULE`.\n", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::FileRange;

    fn finding(message: &str, line: usize, columns: Range<usize>) -> LintFinding {
        LintFinding {
            rule: "some-rule",
            severity: LintSeverity::Warning,
            location: FileRange {
                file: "compose.yaml".into(),
                line,
                column: columns.start,
                end_line: line,
                end_column: columns.end,
            },
            message: message.into(),
            help: Some("Do something.".into()),
            service: None,
        }
    }

    fn rendered(findings: &[LintFinding], text: &str) -> String {
        let texts = BTreeMap::from([(PathBuf::from("compose.yaml"), Arc::from(text))]);
        render_with(&Renderer::plain().term_width(MAX_WIDTH), findings, &texts)
    }

    #[test]
    fn a_finding_shows_its_line() {
        let mut error = finding("data is lost", 2, 3..5);
        error.severity = LintSeverity::Error;
        let mut info = finding("the file is missing", 9, 1..1);
        info.severity = LintSeverity::Info;
        info.help = None;
        let shown = rendered(&[error, finding("té", 3, 9..10), info], "services:\n  db:\n    é: ü # x\n");
        insta::assert_snapshot!(shown, @r"
        error[some-rule]: data is lost
         --> compose.yaml:2:3
          |
        2 |   db:
          |   ^^
          |
          = help: Do something.

        warning[some-rule]: té
         --> compose.yaml:3:9
          |
        3 |     é: ü # x
          |         ^
          |
          = help: Do something.

        info[some-rule]: the file is missing
        --> compose.yaml:9:1

        Found 1 error, 1 warning, 1 info. For details: `safe-compose lint --explain RULE`.
        ");
    }

    #[test]
    fn nothing_found() {
        assert_eq!(rendered(&[], ""), "No problems found.\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut hostile = finding("red \u{1b}[31m \u{9b}31m", 1, 3..40);
        hostile.location.file = "a\u{1b}c".into();
        hostile.help = Some("\u{1b}]0;title\u{7}".into());
        let texts = BTreeMap::from([(
            hostile.location.file.clone(),
            Arc::from("x: \u{1b}[31m \u{202e} \u{9b}0m\ty"),
        )]);
        let shown = render_with(&Renderer::plain(), &[hostile], &texts);
        assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{shown:?}");
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
    }

    #[test]
    fn a_secret_that_was_found_is_not_shown() {
        let line = "  url: \"https://a/?token=hunter2\", more: x";
        let secret = LintFinding { rule: SECRETS, ..finding("a secret", 1, 8..34) };
        let shown = rendered(&[secret], line);
        assert!(shown.contains("  url: ****") && shown.contains(", more: x"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(rendered(&[finding("another", 1, 8..34)], line).contains("hunter2"));
    }

    #[test]
    fn a_long_line_is_cut() {
        let text = format!("{}docker compose down -v{}", "x".repeat(5000), "y".repeat(5000));
        let shown = rendered(&[finding("long", 1, 5001..5023)], &text);
        assert!(shown.contains("compose.yaml:1:5001") && shown.contains("docker compose down -v"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= MAX_WIDTH + 20), "{shown}");
    }

    #[test]
    fn any_range_of_a_line_is_rendered() {
        for line in ["", "é", "abc", "\t\t", "日本語"] {
            for start in 1..5 {
                for end in start..6 {
                    let shown = rendered(&[finding("any", 1, start..end)], line);
                    assert!(shown.contains("some-rule"), "{shown}");
                }
            }
        }
    }

    #[test]
    fn colours_are_only_used_if_asked_for() {
        let findings = [finding("any", 1, 1..2)];
        assert!(!rendered(&findings, "abc").contains('\u{1b}'));
        let styled = render_with(&Renderer::styled(), &findings, &BTreeMap::new());
        assert!(styled.contains('\u{1b}'));
    }
}
