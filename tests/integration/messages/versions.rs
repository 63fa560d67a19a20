//! Data of another version than the image that is about to open it.

use std::collections::BTreeMap;

use safe_compose::engine::{ContainerState, Image};
use serde_json::json;

use super::scene::{Scene, container, mount};

/// A project whose `db` has this image, and its data in the volume `data`.
pub(super) fn project(image: &str, target: &str) -> Scene {
    let config = json!({
        "name": "shop",
        "services": { "db": { "image": image, "volumes": [
            { "type": "volume", "source": "data", "target": target, "volume": {} }
        ] } },
        "volumes": { "data": { "name": "shop_data" } },
    });
    Scene::empty().with_config(&config).with_volume("shop_data", "data")
}

pub(super) fn with_image(mut scene: Scene, reference: &str, variable: (&str, &str)) -> Scene {
    let environment = BTreeMap::from([(variable.0.to_owned(), variable.1.to_owned())]);
    let image = Image { id: format!("sha256:{reference}"), environment, ..Image::default() };
    scene.engine = scene.engine.clone().with_image(reference, image);
    scene
}

pub(super) fn with_file(mut scene: Scene, path: &str, content: &str) -> Scene {
    scene.engine = scene.engine.clone().with_volume_file("shop_data", path, content);
    scene
}

/// The control file of version 15, by its catalog.
pub(super) fn with_control_file(mut scene: Scene) -> Scene {
    let mut content = 7_412_345_678_901_234_567_u64.to_le_bytes().to_vec();
    content.extend(1300_u32.to_le_bytes());
    content.extend(202_209_061_u32.to_le_bytes());
    content.resize(8192, 0);
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "global/pg_control", content);
    scene
}

/// PostgreSQL 17 is to open the data of version 15.
pub(super) fn postgresql() -> Scene {
    let scene = project("postgres:17", "/var/lib/postgresql/data");
    let scene = with_image(scene, "postgres:17", ("PG_MAJOR", "17"));
    with_file(with_image(scene, "postgres:15", ("PG_MAJOR", "15")), "PG_VERSION", "15\n")
}

pub(super) fn postgresql_container(image: &str) -> safe_compose::engine::Container {
    container("db", image, vec![mount("shop_data", "/var/lib/postgresql/data")])
}

#[test]
fn postgresql_of_another_major_version() {
    let mut scene = postgresql();
    scene.run("--safe-plan up -d").run("up -d").run("run --rm db").run("run --rm db bash");
    scene.run("--safe-skip-checks up -d").snapshot("versions/postgresql");
}

#[test]
fn postgresql_that_still_runs() {
    let mut scene = postgresql().with_container(postgresql_container("postgres:15"));
    scene
        .run("up -d")
        .run("restart")
        .run("up -d --no-recreate")
        .snapshot("versions/postgresql_that_still_runs");
}

#[test]
fn the_tag_moved() {
    let scene = project("postgres:latest", "/var/lib/postgresql/data");
    let scene = with_image(with_file(scene, "PG_VERSION", "15\n"), "postgres:latest", ("PG_MAJOR", "17"));
    let mut before = postgresql_container("postgres:latest");
    before.image_id = "sha256:before".into();
    before.state = ContainerState::Exited;
    scene.with_container(before).run("up -d").snapshot("versions/the_tag_moved");
}

#[test]
fn an_older_and_an_unknown_version() {
    let scene = project("mariadb:10.6", "/var/lib/mysql");
    let scene = with_image(scene, "mariadb:10.6", ("MARIADB_VERSION", "1:10.6.20+maria~ubu2004"));
    let mut scene = with_file(scene, "mariadb_upgrade_info", "10.11.6-MariaDB");
    scene.run("up -d");
    let unknown = project("acme/mariadb:2", "/var/lib/mysql").with_image("acme/mariadb:2");
    let mut unknown = with_file(unknown, "mariadb_upgrade_info", "10.11.6-MariaDB");
    assert_eq!(unknown.attempt("up -d").exit, 0, "nothing is claimed of what is not known");
    unknown.run("--safe-plan up -d");
    scene.snapshot("versions/an_older_version");
    unknown.snapshot("versions/an_unknown_version");
}

#[test]
fn a_conversion_is_backed_up_first() {
    let scene = project("mariadb:10.11", "/var/lib/mysql");
    let scene = with_image(scene, "mariadb:10.11", ("MARIADB_VERSION", "1:10.11.6+maria~ubu2204"));
    let scene = with_image(scene, "mariadb:10.6", ("MARIADB_VERSION", "1:10.6.20+maria~ubu2004"));
    let mut before = container("db", "mariadb:10.6", vec![mount("shop_data", "/var/lib/mysql")]);
    before.state = ContainerState::Exited;
    let mut scene = with_file(scene, "mariadb_upgrade_info", "10.6.20-MariaDB").with_container(before);
    scene.run("--safe-plan up -d").run("up -d").run("up -d").run("--safe-skip-backup up -d");
    scene.snapshot("versions/a_conversion");
}

#[test]
fn a_server_that_cannot_open_its_data_is_not_verified() {
    let mut scene = with_control_file(postgresql()).with_container(postgresql_container("postgres:17"));
    scene.run("verify").run("status");
    scene.engine.set_state("shop-db-1", ContainerState::Restarting);
    scene.run("status").snapshot("versions/not_verified");
    let same = project("postgres:15", "/var/lib/postgresql/data")
        .with_container(postgresql_container("postgres:15"));
    let mut same = with_file(with_image(same, "postgres:15", ("PG_MAJOR", "15")), "PG_VERSION", "15\n");
    same = with_control_file(same);
    same.run("verify");
    same.engine.set_state("shop-db-1", ContainerState::Restarting);
    same.run("verify").snapshot("versions/restarting");
}

#[test]
fn files_of_another_version_are_not_restored() {
    let mut scene = postgresql().with_container(postgresql_container("postgres:15"));
    scene.engine.set_state("shop-db-1", ContainerState::Exited);
    scene.prepare("backup");
    scene.engine.remove_container("shop-db-1");
    scene.run("restore latest --service db").snapshot("versions/restore");
}
