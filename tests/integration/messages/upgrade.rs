//! What `upgrade` says: the plan, and why it does not upgrade. The upgrade itself needs real servers: `tests/e2e/upgrade.rs`.

use safe_compose::engine::ContainerState;
use safe_compose::secret::Secret;
use safe_compose::ui::Reply;

use super::scene::{Scene, container, mount};
use super::versions::{postgresql, postgresql_container, project, with_file, with_image};

/// PostgreSQL 15 runs, and the file names version 17.
fn running() -> Scene {
    let mut db = postgresql_container("postgres:15");
    db.image_id = "sha256:postgres:15".into();
    super::versions::with_control_file(postgresql()).with_container(db)
}

#[test]
fn the_plan_of_postgresql() {
    let mut scene = running();
    scene.run("upgrade db --dry-run").run("upgrade db --dry-run --format json").run("upgrade db");
    scene.snapshot("upgrade/postgresql");
    assert!(scene.attempt("upgrade db").ran.is_empty(), "Compose was not asked to do anything");
}

#[test]
fn another_word_than_the_project_is_no_confirmation() {
    let mut scene = running().at_terminal(&[Reply::Typed("yes".into())]);
    scene.run("upgrade db").run("history").snapshot("upgrade/not_confirmed");
}

#[test]
fn a_service_that_cannot_be_stopped_is_started_again() {
    let mut scene = running().with_stop_exit(1);
    scene.run_with_token("--safe-allow={token} upgrade db").run("history");
    scene.snapshot("upgrade/not_stopped");
}

#[test]
fn a_container_that_is_gone_is_no_obstacle() {
    let mut scene = postgresql();
    scene.run("upgrade db --dry-run").run("upgrade db --former-image mirror/postgres:15 --dry-run");
    scene.snapshot("upgrade/without_a_container");
}

#[test]
fn there_may_be_nothing_to_upgrade() {
    let same = project("postgres:15", "/var/lib/postgresql/data");
    let same = with_file(with_image(same, "postgres:15", ("PG_MAJOR", "15")), "PG_VERSION", "15\n");
    let mut same = same.with_container(postgresql_container("postgres:15"));
    same.run("upgrade db").run("upgrade db --format json").run("upgrade web").snapshot("upgrade/nothing");
    let unknown = project("acme/postgres:2", "/var/lib/postgresql/data").with_image("acme/postgres:2");
    let mut unknown = with_file(unknown, "PG_VERSION", "15\n");
    unknown.run("upgrade db").snapshot("upgrade/unknown_image");
}

#[test]
fn an_older_version_is_no_upgrade() {
    let older = project("postgres:13", "/var/lib/postgresql/data");
    let older = with_image(older, "postgres:13", ("PG_MAJOR", "13"));
    with_file(older, "PG_VERSION", "15\n").run("upgrade db").snapshot("upgrade/older");
}

#[test]
fn the_new_data_has_to_be_where_the_former_is() {
    let scene = |image: &str, target: &str| {
        let scene = project(image, target);
        let mut db = postgresql_container("postgres:15");
        db.image_id = "sha256:postgres:15".into();
        let scene =
            with_image(with_image(scene, "postgres:15", ("PG_MAJOR", "15")), image, ("PG_MAJOR", "18"));
        super::versions::with_control_file(with_file(scene, "PG_VERSION", "15\n")).with_container(db)
    };
    let mut moved = scene("postgres:18", "/srv/elsewhere");
    moved.run("upgrade db").snapshot("upgrade/nothing_mounted");
    let mut other = scene("postgres:18", "/var/lib/postgresql/data");
    let file = serde_json::json!({
        "name": "shop",
        "services": { "db": { "image": "postgres:18", "volumes": [
            { "type": "volume", "source": "new", "target": "/var/lib/postgresql/data", "volume": {} }
        ] } },
        "volumes": { "new": { "name": "shop_new" } },
    });
    other = other.with_config(&file);
    other.run("upgrade db").snapshot("upgrade/another_volume");
}

#[test]
fn what_other_servers_can_do() {
    let mysql = project("mysql:8.4", "/var/lib/mysql");
    let mysql = with_image(mysql, "mysql:8.4", ("MYSQL_VERSION", "8.4.2-1.el9"));
    with_file(mysql, "mysql_upgrade_info", "5.7.44").run("upgrade db").snapshot("upgrade/mysql_in_between");

    let mariadb = project("mariadb:11.4", "/var/lib/mysql");
    let mariadb = with_image(mariadb, "mariadb:11.4", ("MARIADB_VERSION", "1:11.4.2+maria~ubu2404"));
    let mariadb = with_image(mariadb, "mariadb:10.11", ("MARIADB_VERSION", "1:10.11.6+maria~ubu2204"));
    let mut db = container("db", "mariadb:10.11", vec![mount("shop_data", "/var/lib/mysql")]);
    db.image_id = "sha256:mariadb:10.11".into();
    db.state = ContainerState::Exited;
    let mut mariadb = with_file(mariadb, "mariadb_upgrade_info", "10.11.6-MariaDB").with_container(db);
    mariadb.run("upgrade db --dry-run").snapshot("upgrade/mariadb");

    let mongo = with_image(project("mongo:8", "/data/db"), "mongo:8", ("MONGO_VERSION", "8.0.4"));
    let mongo = with_image(mongo, "mongo:6", ("MONGO_VERSION", "6.0.19"));
    let mut db = container("db", "mongo:6", vec![mount("shop_data", "/data/db")]);
    db.image_id = "sha256:mongo:6".into();
    mongo.with_container(db).run("upgrade db").snapshot("upgrade/mongodb_in_between");
}

#[test]
fn qdrant_goes_step_by_step() {
    let scene = |clustered: bool| {
        let scene = project("qdrant/qdrant:v1.19.0", "/qdrant/storage").with_image("qdrant/qdrant:v1.19.0");
        let scene = scene.with_image("qdrant/qdrant:v1.16.3");
        let mut db = container("db", "qdrant/qdrant:v1.16.3", vec![mount("shop_data", "/qdrant/storage")]);
        db.image_id = "sha256:qdrant/qdrant:v1.16.3".into();
        if clustered {
            db.environment.insert("QDRANT__CLUSTER__ENABLED".into(), Secret::new("true"));
        }
        scene.with_container(db).with_files("shop_data", &[("raft_state.json", 100)])
    };
    scene(false).run("upgrade db --dry-run").snapshot("upgrade/qdrant");
    scene(true).run("upgrade db").snapshot("upgrade/qdrant_cluster");
}
