//! `tests/fixtures/lint/refused.txt`: small Compose files, and whether Compose 2.40 refuses them. `lint` has to agree.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use safe_compose::compose::grammar::Grammar;
use safe_compose::lint::LintSeverity;

use super::check_text;
use crate::requirements::unavailable;
use crate::support::real_compose;

struct Case {
    name: &'static str,
    refused: bool,
    text: &'static str,
}

/// Each case has a line `=== NAME refused` or `=== NAME accepted`, and then the file.
fn cases() -> Vec<Case> {
    let listed = include_str!("../../fixtures/lint/refused.txt");
    let cases: Vec<Case> = listed
        .split("=== ")
        .skip(1)
        .map(|case| {
            let (title, text) = case.split_once('\n').expect("a title");
            let (name, verdict) = title.split_once(' ').expect("a name and a verdict");
            let refused = match verdict {
                "refused" => true,
                "accepted" => false,
                other => panic!("{name}: {other}"),
            };
            Case { name, refused, text }
        })
        .collect();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    cases
}

#[test]
fn lint_refuses_what_compose_refuses() {
    let mut wrong = String::new();
    for case in cases() {
        let found = check_text(case.text);
        let refused = found.iter().any(|finding| {
            ["invalid-yaml", "invalid-compose", "undeclared-volume"].contains(&finding.rule)
                // Compose may know more keys one day.
                && (finding.severity == LintSeverity::Error || finding.message.contains("does not know"))
        });
        if refused != case.refused {
            let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
            let _ =
                writeln!(wrong, "{}: refused {refused}, Compose {}: {messages:?}", case.name, case.refused);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test runs the real Compose")]
fn the_listed_verdicts_are_those_of_compose() {
    let Some(compose) = real_compose(Grammar::V2) else { return };
    let version = Command::new(&compose).args(["version", "--short"]).output().expect("Compose runs").stdout;
    if !String::from_utf8_lossy(&version).trim_start_matches('v').starts_with("2.40.") {
        unavailable("the verdicts are those of Compose 2.40");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut wrong = String::new();
    for case in cases() {
        fs::write(directory.path().join("compose.yaml"), case.text).expect("written");
        let status = Command::new(&compose)
            .args(["-p", "p", "config", "-q"])
            .current_dir(directory.path())
            .env_clear()
            .stderr(Stdio::null())
            .status()
            .expect("Compose runs");
        if status.success() == case.refused {
            let _ = writeln!(wrong, "{}: Compose says {status}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
