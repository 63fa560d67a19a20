//! `lint`: the examples of the rules, the cases, hostile files, and the command.

mod cases;
mod command;
mod documents;
mod examples;
mod hostile;
mod messages;
mod reader;
mod refused;

use std::path::{Path, PathBuf};

use safe_compose::lint::{self, LintFinding, LintReport, LintSeverity, LintTarget};

/// Checks a text as a file that somebody named, in a directory that holds nothing else.
pub(crate) fn check_text(text: &str) -> Vec<LintFinding> {
    checked(text).findings()
}

pub(crate) fn checked(text: &str) -> LintReport {
    let directory = PathBuf::from("/nowhere/project");
    let target = LintTarget {
        files: vec!["-".into()],
        env_files: Vec::new(),
        directory,
        stdin: Some(text.to_owned()),
        complete: false,
    };
    lint::check(&target, &|_| None)
}

/// Checks files as the words of the command name them.
pub(crate) fn check_file(path: &Path) -> Vec<LintFinding> {
    let targets = lint::targets(&[path.to_path_buf()]);
    targets.iter().flat_map(|target| lint::check(target, &|_| None).findings()).collect()
}

/// Rules as `rule` or, with its severity, `rule:error`.
pub(crate) fn ids(findings: &[LintFinding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

pub(crate) fn errors(findings: &[LintFinding]) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.severity == LintSeverity::Error)
        .map(|finding| format!("{}: {}", finding.rule, finding.message))
        .collect()
}
