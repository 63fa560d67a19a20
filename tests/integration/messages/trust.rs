//! `trust`: agreeing to what the settings run and contact.

use serde_json::{Value, json};

use super::scene::{Scene, typed};

fn settings() -> Value {
    json!({ "hooks": {
        "after_backup": ["sh", "hook.sh"],
        "on_failure": { "run": ["mail", "-s", "backup failed", "me\u{1b}[2J"], "timeout": "10s" },
    } })
}

fn scene() -> Scene {
    Scene::shop().with_settings(&settings()).with_file("hook.sh", "echo one >>ran-hook\n")
}

#[test]
fn agree() {
    let mut scene = scene();
    scene.run("trust --dry-run").run("trust --show").run("trust").run("status");
    scene = scene.at_terminal(&[typed("no")]);
    scene.run("trust");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.run("trust").run("trust").run("trust --show").run("status");
    scene.snapshot("trust/agree");
}

#[test]
fn without_a_terminal() {
    let mut scene = scene();
    scene.run("--safe-allow=0123456789ab trust").run_with_token("--safe-allow={token} trust");
    scene.run("trust --format json").run("history").snapshot("trust/without_a_terminal");
}

#[test]
fn revoke() {
    let mut scene = scene();
    scene.run("trust --revoke").run_quietly("--safe-allow=x trust");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.prepare("trust").run("trust --revoke --dry-run").run("trust --revoke").run("trust --show");
    scene.snapshot("trust/revoke");
}

#[test]
fn a_change_asks_again() {
    let mut scene = scene().at_terminal(&[typed("shop")]);
    scene.prepare("trust");
    scene = scene.with_file("hook.sh", "echo two >>ran-hook\n");
    scene.run("backup").run("trust").run("backup");
    let mut changed = settings();
    changed["hooks"]["on_loss"] = json!(["./alarm"]);
    scene = scene.with_settings(&changed);
    scene.run("trust --show").run("trust --show --format json").snapshot("trust/a_change_asks_again");
}

#[test]
fn a_variable_agrees() {
    let mut scene = scene();
    let shown = scene.attempt("trust --show --format json").printed;
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    scene.env().trust = vec![shown["digest"].as_str().expect("a digest").to_owned()];
    scene.run("trust").run("trust --revoke");
    scene.run_quietly("backup");
    assert!(scene.path("ran-hook").exists());
    scene.snapshot("trust/a_variable_agrees");
}

#[test]
fn nothing_acts() {
    Scene::shop().run("trust").run("trust --show").run("trust --revoke").snapshot("trust/nothing_acts");
}

#[test]
fn no_home() {
    let mut scene = scene().at_terminal(&[typed("shop")]);
    scene.env().home = None;
    scene.run("trust").snapshot("trust/no_home");
}

/// The engine is down.
#[test]
fn without_an_engine() {
    let scene = scene().at_terminal(&[typed("shop")]);
    scene.engine.fail(safe_compose::engine::memory::EngineMethod::Identity);
    assert_eq!(scene.attempt("trust").exit, 0);
}

#[test]
fn check_finds_what_is_inactive() {
    let mut scene = scene();
    scene.run("check").snapshot("trust/check_finds_what_is_inactive");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.prepare("trust");
    assert!(!scene.attempt("check").printed.contains("trust"));
}
