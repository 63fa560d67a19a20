//! Real database servers, through the guard.

use crate::support::Compose;
use crate::support::database::Database;

/// The statements that write something, and the one that counts it.
fn statements(database: Database) -> (&'static str, &'static str) {
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
