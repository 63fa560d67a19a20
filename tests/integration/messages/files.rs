//! Verification of plain files: the data of a database that is looked at, not asked.

use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::{ContainerState, VolumeIdentity};
use serde_json::json;

use super::scene::{Scene, shop_config, typed};

const SYSTEM: u64 = 7_412_345_678_901_234_567;

/// The beginning of a PostgreSQL's `global/pg_control`.
fn control(system: u64) -> Vec<u8> {
    let mut content = system.to_le_bytes().to_vec();
    content.extend(1300_u32.to_le_bytes());
    content.resize(8192, 0);
    content
}

fn with_system(engine: &MemoryEngine, system: u64) -> MemoryEngine {
    engine.clone().with_volume_file("shop_data", "global/pg_control", control(system))
}

/// The project `shop` with a PostgreSQL that has initialised its data.
fn shop() -> Scene {
    let mut scene = Scene::shop();
    scene.engine = with_system(&scene.engine, SYSTEM);
    scene
}

/// `docker compose down -v` behind our back, and a server that starts anew.
fn start_anew(scene: &mut Scene) {
    scene.engine.replace_volume("shop_data", &VolumeIdentity::created_at("2026-11-29T10:00:00Z"));
    scene.engine = with_system(&scene.engine, 1);
}

#[test]
fn the_same_database() {
    let mut scene = shop();
    scene.run("up -d").run("up -d").run("verify").run("verify --format json").run("status");
    scene.snapshot("files/the_same_database");
}

#[test]
fn another_database() {
    let mut scene = shop();
    scene.run_quietly("up -d").prepare("backup");
    start_anew(&mut scene);
    scene.run("up -d").run("verify").run("verify --format json").run("status").run("backup").run("backups");
    scene.run_quietly("down").run("up -d").run("verify --accept").run("verify");
    scene.snapshot("files/another_database");
}

/// A stack that was only ever stopped by plain Compose is known by its newest backup.
#[test]
fn another_database_than_the_one_of_the_newest_backup() {
    let mut scene = shop();
    scene.prepare("backup");
    start_anew(&mut scene);
    scene.run("up -d").snapshot("files/another_database_than_the_one_of_the_newest_backup");
}

#[test]
fn database_without_data() {
    let mut scene = shop();
    scene.run_quietly("up -d");
    scene.engine.replace_volume("shop_data", &VolumeIdentity::created_at("2026-11-29T10:00:00Z"));
    scene.run("up -d").snapshot("files/database_without_data");
}

/// A marked backup is one, although it is never chosen by itself.
#[test]
fn only_a_marked_backup() {
    let mut scene = shop().with_files("shop_data", &[("PG_VERSION", 3)]);
    scene.run_quietly("up -d");
    start_anew(&mut scene);
    scene = scene.with_files("shop_data", &[("PG_VERSION", 3)]);
    scene.run("backup").run("status").run("status --format json").snapshot("files/only_a_marked_backup");
}

/// What replaced the data behind our back is not what the next start is compared with.
#[test]
fn another_database_is_stopped() {
    let mut scene = shop();
    scene.run_quietly("up -d");
    start_anew(&mut scene);
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "PG_VERSION", "17");
    scene.prepare("down").run("status").run("up -d").snapshot("files/another_database_is_stopped");
}

/// A program whose data has no identifier is known by its volume.
#[test]
fn volume_created_again() {
    let mut config = shop_config();
    config["services"]["db"]["image"] = json!("mongo:7");
    config["services"]["db"]["volumes"][0]["target"] = json!("/data/db");
    let mount = super::scene::mount("shop_data", "/data/db");
    let mut scene = Scene::empty()
        .with_config(&config)
        .with_image("mongo:7")
        .with_volume("shop_data", "data")
        .with_files("shop_data", &[("WiredTiger", 47)])
        .with_container(super::scene::container("db", "mongo:7", vec![mount]));
    scene.run("up -d").run("up -d");
    scene.engine.replace_volume("shop_data", &VolumeIdentity::created_at("2026-11-29T10:00:00Z"));
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "WiredTiger", "x");
    scene.run("up -d").snapshot("files/volume_created_again");
}

