//! A panic is reported as an internal error, with what was run.

#![cfg(debug_assertions)]

use crate::command_line::{Stage, ended};

fn panics(stage: &Stage, point: &str, words: &[&str]) -> String {
    let mut command = stage.command(words);
    command.env("SAFE_COMPOSE_TEST_PANIC", point);
    let ended = ended(command);
    assert_eq!(ended.code, 70, "{ended:?}");
    assert!(ended.stderr.contains("safe-compose: error: internal error: "), "{ended:?}");
    assert!(ended.stderr.contains("Please report it"), "{ended:?}");
    assert!(!ended.stderr.contains("stack backtrace"), "{ended:?}");
    ended.stderr
}

#[test]
fn before_anything_is_run() {
    let stage = Stage::new();
    assert!(panics(&stage, "start", &["down", "-v"]).contains("The command was not run."));
    assert!(!stage.path().join("ran").exists());
}

#[test]
fn after_one_of_our_own_commands() {
    let text = panics(&Stage::new(), "end", &["backups", "prune"]);
    assert!(text.contains("carried out in part"), "{text}");
    let text = panics(&Stage::new(), "end", &["backups", "prune", "--dry-run"]);
    assert!(text.contains("was not run"), "a dry run changes nothing: {text}");
}

#[test]
fn after_compose() {
    let text = panics(&Stage::new(), "end", &["--help"]);
    assert!(text.contains("Docker Compose ran and finished"), "{text}");
}

#[test]
fn without_the_variable_nothing_panics() {
    assert_eq!(Stage::new().run(&["backups"]).code, 0);
}
