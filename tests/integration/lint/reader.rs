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

/// The mount of a database, with the environment that the files give it.
fn with_env_files(service: &str, files: &[(&str, &str)]) -> Vec<LintFinding> {
    let text = format!("services:\n  db:\n{service}volumes: {{ data: {{}} }}\n");
    let directory = project(&[files, &[("compose.yaml", text.as_str())]].concat());
    let mut found = check_file(&directory.path().join("compose.yaml"));
    found.retain(|finding| finding.severity > lint::LintSeverity::Info);
    found
}

const PGDATA_ELSEWHERE: &str = "    image: postgres:17\n    volumes: [\"data:/pg/data\"]\n";

#[test]
fn an_env_file_sets_the_data_path() {
    for env_file in
        ["db.env", "[db.env]", "[{ path: db.env, required: false }]", "[{ path: ./db.env, format: raw }]"]
    {
        let service = format!("{PGDATA_ELSEWHERE}    env_file: {env_file}\n");
        let found = with_env_files(&service, &[("db.env", "PGDATA=/pg/data\n")]);
        assert_eq!(ids(&found), [""; 0], "{env_file}: {found:?}");
        let found = with_env_files(&service, &[("db.env", "OTHER=/pg/data\n")]);
        assert_eq!(ids(&found), ["data-path-wrong"], "{env_file}");
        assert_eq!(errors(&found).len(), 1, "{env_file}: {found:?}");
    }
}

#[test]
fn environment_overrides_env_files_and_later_files_override_earlier_ones() {
    let right = "PGDATA=/pg/data\n";
    let wrong = "PGDATA=/elsewhere\n";
    let with = |service: &str, one: &str, two: &str| {
        let service = format!("{PGDATA_ELSEWHERE}    env_file: [one.env, two.env]\n{service}");
        ids(&with_env_files(&service, &[("one.env", one), ("two.env", two)])).len()
    };
    assert_eq!(with("", wrong, right), 0);
    assert_eq!(with("", right, wrong), 1);
    assert_eq!(with("    environment: { PGDATA: /pg/data }\n", wrong, wrong), 0);
    assert_eq!(with("    environment: [PGDATA=/elsewhere]\n", right, right), 1);
}

#[test]
fn env_files_are_interpolated_with_the_project_first() {
    let service = |environment: &str| format!("{PGDATA_ELSEWHERE}    env_file: db.env\n{environment}");
    let file = ("db.env", "ROOT=/pg\nPGDATA=${ROOT}/${LEAF:-data}\n");
    assert_eq!(ids(&with_env_files(&service(""), &[file])), [""; 0]);
    let found = with_env_files(&service(""), &[file, (".env", "LEAF=other\n")]);
    assert_eq!(ids(&found), ["data-path-wrong"]);
    let own = service("    environment: { LEAF: own }\n");
    assert_eq!(ids(&with_env_files(&own, &[file])), ["data-path-wrong"]);
    assert_eq!(
        ids(&with_env_files(&own, &[file, (".env", "LEAF=data\n")])),
        [""; 0],
        "the project comes first"
    );
    let raw = format!("{PGDATA_ELSEWHERE}    env_file: [{{ path: db.env, format: raw }}]\n");
    let file = ("db.env", "PGDATA=/pg/data # c\n");
    assert_eq!(ids(&with_env_files(&service(""), &[file])), [""; 0]);
    assert_eq!(ids(&with_env_files(&raw, &[file])), ["data-path-wrong"], "a raw value has no comments");
}

#[test]
fn a_missing_env_file_is_a_finding_if_it_is_required() {
    let with = |env_file: &str| with_env_files(&format!("{PGDATA_ELSEWHERE}    env_file: {env_file}\n"), &[]);
    let found = with("nowhere.env");
    assert_eq!(ids(&found), ["data-path-wrong", "missing-file"]);
    assert_eq!(errors(&found), [""; 0], "the file may set another path");
    assert_eq!(ids(&with("[{ path: nowhere.env, required: false }]")), ["data-path-wrong"]);
    assert_eq!(ids(&with("\"${UNSET}.env\"")), ["data-path-wrong"]);
}

#[test]
fn an_env_file_belongs_to_the_directory_of_its_compose_file() {
    let files = project(&[
        ("db/db.env", "PGDATA=/pg/data\n"),
        (
            "db/compose.yaml",
            "services:\n  db:\n    image: postgres:17\n    env_file: db.env\n    volumes: [\"data:/pg/data\"]\nvolumes: { data: {} }\n",
        ),
        ("compose.yaml", "include: [db/compose.yaml]\n"),
        (
            "extends.yaml",
            "services:\n  two:\n    extends: { file: db/compose.yaml, service: db }\nvolumes: { data: {} }\n",
        ),
    ]);
    for name in ["compose.yaml", "extends.yaml"] {
        let found = check_file(&files.path().join(name));
        assert!(
            !ids(&found).iter().any(|rule| rule.starts_with("data-path") || *rule == "missing-file"),
            "{found:?}"
        );
    }
}

