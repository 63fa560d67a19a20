//! The command as it is typed, without Docker and without Compose.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::write;

const LOST: &str = "services:\n  db:\n    image: postgres:17\n";
const KEPT: &str = "name: shop\nservices:\n  db:\n    image: postgres:17\n    volumes:\n      - data:/var/lib/postgresql/data\nvolumes:\n  data:\n";

fn at(text: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    write(&directory.path().join("compose.yaml"), text, 0o644);
    directory
}

/// Exit code, standard output and standard error.
fn lint(directory: &Path, words: &[&str]) -> (i32, String, String) {
    lint_with(directory, words, "")
}

fn lint_with(directory: &Path, words: &[&str], stdin: &str) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_safe-compose"))
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/nowhere")
        .env("COLUMNS", "1000")
        .args(words)
        .write_stdin(stdin)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

fn rules(json: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(json).expect("JSON");
    let found = value["findings"].as_array().expect("findings");
    found.iter().map(|finding| finding["rule"].as_str().expect("a rule").to_owned()).collect()
}

#[test]
fn exit_codes() {
    let lost = at(LOST);
    assert_eq!(lint(lost.path(), &["lint"]).0, 1);
    assert_eq!(lint(lost.path(), &["-f", "compose.yaml", "lint"]).0, 1);
    let kept = at(KEPT);
    assert_eq!(lint(kept.path(), &["lint"]).0, 0);
    assert_eq!(lint(kept.path(), &["lint", "--deny", "info"]).0, 1);
    assert_eq!(lint(kept.path(), &["lint", "--no-such-flag"]).0, 64);
    assert_eq!(lint(kept.path(), &["lint", "--explain", "no-such-rule"]).0, 64);
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(lint(empty.path(), &["lint"]).0, 64);
}

