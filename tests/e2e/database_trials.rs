//! Trials with real database servers that are written to without a pause while they are backed up and destroyed: every
//! acknowledged row is in the backup.
//!
//! `SAFE_COMPOSE_TEST_TRIALS` says how many trials each server gets; one where it is unset.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::database::Database;
use crate::support::relay::Relay;
use crate::support::stand_in::directory_of;
use crate::support::writer::Writer;
use crate::support::{Compose, Scratch};

fn trials() -> u32 {
    let text = std::env::var("SAFE_COMPOSE_TEST_TRIALS").unwrap_or_else(|_| "1".to_owned());
    text.parse().expect("SAFE_COMPOSE_TEST_TRIALS is a number")
}

#[test]
fn postgresql_loses_no_acknowledged_row() {
    run(Database::Postgres15);
}

#[test]
fn mariadb_loses_no_acknowledged_row() {
    run(Database::Mariadb);
}

#[test]
fn redis_loses_no_acknowledged_row() {
    run(Database::Redis);
}

#[test]
fn sqlite_loses_no_acknowledged_row() {
    run(Database::Sqlite);
}

/// Without quiescing, a copy is torn; otherwise the trials would show nothing.
#[test]
fn a_copy_of_a_running_application_is_torn_without_quiescing() {
    let database = Database::Sqlite;
    let settings = "x-safe-compose: { services: { db: { quiesce: none } } }";
    let Some(project) = database.project_with(Compose::V2, settings) else { return };
    project.plain(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.prepare(&project);
    // The engine executes nothing in a container whose files it reads.
    let file = directory_of(&project.volume("data")).join("app.db");
    let change = |value: &str| {
        let connection = Connection::open(&file).expect("opened");
        connection.busy_timeout(Duration::from_mins(1)).expect("set");
        let statements = format!("UPDATE filled SET x = '{value}'; PRAGMA wal_checkpoint(TRUNCATE)");
        connection.execute_batch(&statements).expect("changed");
    };
    change("before");
    // The rest of the file is read after all of it was changed.
    let engine = Relay::withholding("/archive?");
    let mut backup = project.safe_command(&["backup"]);
    backup.env("DOCKER_HOST", engine.url()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let backup = backup.spawn().expect("started");
    while !engine.has_held() {
        std::thread::sleep(Duration::from_millis(20));
    }
    change("after");
    engine.release();
    let ended = backup.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("may not fit together"), "{said}");
    let values = values_in_copy(&project);
    assert!(values.as_ref().is_none_or(|values| *values > 1), "the control finds nothing: {values:?}");
}

/// How many different values the rows have in the newest backup; `None` if SQLite cannot read it.
fn values_in_copy(project: &Scratch) -> Option<u32> {
    let backup = project.backups("db").pop().expect("a backup");
    let archive = std::fs::File::open(backup.join("data.tar.zst")).expect("an archive");
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).expect("zstd"));
    let directory = tempfile::tempdir().expect("a directory");
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").into_owned();
        if [Path::new("data/app.db"), Path::new("data/app.db-wal")].contains(&&*path) {
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).expect("read");
            std::fs::write(directory.path().join(path.file_name().expect("a name")), contents)
                .expect("written");
        }
    }
    let database = Connection::open(directory.path().join("app.db")).ok()?;
    database.query_row("SELECT count(DISTINCT x) FROM filled", [], |row| row.get(0)).ok()
}

fn run(database: Database) {
    let Some(project) = database.project(Compose::V2) else { return };
    project.plain(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.prepare(&project);
    for number in 1..=trials() {
        let broken = trial(database, &project);
        assert!(broken.is_empty(), "{database:?}, trial {number}: {broken:?}");
    }
}

/// Backs up, destroys and restores a server while it is written to. Says what is wrong.
fn trial(database: Database, project: &Scratch) -> Vec<String> {
    let mut broken = Vec::new();
    let mut writer = Writer::start(database, project, last_row(database, project));
    database.start_load(project);
    writer.writes(20);
    let before_backup = writer.acknowledged();
    project.safe(&["backup"]).exits(0).never_says("may not fit together");
    let live = project.backups("db").pop().expect("a backup");
    let live = live.file_name().expect("a name").to_string_lossy().into_owned();
    writer.writes(20);
    project.confirmed(&["down", "-v"]);
    let acknowledged = writer.ended();

    project.safe(&["restore"]).exits(0);
    database.wait_ready(project);
    broken.extend(
        database
            .problems(project, SCHEMA, acknowledged)
            .into_iter()
            .map(|problem| format!("down -v: {problem}")),
    );

    let schema = restore_live(database, project, &live);
    let problems = database.problems(project, schema, before_backup);
    broken.extend(problems.into_iter().map(|problem| format!("backup: {problem}")));
    if schema != SCHEMA {
        database.expect(project, &format!("DROP DATABASE {schema}"));
    }
    broken
}

/// The database of a MySQL server that is written to.
const SCHEMA: &str = "test";

/// Restores the backup that was made of the running server. Returns the database that has its rows.
fn restore_live(database: Database, project: &Scratch, backup: &str) -> &'static str {
    if database == Database::Mariadb {
        // A dump does not replace an existing database.
        project.safe(&["restore", backup, "--database", SCHEMA, "--as", "restored"]).exits(0);
        return "restored";
    }
    project.confirmed(&["restore", backup]);
    database.wait_ready(project);
    SCHEMA
}

fn last_row(database: Database, project: &Scratch) -> u64 {
    let text = match database {
        Database::Redis => "LLEN written",
        Database::Sqlite => "SELECT max(id) FROM entries",
        Database::Postgres15 | Database::Postgres17 | Database::Mariadb => {
            "SELECT coalesce(max(n), 0) FROM written"
        }
    };
    let answer = database.expect(project, text);
    answer.parse().unwrap_or_else(|_| panic!("no number: {answer}"))
}
