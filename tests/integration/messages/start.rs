//! Checks before services start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use safe_compose::engine::{Image, MountSource};
use serde_json::json;

use super::scene::{Scene, container, mount};

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

/// A project whose `qdrant` keeps its data in `./storage`, as a user that is not root.
fn server() -> Scene {
    let image = "qdrant/qdrant:v1.19.0-unprivileged";
    let config = json!({
        "name": "shop",
        "services": { "qdrant": { "image": image, "user": "1000:1000", "volumes": [
            { "type": "bind", "source": "./storage", "target": "/qdrant/storage",
              "bind": { "create_host_path": true } }
        ] } },
    });
    let mut scene = Scene::empty().with_config(&config);
    let found = Image { id: "sha256:1".into(), user: "1000".into(), ..Image::default() };
    scene.engine = scene.engine.clone().with_image(image, found);
    scene
}

#[test]
fn server_cannot_write() {
    let mut scene = server();
    let storage = scene.path("storage");
    fs::create_dir(&storage).expect("made");
    fs::set_permissions(&storage, fs::Permissions::from_mode(0o555)).expect("set");
    scene.run("--safe-plan up -d").run("up -d").run("--safe-skip-checks up -d");
    scene.snapshot("start/server_cannot_write");
}

#[test]
fn not_a_directory() {
    server().with_file("storage", "a file").run("up -d").snapshot("start/not_a_directory");
}

#[test]
fn link_to_nothing() {
    let mut scene = server();
    std::os::unix::fs::symlink("/nowhere/storage", scene.path("storage")).expect("linked");
    scene.run("up -d").snapshot("start/link_to_nothing");
}

#[test]
fn external_volume_missing() {
    let config = json!({
        "name": "shop",
        "services": { "db": { "image": "postgres:17", "volumes": [
            { "type": "volume", "source": "data", "target": "/var/lib/postgresql/data", "volume": {} }
        ] } },
        "volumes": { "data": { "name": "company_data", "external": true } },
    });
    let mut scene = Scene::empty().with_config(&config).with_image("postgres:17");
    scene.run("up -d").snapshot("start/external_volume_missing");
}

#[test]
fn data_in_an_anonymous_volume() {
    let config = json!({ "name": "shop", "services": { "db": { "image": "postgres:17" } } });
    let name = "a".repeat(64);
    let mut container = container("db", "postgres:17", vec![mount(&name, "/var/lib/postgresql/data")]);
    if let MountSource::Volume { anonymous, .. } = &mut container.mounts[0].source {
        *anonymous = true;
    }
    let mut scene = Scene::empty()
        .with_config(&config)
        .with_image("postgres:17")
        .with_volume(&name, "")
        .with_files(&name, &[("base/1/1259", 8192)])
        .with_container(container);
    scene.run("up -d -V").run("up -d --force-recreate").run("rm -sfv").run("status");
    scene.snapshot("start/data_in_an_anonymous_volume");
}
