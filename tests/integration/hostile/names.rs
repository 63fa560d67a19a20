//! Labels, manifests, names and errors that are meant for the terminal, not for its user.

use std::fs;

use safe_compose::engine::EngineError;
use safe_compose::engine::memory::EngineMethod;
use serde_json::Value;

use super::only_backup;
use crate::messages::scene::{Scene, container, mount};

/// Clears the screen, hides what is on a line, turns it around, and tells a lie on a line of its own.
const EVIL: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\u{9b}1m\u{202e}\nsafe-compose: all is well";

#[track_caller]
fn is_harmless(what: &str, printed: &str) {
    let moves =
        |letter: char| (letter.is_control() && !matches!(letter, '\n' | '\t')) || letter == '\u{202e}';
    assert!(!printed.contains(moves), "{what}: {printed:?}");
    assert!(!printed.lines().any(|line| line == "safe-compose: all is well"), "{what}: {printed}");
}

const COMMANDS: [&str; 12] = [
    "backup",
    "backups",
    "backups --all-projects",
    "backups show latest",
    "status",
    "status --all",
    "verify",
    "verify latest",
    "history",
    "restore",
    "--safe-plan down -v",
    "down -v",
];

#[test]
fn a_label_prints_no_line_of_ours_and_fails_no_backup() {
    for service in [EVIL, "../../etc", "", "a b"] {
        let mut foreign = container("db", "postgres:17", vec![mount("shop_data", "/data")]);
        foreign.name = "foreign".to_owned();
        foreign.id = "0123456789abcdef".to_owned();
        foreign.labels.insert("com.docker.compose.service".to_owned(), service.to_owned());
        let scene = Scene::shop().with_container(foreign);
        let attempt = scene.attempt("backup");
        assert_eq!(attempt.exit, 0, "{service:?}: {}", attempt.printed);
        for command in COMMANDS {
            is_harmless(&format!("{service:?}: {command}"), &scene.attempt(command).printed);
        }
        assert!(!scene.path("etc").exists());
    }
}

#[test]
fn the_name_of_a_foreign_project_prints_no_line_of_ours() {
    let mut foreign = container("db", "postgres:17", vec![mount("shop_data", "/data")]);
    foreign.labels.insert("com.docker.compose.project".to_owned(), EVIL.to_owned());
    let scene = Scene::shop().with_container(foreign);
    for command in ["status --all", "backup --all --dry-run", "verify --all", "check --all"] {
        is_harmless(command, &scene.attempt(command).printed);
    }
}

#[test]
fn a_manifest_prints_no_line_of_ours() {
    for field in [
        "project",
        "service",
        "container",
        "image",
        "engine",
        "endpoint",
        "reason",
        "server",
        "tool",
        "manual_restore",
    ] {
        let scene = Scene::shop();
        assert_eq!(scene.attempt("backup").exit, 0);
        let path = only_backup(&scene.path("backups/db")).join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        manifest[field] = if field == "manual_restore" { Value::from(vec![EVIL]) } else { EVIL.into() };
        fs::write(&path, manifest.to_string()).expect("written");
        for command in COMMANDS {
            is_harmless(&format!("{field}: {command}"), &scene.attempt(command).printed);
        }
    }
}

#[test]
fn an_error_of_the_engine_prints_no_line_of_ours() {
    for method in [
        EngineMethod::ReadArchive,
        EngineMethod::ProjectContainers,
        EngineMethod::Inspect,
        EngineMethod::Stop,
    ] {
        let scene = Scene::shop();
        scene.engine.fail_with(method, || EngineError::Refused {
            action: "do it".to_owned(),
            source: anyhow::anyhow!(EVIL),
        });
        for command in ["backup", "status", "down", "down -v", "verify"] {
            is_harmless(&format!("{method:?}: {command}"), &scene.attempt(command).printed);
        }
    }
}

#[test]
fn a_directory_prints_no_line_of_ours() {
    let scene = Scene::shop();
    assert_eq!(scene.attempt("backup").exit, 0);
    let backup = only_backup(&scene.path("backups/db"));
    for below in ["backups/db/db_backup_20260101_000000", "backups/db/.partial-db_backup_20260101_000001"] {
        fs::create_dir_all(scene.path(below).join(EVIL.replace('/', "_"))).expect("made");
    }
    fs::write(backup.join(EVIL), "x").expect("written");
    for command in COMMANDS {
        is_harmless(command, &scene.attempt(command).printed);
    }
}
