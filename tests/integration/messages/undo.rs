//! `undo`.

use safe_compose::engine::{ContainerState, Image, InRegistry};
use serde_json::json;

use super::scene::{Scene, shop_config, typed};

/// `down -v` ran after a backup; `db` was created anew since, with an empty volume, and has not started.
fn destroyed(line: &str) -> Scene {
    let mut scene = Scene::shop();
    scene.run_with_token(line);
    scene.with_new_engine().stopped()
}

#[test]
fn a_destroyed_volume() {
    let mut scene = destroyed("--safe-allow={token} down -v");
    scene.run("undo --dry-run").run("undo").run("undo").run("history");
    let files = scene.engine.volume_files("shop_data");
    assert!(files.contains_key(std::path::Path::new("base/1/PG_VERSION")), "{files:?}");
    scene.snapshot("undo/a_destroyed_volume");
}

#[test]
fn without_a_backup() {
    let mut scene = destroyed("--safe-skip-backup --safe-allow={token} down -v");
    scene.run("undo --dry-run").run("undo").snapshot("undo/without_a_backup");
}

#[test]
fn with_a_backup_that_is_gone() {
    let mut scene = destroyed("--safe-allow={token} down -v");
    let backups = scene.path("backups/db");
    std::fs::remove_dir_all(backups).expect("removed");
    scene.run("undo").snapshot("undo/with_a_backup_that_is_gone");
}

#[test]
fn a_restore() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let scene = scene.with_new_engine().with_files("shop_data", &[("base/1/PG_VERSION", 4096)]).stopped();
    let mut scene = scene.at_terminal(&[typed("shop")]);
    scene.run_quietly("restore");
    assert_eq!(scene.engine.volume_files("shop_data").len(), 2);
    scene = scene.without_terminal();
    scene.run("undo --dry-run").run("undo");
    scene = scene.at_terminal(&[typed("shop")]);
    scene.run("undo").run("history");
    assert_eq!(scene.engine.volume_files("shop_data").len(), 1);
    scene.snapshot("undo/a_restore");
}

#[test]
fn nothing_to_undo() {
    let mut scene = Scene::shop();
    scene.run("undo").run("undo 3").run_quietly("backup");
    scene.engine.set_state("shop-web-1", ContainerState::Exited);
    scene.run_quietly("down -v").run("history").run("undo 1").run("undo 2").run("undo 0");
    scene.snapshot("undo/nothing_to_undo");
}

/// `down --rmi` has deleted an image that no registry has, and the engine has an image of that name now, or none.
fn image_deleted(now: Option<&str>) -> Scene {
    let with_image = |mut scene: Scene, id: &str| {
        let image = Image { id: id.to_owned(), in_registry: InRegistry::No, ..Image::default() };
        scene.engine = scene.engine.clone().with_image("shop/web:1", image);
        scene
    };
    let mut config = shop_config();
    config["services"]["web"]["image"] = json!("shop/web:1");
    let mut scene = with_image(Scene::shop().with_config(&config), "sha256:old");
    scene.run_with_token("--safe-allow={token} down -v --rmi all");
    let scene = scene.with_new_engine().stopped();
    match now {
        Some(id) => with_image(scene, id),
        None => scene,
    }
}

#[test]
fn a_deleted_image() {
    image_deleted(None).run("undo --dry-run").run("undo").run("undo").snapshot("undo/a_deleted_image");
}

#[test]
fn a_deleted_image_that_was_built_again() {
    let mut scene = image_deleted(Some("sha256:new"));
    scene.run("undo --dry-run").run("undo").snapshot("undo/a_deleted_image_that_was_built_again");
}

/// The user has tagged it again, or loaded it from a file.
#[test]
fn a_deleted_image_that_is_there_again() {
    let scene = image_deleted(Some("sha256:old"));
    let undone = scene.attempt("undo");
    assert_eq!(undone.exit, 0, "{}", undone.printed);
    assert!(!undone.printed.contains("image"), "{}", undone.printed);
}
