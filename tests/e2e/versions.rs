//! Data of another version than the image that is about to open it, with real servers.

use std::process::Command;

use crate::support::database::Database;
use crate::support::derived_image::DerivedImage;
use crate::support::{Compose, Scratch};

const COUNT: &str = "SELECT count(*) FROM t";

/// PostgreSQL 15 with a table of 1000 rows, and the image of version 17.
fn postgresql() -> Option<(Scratch, String, String)> {
    let (old, new) = (Database::Postgres15.image()?, Database::Postgres17.image()?);
    let project = Database::Postgres15.project(Compose::V2)?;
    project.edit("services: { db: {", "services: { db: { restart: always,");
    project.safe(&["up", "-d"]).exits(0);
    Database::Postgres15.wait_ready(&project);
    ask(&project, Database::Postgres15, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
    Some((project, old, new))
}

#[track_caller]
fn ask(project: &Scratch, database: Database, text: &str) -> String {
    database.query(project, text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn postgresql_is_not_started_on_data_of_another_major_version() {
    let Some((project, old, new)) = postgresql() else { return };
    project.edit(&old, &new);
    project.safe(&["up", "-d"]).exits(77).says("its data is of PostgreSQL 15").says("is PostgreSQL 17");
    assert_eq!(ask(&project, Database::Postgres15, COUNT), "1000", "it was not touched");
    project.safe(&["restart"]).exits(0);
    project.safe(&["down"]).exits(0);
    for words in [&["up", "-d"][..], &["create"], &["run", "--rm", "db"]] {
        project.safe(words).exits(77).says("its data is of PostgreSQL 15");
        assert_eq!(project.plain(&["ps", "-aq"]).stdout, "", "nothing was created");
    }
    project.edit(&new, &old);
    project.safe(&["up", "-d"]).exits(0).never_says("is of");
    Database::Postgres15.wait_ready(&project);
    assert_eq!(ask(&project, Database::Postgres15, COUNT), "1000");
}

#[test]
fn the_suggested_procedure_moves_the_databases_to_a_newer_major_version() {
    let Some((project, old, new)) = postgresql() else { return };
    project.safe(&["backup"]).exits(0).says("dumped");
    let [dump] = project.backups("db").try_into().expect("one backup");
    let dump = dump.file_name().expect("a name").to_string_lossy().into_owned();
    let volume = project.volume("data");
    project.edit(&old, &new);
    project.edit("\"data:", "\"data17:");
    project.edit("volumes: { data: {} }", "volumes: { data: {}, data17: {} }");
    project.confirmed(&["up", "-d", "db"]);
    Database::Postgres17.wait_ready(&project);
    project.safe(&["restore", &dump]).exits(0);
    assert_eq!(ask(&project, Database::Postgres17, COUNT), "1000");
    assert!(ask(&project, Database::Postgres17, "SHOW server_version").starts_with("17"));
    project.safe(&["verify"]).exits(0);
    let kept = Command::new("docker").args(["volume", "inspect", &volume]).output().expect("run");
    assert!(kept.status.success(), "the old volume is kept");
}

#[test]
fn a_server_that_cannot_open_its_data_is_never_called_good() {
    let Some((project, old, new)) = postgresql() else { return };
    project.edit(&old, &new);
    project.safe(&["--safe-skip-checks", "up", "-d"]).exits(75).says("its data is of PostgreSQL 15");
    project.safe(&["verify"]).exits(75).says("its data is of PostgreSQL 15").never_says("has its data");
}

/// An image of MariaDB that says it has another version.
fn relabelled(image: &str, version: &str) -> DerivedImage {
    DerivedImage::new(&format!("{image}-says-{version}"), image, &format!("ENV MARIADB_VERSION={version}"))
}

#[test]
fn mariadb_converts_its_data_after_a_backup_and_never_goes_back() {
    let database = Database::Mariadb;
    let Some(image) = database.image() else { return };
    let newer = relabelled(&image, "11.4.2");
    let older = relabelled(&image, "10.6.1");
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    ask(&project, database, "CREATE TABLE t AS SELECT seq AS n FROM seq_1_to_1000");
    project.edit(&image, &newer.0);
    // What it writes until it is stopped is in the backup.
    project
        .safe(&["up", "-d"])
        .exits(0)
        .says("which converts it at its start")
        .says("backed up `db`")
        .says("cold");
    database.wait_ready(&project);
    assert_eq!(ask(&project, database, COUNT), "1000");
    project.safe(&["up", "-d"]).exits(0).never_says("converts");
    project.safe(&["down"]).exits(0);
    project.safe(&["up", "-d"]).exits(0).never_says("converts").never_says("backed up");
    project.safe(&["down"]).exits(0);
    project.edit(&newer.0, &older.0);
    project.safe(&["up", "-d"]).exits(77).says("does not open data of a newer version");
    assert_eq!(project.plain(&["ps", "-aq"]).stdout, "", "nothing was created");
}
