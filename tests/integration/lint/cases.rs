//! `tests/fixtures/lint/cases`: small files whose first lines say what is expected.
//!
//! `# expect: LINE RULE` for each finding, `# expect: nothing` for none. Notes (`info`) need not be listed, and count
//! when they are. Every program of the inventory is tried both ways besides.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use safe_compose::inventory::known::{Keeps, KnownProgram, programs};
use safe_compose::lint::{LintFinding, LintSeverity};

use super::{check_file, check_text, ids};

fn expected(text: &str) -> Option<BTreeSet<(usize, String)>> {
    let mut found = BTreeSet::new();
    let mut any = false;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("# expect: ") else { continue };
        any = true;
        if rest == "nothing" {
            continue;
        }
        let (number, rule) = rest.split_once(' ').expect("a line and a rule");
        found.insert((number.parse().expect("a number"), rule.to_owned()));
    }
    any.then_some(found)
}

fn key(finding: &LintFinding) -> (usize, String) {
    (finding.location.line, finding.rule.to_owned())
}

#[test]
fn every_case_has_the_expected_findings() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lint/cases");
    let mut wrong = Vec::new();
    let mut cases = 0;
    let mut paths: Vec<_> =
        fs::read_dir(&directory).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let text = fs::read_to_string(path).expect("a case");
        let Some(expected) = expected(&text) else { continue };
        cases += 1;
        let found = check_file(path);
        let loud: BTreeSet<_> =
            found.iter().filter(|finding| finding.severity > LintSeverity::Info).map(key).collect();
        let all: BTreeSet<_> = found.iter().map(key).collect();
        let missed: Vec<_> = expected.difference(&all).collect();
        let extra: Vec<_> = loud.difference(&expected).collect();
        if !missed.is_empty() || !extra.is_empty() {
            let name = path.file_name().expect("a name").to_string_lossy();
            wrong.push(format!("{name}: missed {missed:?}, not expected {extra:?}"));
        }
    }
    assert!(cases >= 120, "only {cases} cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What makes a program keep something that would not otherwise.
fn command(program: &KnownProgram) -> &'static str {
    match program.name() {
        "consul" if program.volume => "    command: agent -server -bootstrap-expect=1\n",
        "vault" => "    command: server\n",
        "nats" => "    command: -js\n",
        "surrealdb" => "    command: start rocksdb:/data/store.db\n",
        _ => "",
    }
}

#[test]
fn every_known_program_is_checked_with_and_without_a_mount() {
    let mut wrong = Vec::new();
    for program in programs().iter().filter(|program| !program.paths.is_empty()) {
        let head = format!(
            "services:\n  db:\n    image: {}:9\n    hostname: db\n{}",
            program.example(),
            command(program)
        );
        let found = check_text(&head);
        let bare = found.iter().find(|finding| finding.rule == "data-path-not-covered");
        let least = match program.keeps {
            Keeps::Records => LintSeverity::Error,
            Keeps::Files | Keeps::State => LintSeverity::Warning,
            Keeps::Cache => LintSeverity::Info,
        };
        if bare.is_none_or(|finding| finding.severity != least) {
            wrong.push(format!("{} without a mount: {:?}", program.example(), ids(&found)));
        }
        let path = program.paths[0];
        let anonymous = check_text(&format!("{head}    volumes: [\"{path}\"]\n"));
        if !ids(&anonymous).contains(&"data-on-anonymous-volume") {
            wrong.push(format!("{} on an anonymous volume: {:?}", program.example(), ids(&anonymous)));
        }
        let good = check_text(&format!("{head}    volumes: [\"data:{path}\"]\nvolumes: {{ data: {{}} }}\n"));
        let data = good.iter().find(|finding| finding.rule.starts_with("data-"));
        if let Some(data) = data {
            wrong.push(format!("{} on a volume: {}", program.example(), data.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
