//! Files are read as Compose reads them.

use std::path::Path;

use safe_compose::lint::{self, LintFinding};
use tempfile::TempDir;

use super::{check_file, check_text, errors, ids};
use crate::support::write;

fn project(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        write(&directory.path().join(name), text, 0o644);
    }
    directory
}

fn line_of(findings: &[LintFinding], rule: &str) -> Option<usize> {
    findings.iter().find(|finding| finding.rule == rule).map(|finding| finding.location.line)
}

#[test]
fn an_override_beside_is_merged_by_target() {
    let files = project(&[
        (
            "compose.yaml",
            "services:\n  db:\n    image: postgres:17\n    volumes: [/var/lib/postgresql/data]\n",
        ),
        (
            "compose.override.yaml",
            "services:\n  db:\n    volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: { data: {} }\n",
        ),
    ]);
    for name in ["compose.yaml", "compose.override.yaml", "."] {
        assert_eq!(errors(&check_file(&files.path().join(name))), [""; 0], "{name}");
    }
}

#[test]
fn a_finding_caused_by_an_override_is_in_the_override() {
    let files = project(&[
        (
            "compose.yaml",
            "services:\n  db:\n    image: postgres:17\n    volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: { data: {} }\n",
        ),
        ("compose.override.yaml", "services:\n  db:\n    volumes: !reset []\n"),
    ]);
    let found = check_file(&files.path().join("compose.yaml"));
    assert!(ids(&found).contains(&"data-path-not-covered"), "{found:?}");
    let files = project(&[
        (
            "compose.yaml",
            "services:\n  db:\n    image: postgres:17\n    volumes: [\"data:/var/lib/postgresql/data\"]\nvolumes: { data: {} }\n",
        ),
        (
            "compose.override.yaml",
            "services:\n  db:\n    volumes: !override\n      - /var/lib/postgresql/data\n",
        ),
    ]);
    let found = check_file(&files.path().join("compose.yaml"));
    let found = found.iter().find(|finding| finding.rule == "data-on-anonymous-volume").expect("found");
    assert!(found.location.file.ends_with("compose.override.yaml") && found.location.line == 4, "{found:?}");
}

#[test]
fn missing_parts_of_a_partial_project_are_not_reported() {
    let found = check_text("services:\n  db:\n    environment: { A: b }\n    volumes: [\"data:/x\"]\n");
    assert_eq!(errors(&found), [""; 0]);
}

#[test]
fn extends_is_followed_to_another_file() {
    let files = project(&[
        (
            "common/base.yaml",
            "services:\n  store:\n    image: mysql:8.4\n    volumes:\n      - /var/lib/mysql\n",
        ),
        ("compose.yaml", "services:\n  db:\n    extends: { file: common/base.yaml, service: store }\n"),
    ]);
    let found = check_file(&files.path().join("compose.yaml"));
    let found = found.iter().find(|finding| finding.rule == "data-on-anonymous-volume").expect("found");
    assert!(found.location.file.ends_with("common/base.yaml") && found.location.line == 5, "{found:?}");
    assert_eq!(found.service.as_deref(), Some("db"));
}

#[test]
fn include_has_its_own_directory_and_variables() {
    let files = project(&[
        ("db/.env", "TAG=17\nPLACE=/var/lib/postgresql\n"),
        (
            "db/compose.yaml",
            "services:\n  db:\n    image: postgres:${TAG}\n    volumes: [\"data:${PLACE}\"]\nvolumes: { data: {} }\n",
        ),
        ("compose.yaml", "include: [db/compose.yaml]\nservices:\n  web: { image: \"nginx:1.29\" }\n"),
    ]);
    let found = check_file(&files.path().join("compose.yaml"));
    assert!(ids(&found).contains(&"data-path-wrong"), "{found:?}");
}

#[test]
fn circular_includes_are_reported() {
    let files = project(&[
        ("a.yaml", "include: [b.yaml]\nservices: { a: { image: \"nginx:1.29\" } }\n"),
        ("b.yaml", "include: [a.yaml]\nservices: { b: { image: \"nginx:1.29\" } }\n"),
    ]);
    assert!(ids(&check_file(&files.path().join("a.yaml"))).contains(&"invalid-compose"));
}

#[test]
fn spans_survive_anchors_and_merges() {
    let text =
        "x-db: &db\n  image: mysql:8.4\n  volumes:\n    - /var/lib/mysql\nservices:\n  one:\n    <<: *db\n";
    let found = check_text(text);
    assert_eq!(line_of(&found, "data-on-anonymous-volume"), Some(4), "{found:?}");
}

#[test]
fn a_variable_is_shown_where_it_is_used() {
    let text = "services:\n  db:\n    image: postgres:17\n    volumes:\n      - \"${DATA}/pg:/var/lib/postgresql/data\"\n";
    let found = check_text(text);
    let place =
        &found.iter().find(|finding| finding.rule == "variable-without-default").expect("found").location;
    assert_eq!((place.line, place.column, place.end_column), (5, 10, 17));
}

#[test]
fn dotenv_and_defaults_give_variables_values() {
    let text =
        "services:\n  db:\n    image: postgres:17\n    volumes: [\"${D}/pg:/var/lib/postgresql/data\"]\n";
    let files = project(&[(".env", "ROOT=.\nD=${ROOT}/data\n"), ("compose.yaml", text)]);
    assert!(!ids(&check_file(&files.path().join("compose.yaml"))).contains(&"variable-without-default"));
    std::fs::remove_file(files.path().join(".env")).expect("removed");
    assert!(ids(&check_file(&files.path().join("compose.yaml"))).contains(&"variable-without-default"));
}

#[test]
fn documents_of_one_file_are_merged() {
    let text = "services:\n  db: { image: \"mysql:8.4\" }\n---\nservices:\n  db: { volumes: [\"data:/var/lib/mysql\"] }\nvolumes: { data: {} }\n";
    assert_eq!(errors(&check_text(text)), [""; 0]);
}

#[test]
fn a_missing_file_is_a_finding() {
    let found = check_file(Path::new("/nowhere/compose.yaml"));
    assert_eq!(ids(&found), ["invalid-yaml"]);
    assert!(lint::targets(&[]).is_empty());
}

#[test]
fn yaml_errors_have_a_location() {
    let found = check_text("services:\n  web:\n    image: [\n");
    assert_eq!(ids(&found), ["invalid-yaml"]);
    let found = check_text("services:\n  web:\n    image: a:1\n    image: b:1\n");
    assert_eq!(line_of(&found, "invalid-yaml"), Some(4), "{found:?}");
}