#[test]
fn text_shows_the_line_and_a_caret() {
    let lost = at(LOST);
    let (_, out, err) = lint(lost.path(), &["lint"]);
    assert!(out.contains("error[data-path-not-covered]: "), "{out}");
    assert!(out.contains("--> compose.yaml:3:12\n"), "{out}");
    assert!(out.contains("\n3 |     image: postgres:17\n  |            ^^^^^^^^^^^\n"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn json_is_for_scripts() {
    let lost = at(LOST);
    let (_, out, _) = lint(lost.path(), &["lint", "--format", "json"]);
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["errors"], 1);
    assert_eq!(value["findings"][0]["location"]["line"], 2, "findings are in the order of their lines");
    assert!(rules(&out).contains(&"data-path-not-covered".to_owned()));
}

#[test]
fn standard_input_is_a_file() {
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(lint_with(empty.path(), &["lint", "-"], LOST).0, 1);
    assert_eq!(lint_with(empty.path(), &["lint", "-"], KEPT).0, 0);
}

#[test]
fn several_files_are_several_projects() {
    let directory = at(KEPT);
    write(&directory.path().join("other.yaml"), LOST, 0o644);
    let (code, out, _) = lint(directory.path(), &["lint", "--format", "json", "compose.yaml", "other.yaml"]);
    assert_eq!(code, 1);
    assert!(out.contains("\"other.yaml\""));
    assert_eq!(lint(directory.path(), &["-f", "other.yaml", "-f", "compose.yaml", "lint"]).0, 0);
}

#[test]
fn rules_are_listed_and_explained() {
    let empty = tempfile::tempdir().expect("a directory");
    let (code, out, _) = lint(empty.path(), &["lint", "--rules"]);
    assert!(code == 0 && out.contains("data-path-wrong"));
    let (code, out, _) = lint(empty.path(), &["lint", "--explain", "data-path-wrong"]);
    assert!(code == 0 && out.contains("## Why it matters") && out.contains("## Bad"), "{out}");
}

#[test]
fn a_finding_is_ignored_only_with_a_reason() {
    let ignored = |comment: &str| {
        let directory = at(&format!("services:\n  db:\n    image: postgres:17 # safe-compose: {comment}\n"));
        let (code, out, _) = lint(directory.path(), &["lint", "--format", "json"]);
        (code, rules(&out).join(" "))
    };
    assert_eq!(ignored("ignore[data-path-not-covered] filled by each test").0, 0);
    let (code, found) = ignored("ignore[data-path-not-covered]");
    assert!(code == 1 && found.contains("unreasoned-ignore") && found.contains("data-path-not-covered"));
    let (_, found) = ignored("ignore[data-on-tmpfs] it is not");
    assert!(found.contains("unused-ignore"), "{found}");
    let above = at(
        "services:\n  # safe-compose: ignore[data-path-not-covered] filled by each test\n  db:\n    image: postgres:17\n",
    );
    assert_eq!(lint(above.path(), &["lint"]).0, 0);
}

#[test]
fn settings_change_severities() {
    let with = |level: &str| {
        let settings =
            format!("x-safe-compose: {{ lint: {{ rules: {{ data-path-not-covered: {level} }} }} }}\n");
        let directory = at(&format!("{settings}{LOST}"));
        lint(directory.path(), &["lint", "--format", "json"])
    };
    assert_eq!(with("error").0, 1);
    assert_eq!(with("warning").0, 0);
    let (code, out, _) = with("off");
    assert!(code == 0 && !rules(&out).contains(&"data-path-not-covered".to_owned()));
}

#[test]
fn a_baseline_leaves_only_new_findings() {
    let directory = at(LOST);
    let words = ["lint", "--baseline", "known.json"];
    assert_eq!(lint(directory.path(), &words).0, 64, "there is none yet");
    assert_eq!(lint(directory.path(), &[&words[..], &["--write-baseline"]].concat()).0, 0);
    assert_eq!(lint(directory.path(), &words).0, 0);
    write(&directory.path().join("compose.yaml"), format!("# moved\n{LOST}"), 0o644);
    assert_eq!(lint(directory.path(), &words).0, 0, "lines do not count");
    write(&directory.path().join("compose.yaml"), format!("{LOST}  more:\n    image: mysql:8.4\n"), 0o644);
    assert_eq!(lint(directory.path(), &words).0, 1);
}

#[test]
fn fixes_keep_every_other_byte() {
    let before = "# shop\nservices:\n  db:   # the store\n    image: mysql:8.4\n    stop_grace_period: 1s # too short\n    volumes:\n      - 'data/db:/var/lib/mysql'\n      - logs:/logs\n";
    let after = "# shop\nservices:\n  db:   # the store\n    image: mysql:8.4\n    stop_grace_period: 1m # too short\n    volumes:\n      - './data/db:/var/lib/mysql'\n      - logs:/logs\nvolumes:\n  logs:\n";
    let directory = at(before);
    let file = directory.path().join("compose.yaml");
    let (code, shown, _) = lint(directory.path(), &["lint", "--diff"]);
    assert_eq!((code, fs::read_to_string(&file).expect("read").as_str()), (1, before), "only shown");
    assert!(
        shown.contains("-    stop_grace_period: 1s # too short\n+    stop_grace_period: 1m # too short\n"),
        "{shown}"
    );
    let (code, out, _) = lint(directory.path(), &["lint", "--fix"]);
    assert_eq!(fs::read_to_string(&file).expect("read"), after, "{out}");
    assert_eq!(code, 0, "{out}");
    let named = fs::read_to_string(&file).expect("read");
    lint(directory.path(), &["lint", "--fix"]);
    let again = fs::read_to_string(&file).expect("read");
    assert!(again.ends_with(&named[named.find("services:").expect("services")..]), "{again}");
    let (code, shown, _) = lint(directory.path(), &["lint", "--diff"]);
    assert!(code == 0 && shown.is_empty(), "{shown}");
}
