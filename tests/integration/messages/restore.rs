//! `restore` of files.

use serde_json::json;

use super::scene::{Scene, typed};

/// A project with a backup, whose `db` has stopped, and holds something else now.
fn changed() -> Scene {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.with_new_engine().with_files("shop_data", &[("base/1/1259", 4096)]).stopped()
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

#[test]
fn dry_run() {
    changed().run("restore --dry-run").run("restore --dry-run --format json").snapshot("restore/dry_run");
}

#[test]
fn without_a_baseline() {
    Scene::shop()
        .run("restore --service db --schema-only")
        .run("restore --service nosuch --schema-only")
        .snapshot("restore/without_a_baseline");
}

#[test]
fn into_another_service() {
    let mut scene = changed();
    let directory = scene.path("backups/db");
    let mut backups = std::fs::read_dir(directory).expect("backups").map(|entry| entry.expect("one").path());
    let backup = backups.find(|path| path.join("manifest.json").is_file()).expect("a backup");
    let name = backup.file_name().expect("a name").to_string_lossy().into_owned();
    scene
        .run(&format!("restore {name} --service nosuch"))
        .run(&format!("restore {name} --service web"))
        .snapshot("restore/into_another_service");
}

#[test]
fn never_merges() {
    let mut scene = changed().with_files("shop_data", &[("base/1/9999", 10)]).at_terminal(&[typed("shop")]);
    scene.run("restore").snapshot("restore/never_merges");
}

#[test]
fn without_a_container() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.engine = safe_compose::engine::memory::MemoryEngine::new();
    scene.run("restore").snapshot("restore/without_a_container");
}
