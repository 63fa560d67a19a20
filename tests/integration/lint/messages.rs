//! Every message of the rules, for review: those of the examples in their explanations, and those of the cases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use safe_compose::lint::scripts::{self, DataDirectories, ScriptKind};
use safe_compose::lint::{LintFinding, rules};

use super::examples::blocks;
use super::{check_file, check_text};

/// A finding without its location.
fn text(finding: &LintFinding) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let help = finding.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{}[{}]: {}{help}", finding.severity.name(), finding.rule, finding.message).replace(root, "")
}

#[test]
fn messages() {
    let mut found = BTreeSet::new();
    for rule in rules::compose() {
        for block in blocks(rule.explain, "Bad") {
            found.extend(check_text(&block).iter().map(text));
        }
    }
    for rule in rules::scripts() {
        for block in blocks(rule.explain, "Bad") {
            let report =
                scripts::check(Path::new("x.sh"), ScriptKind::Shell, &block, &DataDirectories::default());
            found.extend(report.findings().iter().map(text));
        }
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lint/cases");
    for entry in fs::read_dir(cases).expect("the cases") {
        found.extend(check_file(&entry.expect("an entry").path()).iter().map(text));
    }
    let found: Vec<String> = found.into_iter().collect();
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn explanations() {
    let all: Vec<String> =
        rules::all().map(|rule| format!("# {}\n\n{}", rule.id, rule.explanation())).collect();
    insta::assert_snapshot!(all.join("\n"));
}