#[test]
fn destroyed_on_purpose() {
    let mut scene = shop().at_terminal(&[typed("shop")]);
    scene.prepare("down -v");
    start_anew(&mut scene);
    scene.run("up -d").run("up -d");
    start_anew(&mut scene);
    scene.engine = with_system(&scene.engine, 2);
    scene.run("up -d").snapshot("files/destroyed_on_purpose");
}

/// What cannot be verified is never a success.
#[test]
fn stopped_database() {
    let mut scene = shop();
    scene.run_quietly("up -d").prepare("down");
    scene.engine.set_state("shop-db-1", ContainerState::Exited);
    scene.run("verify");
    scene.engine.remove_container("shop-db-1");
    scene.run("verify").run("verify --format json").run("verify --accept");
    scene.engine.remove_volume("shop_data");
    scene.run("verify").snapshot("files/stopped_database");
}

#[test]
fn files_that_cannot_be_read() {
    let mut scene = shop();
    scene.engine.fail(EngineMethod::ReadArchive);
    scene.run("up -d").run("verify").snapshot("files/files_that_cannot_be_read");
}

#[test]
fn disposable_data_is_not_verified() {
    let settings = json!({ "volumes": { "data": { "disposable": true } } });
    let mut scene = shop().with_settings(&settings);
    scene.run("up -d").run("verify").snapshot("files/disposable_data_is_not_verified");
    assert!(!scene.path("backups").exists());
}

/// Healthy stacks cost a few small requests and no helper.
#[test]
fn looking_is_cheap() {
    let mut scene = shop();
    scene.run_quietly("up -d");
    let before = scene.engine.count(EngineMethod::ReadArchive);
    scene.run_quietly("up -d");
    assert_eq!(scene.engine.count(EngineMethod::ReadArchive) - before, 1);
    assert_eq!(scene.engine.count(EngineMethod::CreateHelper), 0);
}

#[test]
fn backup_that_shrank() {
    let names: Vec<String> = (0..120).map(|number| format!("base/5/{number}")).collect();
    let many: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let mut scene = shop().with_files("shop_data", &many);
    scene.prepare("backup").prepare("backup");
    scene.engine.replace_volume("shop_data", &VolumeIdentity::created_at("2026-11-29T10:00:00Z"));
    scene.engine = with_system(&scene.engine, SYSTEM);
    scene = scene.with_files("shop_data", &[("PG_VERSION", 3)]);
    scene.run("backup").run("backups").run("status").run("backups prune --dry-run");
    scene.run("verify --accept").run("backup").snapshot("files/backup_that_shrank");
}

/// What replaced the data behind our back is not what a restore brings back: the backup that is made of it is marked.
#[test]
fn another_database_is_backed_up() {
    let mut scene = shop().with_files("shop_data", &[("PG_VERSION", 3)]).at_terminal(&[typed("shop")]);
    scene.run_quietly("up -d").prepare("backup");
    start_anew(&mut scene);
    scene = scene.with_files("shop_data", &[("PG_VERSION", 3)]);
    scene.run("down -v").run("backups").run("restore --dry-run");
    scene.snapshot("files/another_database_is_backed_up");
}

/// A program that is not known, with files in the volume `data`.
fn unknown() -> Scene {
    let mut config = shop_config();
    config["services"]["db"]["image"] = json!("acme/app:1");
    config["services"]["db"]["volumes"][0]["target"] = json!("/app/data");
    let mount = super::scene::mount("shop_data", "/app/data");
    Scene::empty()
        .with_config(&config)
        .with_image("acme/app:1")
        .with_volume("shop_data", "data")
        .with_files("shop_data", &[("app.db", 47)])
        .with_container(super::scene::container("db", "acme/app:1", vec![mount]))
}

/// `up` and `verify` agree: that the volume was replaced is certain.
#[test]
fn volume_of_an_unknown_program_created_again() {
    let mut scene = unknown();
    scene.run("up -d");
    scene.engine.replace_volume("shop_data", &VolumeIdentity::created_at("2026-11-29T10:00:00Z"));
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "other", "x");
    scene.run("up -d").run("verify").run("verify --accept").run("up -d");
    scene.snapshot("files/volume_of_an_unknown_program_created_again");
}

/// A program may remove its own files.
#[test]
fn volume_of_an_unknown_program_emptied() {
    let mut scene = unknown();
    scene.run_quietly("up -d");
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "app.db", "");
    scene.run("up -d").run("verify").snapshot("files/volume_of_an_unknown_program_emptied");
}
