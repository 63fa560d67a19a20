//! Databases are backed up before a command that stops them, unless they prove that nothing was written since their last
//! backup.

use crate::databases::{names, statements};
use crate::support::database::Database;
use crate::support::{Compose, Scratch};

const UNCHANGED: &str = "is unchanged since its backup";

/// A running server with 1,000 rows.
fn filled(database: Database) -> Option<Scratch> {
    let project = database.project(Compose::V2)?;
    start(database, &project);
    database.expect(&project, statements(database).0);
    Some(project)
}

fn start(database: Database, project: &Scratch) {
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(project);
}

#[track_caller]
fn stop_backs_up(project: &Scratch) {
    project.safe(&["stop"]).exits(0).never_says(UNCHANGED).says("backed up `db`");
}

#[test]
fn every_database_is_backed_up_before_it_is_stopped() {
    for database in [Database::Postgres15, Database::Mariadb, Database::Redis] {
        let Some(project) = filled(database) else { continue };
        let dumped = database != Database::Redis;
        let ran = project.safe(&["stop"]).exits(0).says("backed up `db`");
        if dumped {
            ran.says("dumped").never_says("before the backup");
        } else {
            ran.says("stopping").says("before the backup, as `stop` would").says("cold");
        }
        let [backup] = names(&project).try_into().expect("one backup");
        project.confirmed(&["down", "-v"]);
        project.safe(&["restore", &backup]).exits(0);
        start(database, &project);
        assert_eq!(database.expect(&project, statements(database).1), "1000", "{database:?}");
        project.safe(&["--safe-skip-backup", "down"]).exits(0).never_says("backed up");
    }
}

#[test]
fn the_settings_say_which_commands_back_up_a_service() {
    let top = "x-safe-compose: { services: { db: { backup_before: [ stop ] } } }";
    let Some(project) = Database::Postgres15.project_with(Compose::V2, top) else { return };
    start(Database::Postgres15, &project);
    assert!(!project.safe(&["--safe-plan", "down"]).exits(0).stdout.contains("backed up first"));
    assert!(project.safe(&["--safe-plan", "stop"]).exits(0).stdout.contains("`db` would be backed up first"));
    project.safe(&["down"]).exits(0).never_says("backed up");
    start(Database::Postgres15, &project);
    project.safe(&["stop"]).exits(0).says("backed up `db`");
}

/// Transactions of the server itself would be taken for those of users.
fn without_autovacuum(project: &Scratch) {
    Database::Postgres15.expect(project, "ALTER SYSTEM SET autovacuum = off");
    Database::Postgres15.expect(project, "SELECT pg_reload_conf()");
}

#[test]
fn postgresql_proves_that_nothing_was_written() {
    let database = Database::Postgres15;
    let Some(project) = filled(database) else { return };
    without_autovacuum(&project);
    let ask = |text: &str| database.expect(&project, text);
    ask("CREATE SEQUENCE numbers");
    ask("SELECT nextval('numbers')");
    ask("CHECKPOINT");
    project.safe(&["backup"]).exits(0);
    project.safe(&["stop"]).exits(0).says(UNCHANGED);
    start(database, &project);
    ask("SELECT count(*) FROM t");
    project.safe(&["stop"]).exits(0).says(UNCHANGED);
    for change in [
        "INSERT INTO t VALUES (1001)",
        "DELETE FROM t WHERE n = 1",
        "CREATE ROLE reader",
        "ALTER DATABASE postgres SET work_mem = '8MB'",
        "SELECT lo_create(0)",
    ] {
        start(database, &project);
        ask(change);
        stop_backs_up(&project);
    }
    // The values after the first one are in the log already: taking them writes nothing.
    start(database, &project);
    ask("SELECT nextval('numbers')");
    project.safe(&["backup"]).exits(0);
    let snapshot = ask("SELECT txid_current_snapshot()");
    ask("SELECT nextval('numbers')");
    assert_eq!(ask("SELECT txid_current_snapshot()"), snapshot, "no transaction has written");
    stop_backs_up(&project);
}

#[test]
fn a_transaction_that_is_under_way_during_the_dump_proves_nothing() {
    let database = Database::Postgres15;
    let Some(project) = filled(database) else { return };
    without_autovacuum(&project);
    let ask = |text: &str| database.expect(&project, text);
    ask("ALTER SYSTEM SET max_prepared_transactions = 5");
    project.plain(&["restart", "db"]).exits(0);
    database.wait_ready(&project);
    ask("BEGIN; INSERT INTO t VALUES (1001); PREPARE TRANSACTION 'later'");
    project.safe(&["backup"]).exits(0).says("1000 rows");
    ask("COMMIT PREPARED 'later'");
    project.safe(&["stop"]).exits(0).never_says(UNCHANGED).says("1001 rows");
}

#[test]
fn other_files_with_the_same_counters_are_not_unchanged() {
    let database = Database::Postgres15;
    let Some(project) = filled(database) else { return };
    without_autovacuum(&project);
    let ask = |text: &str| database.expect(&project, text);
    project.plain(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0);
    let [files] = names(&project).try_into().expect("one backup");
    start(database, &project);
    ask("INSERT INTO t VALUES (1001)");
    project.safe(&["backup"]).exits(0);
    let snapshot = ask("SELECT txid_current_snapshot()");
    project.confirmed(&["restore", &files]);
    start(database, &project);
    ask("DELETE FROM t");
    assert_eq!(ask("SELECT txid_current_snapshot()"), snapshot, "as many transactions as in the backup");
    stop_backs_up(&project);
}

/// Backs up a server that writes nothing any more by itself: InnoDB goes on for a while.
fn back_up_idle(project: &Scratch) {
    let lsn = || Database::Mariadb.expect(project, "SHOW GLOBAL STATUS LIKE 'Innodb_lsn_current'");
    for _ in 0..60 {
        let before = lsn();
        project.safe(&["backup"]).exits(0);
        if lsn() == before {
            return;
        }
    }
    panic!("InnoDB always writes");
}

#[test]
fn mariadb_proves_that_nothing_was_written() {
    let database = Database::Mariadb;
    let Some(project) = filled(database) else { return };
    let ask = |text: &str| database.expect(&project, text);
    ask("ALTER TABLE t ENGINE=InnoDB");
    back_up_idle(&project);
    ask("SELECT count(*) FROM t");
    project.safe(&["stop"]).exits(0).says(UNCHANGED);
    for change in [
        "INSERT INTO t VALUES (1001)",
        // None of these is in InnoDB's log.
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE USER reader",
    ] {
        start(database, &project);
        back_up_idle(&project);
        ask(change);
        stop_backs_up(&project);
    }
    start(database, &project);
    ask("CREATE TABLE m (n INT) ENGINE=MyISAM");
    back_up_idle(&project);
    ask("INSERT INTO m VALUES (1)");
    stop_backs_up(&project);
}
