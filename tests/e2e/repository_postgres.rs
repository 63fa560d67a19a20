//! Copies of dumps of PostgreSQL: only what changed of them is sent.

use std::fs;

use crate::support::database::Database;
use crate::support::{Compose, Scratch};

/// The bytes that a backup added to the repository.
fn added(project: &Scratch) -> f64 {
    let said = project.safe(&["backup"]).exits(0).says("copied `db_backup_").stderr;
    let text = said.split(" added)").next().and_then(|before| before.rsplit('(').next()).expect("a size");
    let (number, unit) = text.split_once(' ').expect("a number and a unit");
    let factor = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        other => panic!("{other}"),
    };
    number.parse::<f64>().expect("a number") * factor
}

#[test]
fn a_dump_of_postgresql_is_sent_in_part_and_restored_from_the_repository() {
    let postgres = Database::Postgres15;
    let settings = "x-safe-compose: { backup: { repository: { url: ./off, password_file: password } } }";
    let Some(project) = postgres.project_with(Compose::V2, settings) else { return };
    fs::write(project.path("password"), "correct horse").expect("written");
    project.plain(&["up", "-d"]).exits(0);
    postgres.wait_ready(&project);
    let sql = |text: &str| postgres.query(&project, text).unwrap_or_else(|| panic!("`{text}` failed"));
    sql(
        "create table t as select n, md5(n::text) || md5((n * 7)::text) as a from generate_series(1, 200000) n",
    );
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    let first = added(&project);
    sql("insert into t select n, md5(n::text) from generate_series(200001, 202000) n");
    let second = added(&project);
    assert!(second < first / 3.0, "{second} of {first} bytes");
    let dump = project.backups("db").pop().expect("one").join("databases/postgres/database.dump.zst");
    assert!(dump.is_file(), "it is compressed here");
    let before = sql("select count(*), sum(hashtext(t::text)) from t");

    fs::remove_dir_all(project.path("backups/db")).expect("there");
    sql("delete from t where n > 7");
    project.confirmed(&["restore", "--from", "repository"]);
    postgres.wait_ready(&project);
    assert_eq!(sql("select count(*), sum(hashtext(t::text)) from t"), before);
    project.safe(&["verify", "--repository", "--prove", "db"]).exits(0).says("succeeded");
}
