//! `repository`: copies of backups off the machine.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use safe_compose::secret::Secret;
use serde_json::{Value, json};

use super::scene::{Scene, typed};
use crate::repository_fixture;

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

/// Data of a stopped service, whose backup is current until it is written to.
fn stopped(more: &Value, on_host: &Path) -> Scene {
    let file = on_host.join("PG_VERSION");
    fs::write(&file, "17").expect("written");
    // A fraction of a second would be in the archive, whose size is in the snapshot.
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for path in [file.as_path(), on_host] {
        fs::File::open(path).and_then(|open| open.set_modified(time)).expect("set");
    }
    let mut scene = Scene::shop().stopped().with_settings(&settings(more)).at_terminal(&[typed("shop")]);
    scene.engine.set_mountpoint("shop_data", on_host);
    scene.env().repository_password = Some(Secret::new("hunter2"));
    scene.env().host_name.push_str("here");
    scene.prepare("trust");
    scene
}

#[test]
fn a_copy_of_a_current_backup_is_required() {
    let on_host = tempfile::tempdir().expect("a directory");
    let mut scene = stopped(&json!({ "required": true }), on_host.path());
    scene.prepare("repository init").prepare("backup").run("down -v");
    // Somebody starts the repository anew.
    fs::remove_dir_all(scene.path("off")).expect("there");
    scene.run("down -v").prepare("repository init").run("down -v");
    scene.snapshot("repository/a_copy_of_a_current_backup_is_required");
}

#[test]
fn what_waits_is_tried_again() {
    let on_host = tempfile::tempdir().expect("a directory");
    let mut scene = stopped(&json!({}), on_host.path());
    scene.run("backup").prepare("repository init").run("down -v").run("status");
    // What was damaged or removed since never gets a copy.
    scene.env().repository_password = Some(Secret::new("wrong"));
    scene.prepare("backup").prepare("backup").run("status");
    let mut names: Vec<_> = fs::read_dir(scene.path("backups/db")).expect("there").flatten().collect();
    names.retain(|entry| entry.path().join("manifest.json").exists());
    names.sort_by_key(fs::DirEntry::file_name);
    fs::remove_dir_all(names[1].path()).expect("there");
    fs::write(names[2].path().join("SHA256SUMS"), "").expect("own file");
    scene.env().repository_password = Some(Secret::new("hunter2"));
    scene.run("repository copy").run("status").snapshot("repository/what_waits_is_tried_again");
}

#[test]
fn verify() {
    let mut scene = scene(&json!({}));
    scene.prepare("repository init").run("verify --repository --prove").prepare("backup");
    scene.run("verify --repository").run("verify --repository --read-data-subset 5%");
    scene.run("verify --repository --read-data --format json").run("verify --repository nothing");
    scene.run("verify --repository --prove --dry-run").run("verify --repository db");
    scene.run("verify --repository latest --format json").run("verify --repository --prove db");
    scene.run("verify --repository db --read-data").run("verify --prove").run("verify --repository --accept");
    scene.snapshot("repository/verify");
}

#[test]
fn parts() {
    let mut scene = scene(&json!({}));
    scene.prepare("repository init").prepare("backup");
    scene.run("restore --from repository --database shop").run("restore --from repository --collection shop");
    scene.snapshot("repository/parts");
}

#[test]
fn what_cannot_be_used() {
    let mut scene = scene(&json!({}));
    // As that of Git.
    fs::create_dir_all(scene.path("off/objects")).expect("made");
    fs::write(scene.path("off/config"), "[core]").expect("written");
    scene.run("repository check").run("backup").run("repository init");
    fs::remove_dir_all(scene.path("off")).expect("there");
    scene.prepare("repository init").prepare("repository copy");
    repository_fixture::of_newer_version(&scene.path("off"), "hunter2");
    scene.run("backups --repository").run("backup").run("restore --from repository");
    scene.run("restore --from rest:http://127.0.0.1:1/").run("restore --from {project}/nowhere");
    scene.snapshot("repository/what_cannot_be_used");
}

#[test]
fn copies_instead_of_backups() {
    let settings =
        |keep: Value, url: &str| json!({ "backup": { "keep": keep, "repository": { "url": url } } });
    let mut scene = Scene::shop().with_settings(&json!({ "backup": { "keep": { "local": 0 } } }));
    scene.run("backup");
    let mut scene = scene.with_settings(&settings(json!({ "local": 0 }), "./off")).at_terminal(&[
        typed("shop"),
        typed("shop"),
        typed("shop"),
    ]);
    scene.env().repository_password = Some(Secret::new("hunter2"));
    scene.env().host_name.push_str("here");
    scene.prepare("trust").run("backup").prepare("repository init").run("backup");
    scene.run("backups").run("status").run("verify latest").run("repository copy");
    scene.run("restore latest --dry-run").run("down -v").run("undo --dry-run");
    fs::rename(scene.path("off"), scene.path("gone")).expect("moved");
    scene.run("restore latest").snapshot("repository/copies_instead_of_backups");
}
