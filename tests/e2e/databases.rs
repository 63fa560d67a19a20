//! Real database servers, through the guard.

use std::os::unix::fs::chown;

use crate::requirements::missing;
use crate::support::database::Database;
use crate::support::stand_in::directory_of;
use crate::support::writer::Writer;
use crate::support::{Compose, Scratch};

/// The statements that write something, and the one that counts it.
pub fn statements(database: Database) -> (&'static str, &'static str) {
    match database {
        Database::Postgres15 | Database::Postgres17 => {
            ("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n", "SELECT count(*) FROM t")
        }
        Database::Mariadb => {
            ("CREATE TABLE t AS SELECT seq AS n FROM seq_1_to_1000", "SELECT count(*) FROM t")
        }
        Database::Redis => ("SET n 1000", "GET n"),
        Database::Sqlite => (
            "CREATE TABLE t AS WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT n FROM s",
            "SELECT count(*) FROM t",
        ),
    }
}

#[test]
fn a_database_survives_a_guarded_down_and_up() {
    for database in Database::ALL {
        let Some(project) = database.project(Compose::V2) else { continue };
        project.safe(&["up", "-d"]).exits(0);
        database.wait_ready(&project);
        let (write, count) = statements(database);
        database.query(&project, write).unwrap_or_else(|| panic!("{database:?} does not write"));
        project.safe(&["down"]).exits(0);
        project.safe(&["up", "-d"]).exits(0);
        database.wait_ready(&project);
        assert_eq!(database.query(&project, count).as_deref(), Some("1000"), "{database:?}");
    }
}

#[test]
fn a_directory_of_somebody_else_stops_only_a_server_that_cannot_take_it() {
    for database in [Database::Postgres15, Database::Mariadb, Database::Redis] {
        let Some(image) = database.image() else { continue };
        let file = |user: &str| {
            format!(
                "services: {{ db: {{ image: \"{image}\", {user} environment: {{ {} }}, volumes: [ \"./data:{}\" ] }} }}\n",
                database.environment(),
                database.data_path()
            )
        };
        let Some(project) = Scratch::new(Compose::V2, &file("user: \"1000:1000\",")) else { continue };
        let data = project.path("data");
        std::fs::create_dir(&data).expect("made");
        if chown(&data, Some(0), Some(0)).is_err() {
            return missing("this process may not change the owner of a file");
        }
        let fix = format!("sudo chown -R 1000:1000 {}", data.display());
        project
            .safe(&["up", "-d"])
            .exits(77)
            .says("user 1000:1000 of the container cannot access")
            .says(&fix);
        assert_eq!(project.plain(&["ps", "-aq"]).stdout, "", "nothing was started");
        // As root, the entry point gives the directory to the server.
        std::fs::write(project.path("docker-compose.yml"), file("")).expect("written");
        chown(&data, Some(1234), Some(1234)).expect("given");
        project.safe(&["up", "-d"]).exits(0).never_says("cannot access");
        database.wait_ready(&project);
    }
}

#[test]
fn mariadb_is_dumped_and_restored_over_what_runs_and_into_an_empty_server() {
    let database = Database::Mariadb;
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    let ask = |text: &str| database.expect(&project, text);
    ask("CREATE TABLE t (n INT PRIMARY KEY, x TEXT) ENGINE=InnoDB");
    ask(r"INSERT INTO t SELECT seq, CONCAT('a (''b''); \\ ', seq, '\n', CHAR(0)) FROM seq_1_to_1000");
    ask("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.n = NEW.n + 5000");
    ask("CREATE PROCEDURE p() INSERT INTO t VALUES (1, 'p')");
    ask("CREATE VIEW v AS SELECT count(*) AS n FROM t");
    ask("CREATE TABLE `old ``one` (n INT) ENGINE=MyISAM; INSERT INTO `old ``one` VALUES (1), (2)");
    ask(
        "CREATE TABLE computed (n INT, `a (b` INT AS (n + 1) STORED); INSERT INTO computed (n) VALUES (1), (2)",
    );
    ask("CREATE USER shop@'%' IDENTIFIED BY 'secret of the shop'; GRANT SELECT ON test.* TO shop@'%'");
    ask("CREATE ROLE readers; GRANT SELECT ON test.* TO readers");
    ask("CREATE USER buyer@'%'; GRANT readers TO buyer@'%'");
    let sum = "SELECT CONCAT(SUM(n), ' ', SUM(CRC32(x))) FROM t";
    let before = ask(sum);
    project
        .safe(&["backup"])
        .exits(0)
        .says("1004 rows")
        .says("tables without transactions: old `one")
        .never_says("secret of the shop");
    let [backup] = names(&project).try_into().expect("one backup");
    ask("DELETE FROM t WHERE n < 1000; DROP TRIGGER g; DROP PROCEDURE p; CREATE TABLE later (n INT)");
    project.confirmed(&["restore", &backup]);
    assert_eq!(ask(sum), before);
    let left = "SELECT count(*) FROM information_schema.tables WHERE table_name IN ('later', 'safe_compose_unfinished_restore')
                OR table_schema LIKE 'safe_compose%' OR table_schema LIKE '%before_restore%'";
    assert_eq!(ask(left), "0", "what was replaced is in a backup");
    assert_eq!(ask("SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = 'test'"), "1");

    project.confirmed(&["down", "-v"]);
    project.safe(&["restore", &backup]).exits(0).says("created 3 users");
    database.wait_ready(&project);
    assert_eq!(ask(sum), before);
    assert_eq!(ask("CALL p(); SELECT MAX(n) FROM t; SELECT n FROM v"), "5001\n1001");
    assert_eq!(ask("SELECT count(*) FROM `old ``one`"), "2");
    assert!(ask("SHOW GRANTS FOR shop@'%'").contains("GRANT SELECT ON `test`.*"));
    assert_eq!(ask("SHOW TABLES LIKE 'safe%'"), "");
}

