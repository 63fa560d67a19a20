//! `verify`, and what is compared after a start: a Qdrant server that has lost data.

use std::path::PathBuf;

use safe_compose::backup::store::Backup;
use safe_compose::backup::test_restore::TestRestoreResult;
use safe_compose::engine::ContainerState;
use serde_json::json;
use tokio::runtime::Runtime;

use super::scene::{Scene, typed};
use crate::qdrant_stand::Stand;

/// A project with a Qdrant server of two collections.
struct Server {
    runtime: Runtime,
    stand: Stand,
    scene: Scene,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut stand = runtime.block_on(async {
            let stand = Stand::double().await;
            stand.fill("recipes", 50).await;
            stand.fill("photos", 3).await;
            stand
        });
        let config = json!({
            "name": "shop",
            "services": { "qdrant": { "image": "qdrant/qdrant:v1.19.0", "volumes": [
                { "type": "volume", "source": "storage", "target": "/qdrant/storage", "volume": {} }
            ] } },
            "volumes": { "storage": { "name": "shop_storage" } },
        });
        let mut container = stand.container().clone();
        let own = super::scene::container(
            "qdrant",
            "qdrant/qdrant:v1.19.0",
            vec![super::scene::mount("shop_storage", "/qdrant/storage")],
        );
        container.labels = own.labels;
        container.mounts = own.mounts;
        let scene = Scene::empty()
            .with_config(&config)
            .with_image("qdrant/qdrant:v1.19.0")
            .with_volume("shop_storage", "storage")
            .with_container(container);
        Self { runtime, stand, scene }
    }

    fn wait<T>(&self, change: impl Future<Output = T>) -> T {
        self.runtime.block_on(change)
    }

    /// Data goes behind everybody's back.
    fn lose(&self, collection: &str) {
        self.wait(self.stand.delete(collection));
    }
}

#[test]
fn complete() {
    let mut server = Server::start();
    server.scene.run("verify").run("down").run("verify").run("verify --format json").run("up -d");
    server.scene.snapshot("verify/complete");
}

#[test]
fn data_missing() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.lose("recipes");
    server.scene.run("up -d").run("verify").run("verify --format json");
    server.scene.run("verify --accept").run("verify").snapshot("verify/data_missing");
}

/// A second `down` must not make what is left the new baseline.
#[test]
fn loss_stays_until_it_is_accepted() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.lose("recipes");
    server.scene.run_quietly("up -d").prepare("down").run("up -d").run("status").run("backups");
    server.scene.run("verify --accept").run("verify").snapshot("verify/loss_stays_until_it_is_accepted");
}

#[test]
fn loss_ends_with_a_restore() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.lose("recipes");
    server.lose("photos");
    server.scene.run_quietly("up -d").prepare("backup");
    server.scene.run("restore --collection photos").run("up -d").run("restore --skip-existing").run("up -d");
    server.scene.prepare("backup").run("backups").snapshot("verify/loss_ends_with_a_restore");
}

/// `verify` reports a loss first, and the dry run of it records nothing.
#[test]
fn loss_is_recorded_by_verify() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.lose("recipes");
    let baseline = server.scene.path("backups/qdrant/last_stop.json");
    let loss = || {
        let text = std::fs::read(&baseline).expect("there");
        serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")["loss"].clone()
    };
    server.scene.run_quietly("verify --dry-run");
    assert!(loss().is_null());
    server.scene.run_quietly("verify");
    assert_eq!(loss()["missing"].as_array().expect("a list").len(), 1);
}

#[test]
fn restored() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.lose("recipes");
    server.scene.run("restore --skip-existing").run("verify").snapshot("verify/restored");
}

#[test]
fn restored_over_data() {
    let mut server = Server::start();
    server.scene.prepare("backup");
    server.wait(server.stand.write("recipes", 51..=60));
    server.scene.run("restore");
    server.scene = server.scene.at_terminal(&[typed("shop")]);
    server.scene.run("restore").run("backups").snapshot("verify/restored_over_data");
}

#[test]
fn destroyed_on_purpose() {
    let mut server = Server::start();
    server.scene = server.scene.at_terminal(&[typed("shop")]);
    server.scene.prepare("down -v");
    server.lose("recipes");
    server.lose("photos");
    server.scene.run("up -d").snapshot("verify/destroyed_on_purpose");
}

#[test]
fn backup_on_disk() {
    let mut server = Server::start();
    server.scene.run("backup").run("backups show latest").run("verify latest");
    server.scene.run("verify latest --format json").run("verify nosuch").run("verify latest --prove");
    server.scene.snapshot("verify/backup_on_disk");
}

#[test]
fn portable_file() {
    let mut server = Server::start();
    server.scene.run("backup --format jsonl");
    let directory = server.scene.path("backups/qdrant");
    let mut files = std::fs::read_dir(directory).expect("files").map(|entry| entry.expect("an entry").path());
    let file = files.find(|path| path.extension().is_some_and(|extension| extension == "zst")).expect("one");
    let copy = server.scene.path("copy.jsonl.zst");
    std::fs::copy(file, &copy).expect("copied");
    server.scene.run("verify {project}/copy.jsonl.zst");
    server.lose("recipes");
    server
        .scene
        .run("restore {project}/copy.jsonl.zst")
        .run("restore {project}/copy.jsonl.zst --skip-existing");
    let bytes = std::fs::read(&copy).expect("there");
    std::fs::write(&copy, &bytes[..bytes.len() / 2]).expect("cut");
    server.scene.run("verify {project}/copy.jsonl.zst").run("restore {project}/copy.jsonl.zst");
    server.scene.snapshot("verify/portable_file");
}

