//! Hooks: programs that the settings name, run for what happens to the project's data.

use std::fs;

use serde_json::{Value, json};

use super::scene::{Scene, typed};

/// A project with hooks that the user has agreed to.
fn scene(hooks: &Value) -> Scene {
    let mut scene = Scene::shop().with_settings(&json!({ "hooks": hooks })).at_terminal(&[typed("shop")]);
    scene.prepare("trust");
    scene.without_terminal()
}

/// Writes what it gets into files with the name of the event.
fn recording() -> Value {
    json!([
        "sh",
        "-c",
        "cat >\"$SAFE_COMPOSE_EVENT.json\"; env | grep ^SAFE_COMPOSE_ | sort >\"$SAFE_COMPOSE_EVENT.env\""
    ])
}

fn document(scene: &Scene, event: &str) -> Value {
    let text =
        fs::read(scene.path(&format!("{event}.json"))).unwrap_or_else(|_| panic!("{event} did not run"));
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn before_and_after_a_backup() {
    let mut scene = scene(&json!({ "before_backup": recording(), "after_backup": recording() }));
    scene.env().qdrant_api_key = None;
    scene.run("backup").snapshot("hooks/before_and_after_a_backup");
    let before = document(&scene, "before_backup");
    assert_eq!((&before["project"], &before["services"]), (&json!("shop"), &json!(["db"])));
    assert_eq!(before["backups"], json!([]));
    let after = document(&scene, "after_backup");
    let backup = &after["backups"][0];
    assert_eq!((&backup["services"], &backup["proof"]), (&json!(["db"]), &json!("readable")));
    let directory = backup["directory"].as_str().expect("a path");
    assert!(fs::metadata(directory).expect("it exists").is_dir());
    assert_eq!((&after["event"], &after["command"]), (&json!("after_backup"), &json!("backup")));
    let variables = fs::read_to_string(scene.path("after_backup.env")).expect("written");
    for line in ["SAFE_COMPOSE_PROJECT=shop", "SAFE_COMPOSE_SERVICES=db", "SAFE_COMPOSE_COMMAND=backup"] {
        assert!(variables.lines().any(|found| found == line), "{line}: {variables}");
    }
    assert!(variables.contains(&format!("SAFE_COMPOSE_BACKUPS={directory}\n")), "{variables}");
}

#[test]
fn without_an_agreement_nothing_runs() {
    let hooks = json!({ "before_backup": ["touch", "ran"], "on_refusal": ["touch", "ran"] });
    let mut scene = Scene::shop().with_settings(&json!({ "hooks": hooks }));
    scene.run("backup").run("down -v").run("down");
    assert!(!scene.path("ran").exists());
    scene.snapshot("hooks/without_an_agreement_nothing_runs");
}

#[test]
fn a_dry_run_runs_no_hook() {
    let hooks = json!({ "before_backup": ["touch", "ran"], "on_refusal": ["touch", "ran"] });
    let scene = scene(&hooks);
    for line in ["--safe-plan down -v", "backup --dry-run", "--dry-run down -v"] {
        scene.attempt(line);
    }
    assert!(!scene.path("ran").exists());
    scene.attempt("backup");
    assert!(scene.path("ran").exists());
}

#[test]
fn what_a_hook_runs_starts_no_hook() {
    let mut scene = scene(&json!({ "before_backup": ["touch", "ran"] }));
    scene.env().in_hook = true;
    assert_eq!(scene.attempt("backup").exit, 0);
    assert!(!scene.path("ran").exists());
}

#[test]
fn a_failing_hook_before_a_backup() {
    let failing = json!(["sh", "-c", "echo 'no\u{1b}[2J space' >&2; exit 3"]);
    let mut scene = scene(&json!({ "before_backup": failing, "on_failure": recording() }));
    scene.run("backup").run("down");
    let failure = document(&scene, "on_failure");
    assert_eq!(failure["error"]["exit_code"], json!(74));
    assert_eq!(failure["command"], json!("down"));
    assert!(fs::read_dir(scene.path("backups/db")).is_err(), "nothing was backed up");
    scene.snapshot("hooks/a_failing_hook_before_a_backup");
}

#[test]
fn a_failing_hook_that_only_warns() {
    let failing = |on_error: &str| json!({ "run": ["false"], "on_error": on_error });
    let mut scene =
        scene(&json!({ "before_backup": failing("warn"), "after_backup": ["/nonexistent/hook"] }));
    scene.run("backup").run("down").snapshot("hooks/a_failing_hook_that_only_warns");
}

#[test]
fn a_failing_hook_after_a_backup() {
    let mut scene = scene(&json!({ "after_backup": { "run": ["false"], "on_error": "fail" } }));
    scene.run("down -v").run_with_token("--safe-allow={token} down -v").run("backups");
    scene.snapshot("hooks/a_failing_hook_after_a_backup");
}

#[test]
fn a_hook_that_takes_too_long() {
    let slow = json!({ "run": ["sh", "-c", "echo waiting; sleep 60"], "timeout": 1 });
    let mut scene = scene(&json!({ "before_backup": slow }));
    scene.run("backup").snapshot("hooks/a_hook_that_takes_too_long");
}

#[test]
fn a_refusal() {
    let mut scene = scene(&json!({ "on_refusal": recording() }));
    scene.run("down -v").snapshot("hooks/a_refusal");
    let refusal = document(&scene, "on_refusal");
    assert_eq!((&refusal["error"]["exit_code"], &refusal["command"]), (&json!(77), &json!("down -v")));
}

/// Whoever answers no at a terminal knows it.
#[test]
fn an_answer_at_a_terminal_is_no_refusal() {
    let scene = scene(&json!({ "on_refusal": recording() })).at_terminal(&[typed("no")]);
    assert_eq!(scene.attempt("down -v").exit, 77);
    assert!(!scene.path("on_refusal.json").exists());
}

#[test]
fn a_loss() {
    let mut scene = scene(&json!({ "on_loss": recording() }));
    scene.run_quietly("verify");
    scene = scene.with_new_engine();
    scene.run("verify").snapshot("hooks/a_loss");
    let loss = document(&scene, "on_loss");
    assert_eq!(loss["error"]["exit_code"], json!(76));
    fs::remove_file(scene.path("on_loss.json")).expect("removed");
    assert_eq!(scene.attempt("verify --all").exit, 76);
    document(&scene, "on_loss");
    fs::remove_file(scene.path("on_loss.json")).expect("removed");
    assert_eq!(scene.attempt("up -d").exit, 76);
    document(&scene, "on_loss");
}

#[test]
fn a_mistake_in_the_settings() {
    let mut scene = Scene::shop().with_settings(&json!({ "hooks": { "before_backup": "./a b" } }));
    scene.run("backup").snapshot("hooks/a_mistake_in_the_settings");
}