#[test]
fn what_is_written_while_mariadb_is_restored_is_kept() {
    let database = Database::Mariadb;
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.expect(&project, "CREATE TABLE written (n INT PRIMARY KEY) ENGINE=InnoDB");
    project.safe(&["backup"]).exits(0);
    let [backup] = names(&project).try_into().expect("one backup");
    let mut writer = Writer::start(database, &project, 0);
    writer.writes(20);
    project.confirmed(&["restore", &backup]).says("was written to after it was backed up");
    let acknowledged = writer.ended();
    let schema = database.expect(&project, "SHOW DATABASES LIKE 'test\\_before\\_restore%'");
    let count = format!("SELECT count(*) FROM {schema}.written WHERE n <= {acknowledged}");
    assert_eq!(database.expect(&project, &count), acknowledged.to_string());
    assert_eq!(database.expect(&project, "SELECT count(*) FROM test.written"), "0");
}

#[test]
fn redis_saves_its_data_and_goes_on() {
    let database = Database::Redis;
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.query(&project, "SET n 1000").expect("written");
    project.safe(&["backup"]).exits(0).says("pausing").never_says("stopping");
    let [backup] = names(&project).try_into().expect("one backup");
    project.confirmed(&["down", "-v"]);
    project.safe(&["restore", &backup]).exits(0);
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    assert_eq!(database.query(&project, "GET n").as_deref(), Some("1000"));
}

#[test]
fn a_damaged_sqlite_database_is_reported_and_does_not_replace_a_sound_one() {
    let database = Database::Sqlite;
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    database.prepare(&project);
    project.safe(&["backup"]).exits(0).says("checked 1 SQLite database").never_says("damaged");
    project.plain(&["stop"]).exits(0);
    let file = directory_of(&project.volume("data")).join("app.db");
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 8192 * 4096;
    bytes[middle..middle + 4096].fill(0);
    std::fs::write(&file, bytes).expect("written");
    project.safe(&["backup"]).exits(0).says("db: the SQLite database `/data/app.db` is damaged");
    let [sound, damaged] = names(&project).try_into().expect("two backups");
    project.safe(&["verify", &sound]).exits(0);
    project.safe(&["verify", &damaged]).exits(76).says("SQLite database `/data/app.db` in it is damaged");
    let listed = project.safe(&["backups"]).exits(0).stdout;
    assert_eq!(listed.matches("damaged database").count(), 1, "{listed}");
}

/// The names of a service's backups, oldest first.
pub fn names(project: &Scratch) -> Vec<String> {
    let names = project.backups("db").into_iter();
    names.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn postgresql_is_dumped_and_restored_beside_what_runs_and_into_a_newer_version() {
    let database = Database::Postgres15;
    let Some(project) = database.project(Compose::V2) else { return };
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    let ask = |text: &str| database.expect(&project, text);
    ask("CREATE ROLE shop LOGIN PASSWORD 'secret of the shop'");
    ask(r#"CREATE SCHEMA "a""b"; CREATE TABLE "a""b"."c'd" AS SELECT generate_series(1, 1000) AS n"#);
    ask("ALTER DATABASE postgres SET work_mem TO '7MB'; SELECT lo_from_bytea(0, 'large')");
    ask(r#"ALTER TABLE "a""b"."c'd" OWNER TO shop"#);
    project.safe(&["backup"]).exits(0).says("dumped").never_says("secret of the shop");
    let [backup] = names(&project).try_into().expect("one backup");
    ask(r#"INSERT INTO "a""b"."c'd" SELECT 0; CREATE TABLE later()"#);

    project.confirmed(&["restore", &backup]);
    let count = r#"SELECT count(*) FROM "a""b"."c'd""#;
    assert_eq!(ask(count), "1000");
    assert_eq!(database.query(&project, "SELECT count(*) FROM later"), None);
    let databases = "SELECT count(*) FROM pg_database WHERE datname ~ 'before_restore|safe_compose'";
    assert_eq!(ask(databases), "0", "what was replaced is in a backup");

    project.confirmed(&["down", "-v"]);
    let newer = Database::Postgres17.image().or_else(|| database.image()).expect("an image");
    project.edit(&database.image().expect("an image"), &newer);
    project.safe(&["restore", &backup]).exits(0).says("created 1 role");
    database.wait_ready(&project);
    assert_eq!(ask(count), "1000");
    assert_eq!(ask("SHOW work_mem"), "7MB");
    assert_eq!(ask("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'c''d'"), "shop");
    assert_eq!(ask("SELECT count(*) FROM pg_largeobject_metadata"), "1");
    project.safe(&["verify"]).exits(0);
}
