//! Real database servers, through the guard.

use std::os::unix::fs::chown;

use crate::requirements::missing;
use crate::support::database::Database;
use crate::support::{Compose, Scratch};

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
