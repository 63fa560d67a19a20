//! `restore` of files.

use serde_json::json;

use super::scene::{Scene, typed};

/// A project with a backup, whose `db` has stopped, and holds something else now.
fn changed() -> Scene {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.with_new_engine().with_files("shop_data", &[("base/1/PG_VERSION", 4096)]).stopped()
}

/// The same, with nothing in the volume.
fn emptied() -> Scene {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.with_new_engine().stopped()
}

#[test]
fn refused_without_terminal() {
    changed().run("restore").snapshot("restore/refused_without_terminal");
}

#[test]
fn refused_by_settings() {
    let settings = json!({ "guard": { "destroy": "refuse" } });
    changed().with_settings(&settings).run("restore").snapshot("restore/refused_by_settings");
}

#[test]
fn refused_with_wrong_token() {
    changed().run("--safe-allow=000000000000 restore").snapshot("restore/refused_with_wrong_token");
}

#[test]
fn confirmed() {
    changed().at_terminal(&[typed("shop")]).run("restore").snapshot("restore/confirmed");
}

#[test]
fn not_confirmed() {
    changed().at_terminal(&[typed("y")]).run("restore").snapshot("restore/not_confirmed");
}

#[test]
fn into_an_empty_volume() {
    emptied().run("restore").snapshot("restore/into_an_empty_volume");
}

#[test]
fn unchanged() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.stopped().run("restore").snapshot("restore/unchanged");
}

#[test]
fn collections_of_files() {
    changed()
        .run("restore --collection orders")
        .run("restore --as other")
        .run("restore --schema-only")
        .snapshot("restore/collections_of_files");
}

#[test]
fn several_services() {
    let config = json!({
        "name": "shop",
        "services": {
            "db": { "image": "postgres:17", "volumes": [
                { "type": "volume", "source": "data", "target": "/var/lib/postgresql/data", "volume": {} }
            ] },
            "cache": { "image": "redis:7", "volumes": [
                { "type": "volume", "source": "cache", "target": "/data", "volume": {} }
            ] },
        },
        "volumes": { "data": { "name": "shop_data" }, "cache": { "name": "shop_cache" } },
    });
    Scene::shop().with_config(&config).run("restore").snapshot("restore/several_services");
}

#[test]
fn as_json() {
    changed().at_terminal(&[typed("shop")]).run("restore --format json").snapshot("restore/as_json");
}

#[test]
fn keeps_what_is_there() {
    changed().run("restore --skip-existing").snapshot("restore/keeps_what_is_there");
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
