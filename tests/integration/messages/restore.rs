//! `restore` of files.

use safe_compose::engine::State;
use serde_json::json;

use super::scene::{Scene, typed};

/// A project with a backup, whose `db` has stopped.
fn stopped() -> Scene {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.engine.set_state("shop-db-1", State::Exited);
    scene
}

#[test]
fn refused_without_terminal() {
    stopped().run("restore").snapshot("restore/refused_without_terminal");
}

#[test]
fn refused_by_settings() {
    let settings = json!({ "guard": { "destroy": "refuse" } });
    stopped().with_settings(&settings).run("restore").snapshot("restore/refused_by_settings");
}

#[test]
fn refused_with_wrong_token() {
    stopped().run("--safe-allow=000000000000 restore").snapshot("restore/refused_with_wrong_token");
}

#[test]
fn confirmed() {
    stopped().at_terminal(&[typed("shop")]).run("restore").snapshot("restore/confirmed");
}

#[test]
fn not_confirmed() {
    stopped().at_terminal(&[typed("y")]).run("restore").snapshot("restore/not_confirmed");
}

#[test]
fn as_json() {
    stopped().at_terminal(&[typed("shop")]).run("restore --format json").snapshot("restore/as_json");
}

#[test]
fn keeps_what_is_there() {
    stopped().run("restore --skip-existing").snapshot("restore/keeps_what_is_there");
}

#[test]
fn running_service() {
    Scene::shop().prepare("backup").run("restore").snapshot("restore/running_service");
}

#[test]
fn no_backup() {
    Scene::shop()
        .run("restore")
        .run("restore nosuch")
        .run("restore --service nosuch")
        .run("restore /nowhere/points.jsonl")
        .snapshot("restore/no_backup");
}

#[test]
fn no_data() {
    Scene::empty().run("restore").snapshot("restore/no_data");
}