#[test]
fn schema_only() {
    let mut server = Server::start();
    server.scene.prepare("down");
    for entry in std::fs::read_dir(server.scene.path("backups/qdrant")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.join("manifest.json").is_file() {
            std::fs::remove_dir_all(path).expect("removed");
        }
    }
    server.lose("recipes");
    server.scene.run("verify").run("restore").run("restore --schema-only --skip-existing");
    server.scene.snapshot("verify/schema_only");
}

#[test]
fn parts_of_a_backup() {
    let mut server = Server::start();
    server.scene.prepare("backup");
    server.scene.run("restore --collection recipes --as tried").run("restore --collection nosuch");
    server.scene.snapshot("verify/parts_of_a_backup");
}

#[test]
fn status() {
    let mut server = Server::start();
    server.scene.prepare("down").run("status");
    server.scene = server.scene.at_width(60);
    server.scene.run("status").run("backups").run("history").snapshot("verify/status");
}

#[test]
fn stopped_server() {
    let mut server = Server::start();
    server.scene.prepare("down");
    server.scene.engine.set_state("shop-qdrant-1", ContainerState::Exited);
    for line in ["verify", "verify --accept", "backup", "restore", "status", "down"] {
        server.scene.run(line);
    }
    server.scene.snapshot("verify/stopped_server");
}

#[test]
fn proof_required() {
    let settings = json!({ "backup": { "proof": "restored" } });
    let mut server = Server::start();
    server.scene = server.scene.with_settings(&settings);
    server.scene.run("down").run("backup").run("backups").snapshot("verify/proof_required");
}

fn backups(scene: &Scene) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(scene.path("backups/qdrant")).expect("backups");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.join("manifest.json").is_file()).collect()
}

#[test]
fn failed_test_restore() {
    let mut server = Server::start();
    server.scene.prepare("backup");
    let first = backups(&server.scene);
    server.wait(server.stand.write("recipes", 51..=52));
    server.scene.prepare("backup");
    let newer = backups(&server.scene).into_iter().find(|path| !first.contains(path)).expect("another one");
    let failed = TestRestoreResult {
        image: "qdrant/qdrant:v1.19.0".into(),
        server: Some("1.19.0".into()),
        contents: None,
        reasons: vec!["collection `recipes` has 40 of 52 points".into()],
    };
    Backup::load(&newer).expect("a backup").record_test_restore(&failed).expect("recorded");
    server.scene.run("backups").run("restore --dry-run").run("down --safe-plan");
    server.scene.snapshot("verify/failed_test_restore");
}

#[test]
fn no_server() {
    Scene::shop().run("verify").run("verify --accept").snapshot("verify/no_server");
}

#[test]
fn server_does_not_answer() {
    let mut server = Server::start();
    server.scene.prepare("down");
    let Server { runtime, stand, mut scene } = server;
    drop(stand);
    drop(runtime);
    scene.run("verify").run("verify --accept").run("backup").run("stop");
    scene.snapshot("verify/server_does_not_answer");
}

#[test]
fn damaged_baseline() {
    let mut server = Server::start();
    server.scene.prepare("down");
    let file = server.scene.path("backups/qdrant/last_stop.json");
    assert!(file.is_file());
    std::fs::write(&file, "{").expect("written");
    server
        .scene
        .run("verify")
        .run("status")
        .run("verify --accept --dry-run")
        .run("verify --accept --format json");
    server.scene.snapshot("verify/damaged_baseline");
}

#[test]
fn exported_and_imported() {
    let mut server = Server::start();
    server.scene.run("export-data --dry-run").run("export-data --file-format jsonl --format json");
    let directory = server.scene.path("backups/qdrant");
    let mut files = std::fs::read_dir(directory).expect("files").map(|entry| entry.expect("an entry").path());
    let file = files.find(|path| path.extension().is_some_and(|extension| extension == "zst")).expect("one");
    std::fs::copy(file, server.scene.path("copy.jsonl.zst")).expect("copied");
    server.lose("recipes");
    server
        .scene
        .run("import-data {project}/copy.jsonl.zst --dry-run")
        .run("import-data {project}/copy.jsonl.zst --skip-existing")
        .run("import-data {project}/copy.txt")
        .run("import-data {project}/copy.jsonl.zst --service nosuch")
        .run("import-data {project}/copy.jsonl.zst --collection nosuch");
    server.scene.engine.set_state("shop-qdrant-1", ContainerState::Exited);
    server.scene.run("import-data {project}/copy.jsonl.zst").run("export-data");
    server.scene.snapshot("verify/exported_and_imported");
}

#[test]
fn nothing_to_export() {
    Scene::shop().run("export-data").run("export-data nosuch").snapshot("verify/nothing_to_export");
}

#[test]
fn unchanged_since_its_backup() {
    let mut server = Server::start();
    server.scene.prepare("backup");
    server.scene.run("--safe-plan down").run("down").snapshot("verify/unchanged_since_its_backup");
}

#[test]
fn would_be_destroyed() {
    let mut server = Server::start();
    server.scene.run("down -v").run("--safe-plan --safe-format=json down -v");
    server.scene.snapshot("verify/would_be_destroyed");
}
