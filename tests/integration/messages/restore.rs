//! `restore` of files.

use std::collections::BTreeSet;

use safe_compose::engine::ContainerState;
use serde_json::json;

use super::scene::{Scene, container, mount, typed};

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

/// The safety copy of the first restore is newer than the backup, and is not what the second one restores.
#[test]
fn twice() {
    changed().at_terminal(&[typed("shop")]).run("restore").run("restore").snapshot("restore/twice");
}

/// Two services whose data is restored with one question.
fn pair() -> Scene {
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
    with_cache(Scene::shop().with_config(&config)).with_files("shop_cache", &[("dump.rdb", 100)])
}

fn with_cache(scene: Scene) -> Scene {
    let data = mount("shop_cache", "/data");
    scene.with_image("redis:7").with_volume("shop_cache", "cache").with_container(container(
        "cache",
        "redis:7",
        vec![data],
    ))
}

fn lost_pair(left: &str) -> Scene {
    let mut scene = pair();
    scene.prepare("backup");
    let scene = with_cache(scene.with_new_engine()).with_files("shop_data", &[(left, 5)]).stopped();
    scene.engine.set_state("shop-cache-1", ContainerState::Exited);
    scene
}

#[test]
fn everything_at_once() {
    let mut scene = lost_pair("base/1/PG_VERSION");
    scene.run("restore --all --dry-run").run("restore --all");
    scene
        .at_terminal(&[typed("shop")])
        .run("restore --all")
        .run("backups")
        .snapshot("restore/everything_at_once");
}

/// One of its services has a file that the backup does not have, and not afterwards.
#[test]
fn a_set() {
    let mut scene = lost_pair("other").at_terminal(&[typed("shop")]);
    let entries = std::fs::read_dir(scene.path("backups")).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let set = names.into_iter().find(|name| name.starts_with("backup_set_")).expect("a set");
    let set = set.trim_end_matches(".json");
    scene.run(&format!("restore {set}")).run("restore backup_set_20200101_000000").snapshot("restore/a_set");
}

/// The names of the backups that `restore` would use, sorted.
fn meant(scene: &Scene) -> Vec<String> {
    let ended = scene.attempt("restore --dry-run");
    assert_eq!(ended.exit, 0, "{:?}", ended.printed);
    let words = ended.printed.split("from `").filter_map(|rest| rest.split('`').next().map(str::to_owned));
    let names: BTreeSet<String> = words.filter(|word| word.contains("_backup_")).collect();
    names.into_iter().collect()
}

fn backups(scene: &Scene, store: &str) -> Vec<String> {
    let entries = std::fs::read_dir(scene.path("backups").join(store)).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.contains("_backup_")).collect();
    names.sort();
    names
}

/// The newest set has only what had changed.
#[test]
fn what_was_unchanged_is_restored_from_an_earlier_set() {
    let mut scene = pair();
    scene.prepare("backup");
    let mut scene = scene.with_files("shop_data", &[("base/2/PG_VERSION", 9)]);
    scene.prepare("backup db");
    let (db, cache) = (backups(&scene, "db"), backups(&scene, "cache"));
    assert_eq!((db.len(), cache.len()), (2, 1));
    let scene = with_cache(scene.with_new_engine()).stopped();
    assert_eq!(meant(&scene), [cache[0].clone(), db[1].clone()]);
}

#[test]
fn what_belongs_together_goes_back_together() {
    for is_together in [true, false] {
        let groups = if is_together { json!([["db", "cache"]]) } else { json!([]) };
        let mut scene = pair().with_settings(&json!({ "backup": { "together": groups } }));
        scene.prepare("backup");
        let mut scene = scene.with_files("shop_data", &[("new", 9)]).with_files("shop_cache", &[("new", 9)]);
        scene.prepare("backup");
        let (db, cache) = (backups(&scene, "db"), backups(&scene, "cache"));
        let manifest = scene.path("backups").join("db").join(&db[1]).join("manifest.json");
        let text = std::fs::read_to_string(&manifest).expect("a manifest");
        assert!(text.contains(r#""role": "normal""#), "{text}");
        std::fs::write(&manifest, text.replace(r#""role": "normal""#, r#""role": "after_loss""#))
            .expect("written");
        let scene = with_cache(scene.with_new_engine()).stopped();
        let cache = if is_together { &cache[0] } else { &cache[1] };
        assert_eq!(meant(&scene), [cache.clone(), db[0].clone()]);
    }
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

/// What the dry run prints is what a script needs.
#[test]
fn the_token_of_a_dry_run_confirms_the_restore() {
    let token = |scene: &Scene| {
        let printed = scene.attempt("restore --dry-run --format json").printed;
        let json = printed.find('{').map_or("", |start| &printed[start..]);
        let shown: serde_json::Value = serde_json::from_str(json).expect("JSON");
        shown["token"].as_str().map(str::to_owned)
    };
    let mut running = Scene::shop();
    running.prepare("backup");
    running = running.with_new_engine().with_files("shop_data", &[("base/1/PG_VERSION", 4096)]);
    let stopped = changed();
    for scene in [&running, &stopped] {
        let token = token(scene).expect("a token");
        let refused = scene.attempt("restore");
        assert_eq!(refused.exit, 77, "it has to be confirmed");
        assert!(refused.printed.contains(&format!("--safe-allow={token}")), "{token}: {}", refused.printed);
    }
    let confirmed = format!("--safe-allow={} restore", token(&stopped).expect("a token"));
    let restored = stopped.attempt(&confirmed);
    assert_eq!(restored.exit, 0, "{}", restored.printed);
    assert_eq!(token(&stopped), None, "nothing differs any more");
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
fn data_that_the_backup_lacks() {
    let mut scene = changed().with_files("shop_data", &[("base/1/9999", 10)]).at_terminal(&[typed("shop")]);
    scene.run("restore").snapshot("restore/data_that_the_backup_lacks");
}

#[test]
fn without_a_container() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    scene.engine = safe_compose::engine::memory::MemoryEngine::new();
    scene.run("restore").snapshot("restore/without_a_container");
}