#[test]
fn a_rejected_environment_file_is_reported_without_its_text() {
    let text = "services:\n  db:\n    image: nginx:1.29\n    env_file: db.env\n";
    let files = project(&[
        (".env", "A=1\nSECRET='hunter2\n"),
        ("db.env", "B=1\n\nPASSWORD=${hunter3\n"),
        ("compose.yaml", text),
    ]);
    let target = lint::targets(&[files.path().join("compose.yaml")]).remove(0);
    let report = lint::check(&target, &|_| None);
    let found = report.findings();
    let places: Vec<_> = found
        .iter()
        .filter(|finding| finding.rule == "invalid-compose")
        .map(|finding| {
            (finding.location.file.file_name().and_then(|name| name.to_str()), finding.location.line)
        })
        .collect();
    assert_eq!(places, [(Some(".env"), 2), (Some("db.env"), 3)], "{found:?}");
    assert!(!format!("{report:?}{found:?}").contains("hunter"), "{report:?}");
    let files =
        project(&[(".env", "A=1\nSECRET='hunter2'\n"), ("db.env", "B=${A}\n"), ("compose.yaml", text)]);
    assert!(!ids(&check_file(&files.path().join("compose.yaml"))).contains(&"invalid-compose"));
}

#[test]
fn what_two_files_define_differently_is_a_conflict() {
    let refused = |files: &[(&str, &str)]| {
        ids(&check_file(&project(files).path().join("compose.yaml"))).contains(&"invalid-compose")
    };
    let service = |tag: &str| format!("services:\n  web: {{ image: \"nginx:{tag}\" }}\n");
    let (one, other) = (service("1.28"), service("1.29"));
    let own = format!("include: [b.yaml]\n{other}");
    assert!(refused(&[("b.yaml", &one), ("compose.yaml", &own)]));
    assert!(!refused(&[("b.yaml", &other), ("compose.yaml", &own)]));
    assert!(refused(&[
        ("b.yaml", &one),
        ("c.yaml", &other),
        ("compose.yaml", "include: [b.yaml, c.yaml]\n")
    ]));
    let together = "include: [{ path: [b.yaml, c.yaml] }]\n";
    assert!(!refused(&[("b.yaml", &one), ("c.yaml", &other), ("compose.yaml", together)]));
}

#[test]
fn a_build_context_with_the_backups_needs_a_dockerignore() {
    let text = "services:\n  web: { build: . }\n  db:\n    image: mysql:8.4\n    volumes: [\"data:/var/lib/mysql\"]\nvolumes: { data: {} }\n";
    let severity = |files: &[(&str, &str)]| {
        let files = project(files);
        let found = check_file(&files.path().join("compose.yaml"));
        found
            .iter()
            .find(|finding| finding.rule == "backups-in-build-context")
            .map(|finding| finding.severity)
    };
    let settings = format!("x-safe-compose: {{ backup: {{ directory: ./saved/backups }} }}\n{text}");
    let backup = ("backups/db/one/manifest.json", "{}");
    assert_eq!(severity(&[("compose.yaml", text)]), Some(lint::LintSeverity::Info));
    assert_eq!(severity(&[("compose.yaml", text), backup]), Some(lint::LintSeverity::Warning));
    assert_eq!(severity(&[("compose.yaml", text), backup, (".dockerignore", "backups\n")]), None);
    assert_eq!(
        severity(&[("compose.yaml", text), backup, (".dockerignore", "backup\n")]),
        Some(lint::LintSeverity::Warning)
    );
    let own = ("Dockerfile.dockerignore", "node_modules\n");
    assert_eq!(
        severity(&[("compose.yaml", text), backup, (".dockerignore", "backups\n"), own]),
        Some(lint::LintSeverity::Warning),
        "Docker reads only the first"
    );
    assert_eq!(
        severity(&[("compose.yaml", &settings), (".dockerignore", "backups\n")]),
        Some(lint::LintSeverity::Warning)
    );
    assert_eq!(severity(&[("compose.yaml", &settings), (".dockerignore", "saved/*\n")]), None);
    let elsewhere = text.replace("build: .", "build: ./web");
    assert_eq!(severity(&[("compose.yaml", &elsewhere), backup]), None);
    let no_data = "services:\n  web: { build: . }\n";
    assert_eq!(severity(&[("compose.yaml", no_data)]), None);
}
