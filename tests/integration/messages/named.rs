//! A project that is named in another directory.

use serde_json::json;

use super::scene::{Scene, typed};

#[test]
fn found_by_its_name() {
    let settings = json!({ "backup": { "directory": "saved" } });
    let mut scene = Scene::shop().with_settings(&settings).elsewhere();
    scene.run("-p shop backup").run("-p shop backups").run("-p shop down -v").run("-p shop status");
    assert!(scene.path("saved/db").is_dir());
    scene.snapshot("named/found_by_its_name");
}

#[test]
fn directory_gone() {
    let mut scene = Scene::shop().elsewhere().at_terminal(&[typed("shop")]);
    scene = scene.with_refused_file("no configuration file provided: not found\n");
    std::fs::remove_dir_all(scene.path("")).expect("removed");
    scene.run("-p shop down -v").run("-p shop backups").run("-p shop restore latest --service db --dry-run");
    scene.snapshot("named/directory_gone");
}

#[test]
fn only_volumes_are_left() {
    let mut scene = Scene::empty().with_volume("shop_other", "other").elsewhere();
    scene.run("-p shop down -v").snapshot("named/only_volumes_are_left");
}

/// Its directory has another path now, or a checkout of its own for each build.
#[test]
fn moved_here() {
    let mut scene = Scene::shop().elsewhere();
    std::fs::remove_dir_all(scene.path("")).expect("removed");
    scene.run("-p shop backup").run("-p shop down -v").snapshot("named/moved_here");
}

/// Nothing on the engine tells which service the volume is of, and a backup has it.
#[test]
fn only_volumes_are_left_and_a_backup_has_one() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    for container in ["shop-db-1", "shop-web-1"] {
        scene.engine.remove_container(container);
    }
    scene.run("-p shop --safe-plan down -v").snapshot("named/only_volumes_are_left_and_a_backup_has_one");
}

/// No container is left, and a guarded command has recorded the directory.
#[test]
fn found_after_a_down() {
    let mut scene = Scene::shop().elsewhere();
    let elsewhere = scene.env().current_dir.clone();
    let project = scene.path("");
    scene.env().current_dir = project;
    scene.run_quietly("down");
    for container in ["shop-db-1", "shop-web-1"] {
        scene.engine.remove_container(container);
    }
    scene.env().current_dir = elsewhere;
    scene.run("-p shop status").run("status --all").snapshot("named/found_after_a_down");
}
