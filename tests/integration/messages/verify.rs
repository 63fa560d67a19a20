//! `verify`, and what is compared after a start: a Qdrant server that has lost data.

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
    server.scene.run("backup --format jsonl").snapshot("verify/portable_file");
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
