//! `repository`: copies of backups off the machine.

use safe_compose::secret::Secret;
use serde_json::{Value, json};

use super::scene::{Scene, typed};

fn settings(more: &Value) -> Value {
    let mut repository = json!({ "url": "./off" });
    for (key, value) in more.as_object().expect("an object") {
        repository[key] = value.clone();
    }
    json!({ "backup": { "repository": repository } })
}

/// A project whose settings the user has agreed to.
fn scene(more: &Value) -> Scene {
    let mut scene = Scene::shop().with_settings(&settings(more)).at_terminal(&[typed("shop")]);
    scene.env().repository_password = Some(Secret::new("hunter2"));
    scene.env().host_name.push_str("here");
    scene.prepare("trust");
    scene
}

#[test]
fn create_and_copy() {
    let mut scene = scene(&json!({}));
    scene.run("repository init --dry-run").run("repository init").run("repository init");
    scene.run("backup").run("repository copy").run("backups --repository --format json");
    scene.run("repository check").run("repository check --read-data").run("repository check --format json");
    scene.run("repository prune --dry-run").run("repository prune");
    scene.snapshot("repository/create_and_copy");
}

#[test]
fn not_created_yet() {
    let mut scene = scene(&json!({}));
    scene
        .run("backup")
        .run("status")
        .run("repository copy")
        .run("repository check")
        .run("restore --from repository");
    scene.prepare("repository init").run("repository copy --dry-run").run("repository copy");
    scene.run("repository copy --format json").run("status").snapshot("repository/not_created_yet");
}

#[test]
fn a_copy_is_required() {
    let mut scene = scene(&json!({ "required": true })).without_terminal();
    scene.run("backup").run_with_token("--safe-allow={token} down -v");
    scene.snapshot("repository/a_copy_is_required");
}

#[test]
fn restore() {
    let mut scene = scene(&json!({}));
    scene.prepare("repository init").prepare("backup");
    scene.run("restore --from repository --dry-run").run("restore --from repository nothing");
    scene.run("restore --from sftp:here").run("restore --from b2:bucket:path");
    scene.snapshot("repository/restore");
}

#[test]
fn passwords() {
    let mut scene = scene(&json!({}));
    scene.prepare("repository init");
    scene.env().repository_password = Some(Secret::new("wrong"));
    scene.run("repository check");
    scene.env().repository_password = None;
    scene.run("repository check").snapshot("repository/passwords");
}

#[test]
fn not_agreed_and_not_set() {
    let mut scene = Scene::shop();
    scene.run("repository init").run("backups --repository");
    let mut scene = scene.with_settings(&settings(&json!({})));
    scene.run("repository init").run("backup").run("restore --from repository");
    scene.snapshot("repository/not_agreed_and_not_set");
}
