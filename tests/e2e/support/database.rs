//! Stacks of real database servers.

use std::thread::sleep;
use std::time::Duration;

use super::machine;
use super::scratch::{Compose, Scratch, docker_can};
use crate::requirements::{missing, unavailable};

/// A database server that `scripts/test` has an image of: the official one, or one built by `tests/databases/image/build`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Postgres15,
    /// Only `scripts/test --databases` has its image.
    Postgres17,
    Mariadb,
    Redis,
    /// An application that inserts rows without end, and prints the number of each row after its commit.
    Sqlite,
}

const PASSWORD: &str = "only for tests";

impl Database {
    pub const ALL: [Self; 5] = [Self::Postgres15, Self::Postgres17, Self::Mariadb, Self::Redis, Self::Sqlite];

    /// The variable that names another image, and the image that is built here.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Postgres15 => ("SAFE_COMPOSE_TEST_POSTGRES_15", "sctest-db/postgres:15"),
            Self::Postgres17 => ("SAFE_COMPOSE_TEST_POSTGRES_17", "sctest-db/postgres:17"),
            Self::Mariadb => ("SAFE_COMPOSE_TEST_MARIADB", "sctest-db/mariadb:10.11"),
            Self::Redis => ("SAFE_COMPOSE_TEST_REDIS", "sctest-db/redis:7"),
            Self::Sqlite => ("SAFE_COMPOSE_TEST_SQLITE", "sctest-db/sqlite:3"),
        }
    }

    /// The server's image, or `None`, with a printed reason, where this machine has none.
    pub fn image(self) -> Option<String> {
        if !machine::engine() {
            return None;
        }
        let (variable, built) = self.names();
        let image = std::env::var(variable).unwrap_or_else(|_| built.to_owned());
        if docker_can(&["image", "inspect", &image]) {
            return Some(image);
        }
        let what = format!("there is no image {image} (tests/databases/image/build)");
        match self {
            Self::Postgres17 => unavailable(&what),
            Self::Postgres15 | Self::Mariadb | Self::Redis | Self::Sqlite => missing(&what),
        }
        None
    }

    pub fn data_path(self) -> &'static str {
        match self {
            Self::Postgres15 | Self::Postgres17 => "/var/lib/postgresql/data",
            Self::Mariadb => "/var/lib/mysql",
            Self::Redis | Self::Sqlite => "/data",
        }
    }

    /// What the server needs in its environment, as the inside of a YAML map.
    pub fn environment(self) -> String {
        match self {
            Self::Postgres15 | Self::Postgres17 => format!("POSTGRES_PASSWORD: \"{PASSWORD}\""),
            Self::Mariadb => format!("MARIADB_ROOT_PASSWORD: \"{PASSWORD}\", MARIADB_DATABASE: test"),
            Self::Redis | Self::Sqlite => String::new(),
        }
    }

    /// A project with the server as service `db`, its data in the volume `data`.
    pub fn project(self, compose: Compose) -> Option<Scratch> {
        let image = self.image()?;
        let environment = self.environment();
        let path = self.data_path();
        let file = format!(
            "services: {{ db: {{ image: \"{image}\", environment: {{ {environment} }}, volumes: [ \"data:{path}\" ] }} }}\n\
             volumes: {{ data: {{}} }}\n"
        );
        Scratch::new(compose, &file)
    }

    /// Runs statements, and gives what the server answered, one value a line.
    pub fn query(self, project: &Scratch, text: &str) -> Option<String> {
        let client: &[&str] = match self {
            Self::Postgres15 | Self::Postgres17 => {
                &["psql", "-qAtX", "-U", "postgres", "-h", "127.0.0.1", "-c", text]
            }
            Self::Mariadb => &["mariadb", "-uroot", "-h127.0.0.1", "-N", "-e", text, "test"],
            Self::Redis => return redis(project, text),
            Self::Sqlite => &["sqlite3", "-cmd", ".timeout 10000", "/data/app.db", text],
        };
        let mut words =
            vec!["exec", "-T", "-e", "PGPASSWORD=only for tests", "-e", "MYSQL_PWD=only for tests", "db"];
        words.extend(client);
        let ran = project.plain(&words);
        (ran.code == 0).then(|| ran.stdout.trim().to_owned())
    }

    /// Waits until the server answers queries.
    #[track_caller]
    pub fn wait_ready(self, project: &Scratch) {
        let probe = match self {
            Self::Postgres15 | Self::Postgres17 | Self::Mariadb => "SELECT 1",
            Self::Redis => "PING",
            Self::Sqlite => "SELECT count(*) FROM entries",
        };
        for _ in 0..1200 {
            if self.query(project, probe).is_some() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{self:?} does not answer:\n{}", project.plain(&["logs", "db"]).stdout);
    }
}

fn redis(project: &Scratch, text: &str) -> Option<String> {
    let mut words = vec!["exec", "-T", "db", "redis-cli"];
    words.extend(text.split(' '));
    let ran = project.plain(&words);
    (ran.code == 0 && !ran.stdout.contains("LOADING")).then(|| ran.stdout.trim().to_owned())
}
