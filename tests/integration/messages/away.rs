//! Stores that start away from their data, and data beside the mounts.

use std::fs;

use safe_compose::engine::Image;
use serde_json::{Value, json};

use super::scene::{Scene, container, mount};

const DATA: &str = "/var/lib/postgresql/data";

fn config(image: &str, volumes: &Value) -> Value {
    json!({
        "name": "shop",
        "services": { "db": { "image": image, "volumes": volumes } },
        "volumes": { "data": { "name": "shop_data" } },
    })
}

fn image(id: &str, volume: &str, pgdata: &str) -> Image {
    Image {
        id: id.into(),
        volumes: vec![volume.into()],
        environment: [("PGDATA".to_owned(), pgdata.to_owned())].into(),
        ..Image::default()
    }
}

/// The volume of a PostgreSQL 17 that is down, and the images of two versions.
fn down() -> Scene {
    let mut scene =
        Scene::empty().with_volume("shop_data", "data").with_files("shop_data", &[("base/1", 8192)]);
    let new = image("18", "/var/lib/postgresql", "/var/lib/postgresql/18/docker");
    scene.engine =
        scene.engine.with_image("postgres:17", image("17", DATA, DATA)).with_image("postgres:18", new);
    scene
}

fn named() -> Value {
    json!([{ "type": "volume", "source": "data", "target": DATA, "volume": {} }])
}

#[test]
fn data_path_moved() {
    let mut scene = down().with_config(&config("postgres:18", &named()));
    scene.run("up -d").run("--safe-plan up -d").snapshot("away/data_path_moved");
}

#[test]
fn data_path_moved_while_the_old_version_runs() {
    let mut scene = down().with_config(&config("postgres:18", &named())).with_container(container(
        "db",
        "postgres:17",
        vec![mount("shop_data", DATA)],
    ));
    scene.run("up -d").snapshot("away/data_path_moved_while_running");
}

#[test]
fn override_file_not_read() {
    let mut scene = down()
        .with_config(&json!({ "name": "shop", "services": { "db": { "image": "postgres:17" } } }))
        .with_file(
            "compose.override.yaml",
            "services: { db: { volumes: [ './pg:/var/lib/postgresql/data' ] } }",
        );
    fs::create_dir(scene.path("pg")).expect("made");
    fs::write(scene.path("pg/PG_VERSION"), "17").expect("written");
    scene.run("-f {project}/compose.yaml up -d").snapshot("away/override_file_not_read");
}

#[test]
fn database_in_the_layer() {
    let config = json!({ "name": "shop", "services": { "panel": { "image": "acme/panel:1" } } });
    let mut scene = Scene::empty().with_config(&config).with_image("acme/panel:1");
    scene = scene.with_container(container("panel", "acme/panel:1", Vec::new()));
    let id = "id-panel";
    scene.engine = scene.engine.with_container_file(id, "/srv/data/panel.sqlite", vec![0; 20_000]);
    scene.run("down").run("stop").snapshot("away/database_in_the_layer");
}
