//! Checks before services start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use safe_compose::engine::Image;
use serde_json::json;

use super::scene::Scene;

/// A project whose `db` keeps its data in `./data`, as a user that is not root.
fn bound() -> Scene {
    let config = json!({
        "name": "shop",
        "services": { "db": { "image": "postgres:17", "user": "1000:1000", "volumes": [
            { "type": "bind", "source": "./data", "target": "/var/lib/postgresql/data",
              "bind": { "create_host_path": true } }
        ] } },
    });
    let mut scene = Scene::empty().with_config(&config);
    let image = Image { id: "sha256:1".into(), user: "1000".into(), ..Image::default() };
    scene.engine = scene.engine.clone().with_image("postgres:17", image);
    scene
}

#[test]
fn missing_directory() {
    bound().run("--safe-plan up -d").run("up -d").snapshot("start/missing_directory");
}

#[test]
fn directory_not_writable() {
    let mut scene = bound();
    let data = scene.path("data");
    fs::create_dir(&data).expect("made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).expect("set");
    scene.run("up -d").run("--safe-skip-checks up -d").snapshot("start/directory_not_writable");
}

#[test]
fn not_a_directory() {
    bound().with_file("data", "a file").run("up -d").snapshot("start/not_a_directory");
}
