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

pub const PASSWORD: &str = "only for tests";

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
        self.project_with(compose, "")
    }

    /// The same, with lines at the top of its file.
    pub fn project_with(self, compose: Compose, top: &str) -> Option<Scratch> {
        let image = self.image()?;
        let environment = self.environment();
        let path = self.data_path();
        let file = format!(
            "{top}\nservices: {{ db: {{ image: \"{image}\", environment: {{ {environment} }}, volumes: [ \"data:{path}\" ] }} }}\n\
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

    /// Fills the server with 200,000 rows (100,000 keys), and creates what a [`super::writer::Writer`] writes to.
    pub fn prepare(self, project: &Scratch) {
        match self {
            Self::Postgres15 | Self::Postgres17 => {
                pgbench(project, &[], &["-i", "-q", "-s", "2"]);
                self.expect(project, "CREATE TABLE written (n INT PRIMARY KEY)");
            }
            Self::Mariadb => {
                self.expect(project, "CREATE TABLE written (n INT PRIMARY KEY) ENGINE=InnoDB");
                self.expect(
                    project,
                    "CREATE TABLE filled ENGINE=InnoDB AS SELECT seq AS n, REPEAT('x', 100) AS x FROM seq_1_to_200000",
                );
            }
            Self::Redis => {
                let fill = "for i = 1, 100000 do redis.call('SET', 'key' .. i, i) end return 1";
                project.plain(&["exec", "-T", "db", "redis-cli", "EVAL", fill, "0"]).exits(0);
            }
            Self::Sqlite => {
                self.expect(
                    project,
                    "CREATE TABLE filled AS WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200000) \
                     SELECT n, hex(zeroblob(20)) AS x FROM s",
                );
            }
        }
    }

    /// Starts a load that runs until the server stops, where the server's packages have one. It adds to one account, one
    /// teller, one branch and the history in each transaction: the sums are equal in every copy of one moment.
    pub fn start_load(self, project: &Scratch) {
        if let Self::Postgres15 | Self::Postgres17 = self {
            pgbench(project, &["-d"], &["-n", "-c", "2", "-T", "100000"]);
        }
    }

    /// What is wrong with the server's data by its own checks, by sums that have to be equal, and by the rows that were
    /// acknowledged: `written` has 1 to `rows`. `schema` is the database of a MySQL server.
    pub fn problems(self, project: &Scratch, schema: &str, rows: u64) -> Vec<String> {
        let checks = match self {
            Self::Postgres15 | Self::Postgres17 => vec![
                (format!("SELECT count(*) FROM written WHERE n <= {rows}"), rows.to_string()),
                ("SELECT count(*) FROM pgbench_accounts".to_owned(), "200000".to_owned()),
                (
                    "SELECT count(DISTINCT s) FROM (SELECT sum(abalance) FROM pgbench_accounts UNION ALL \
                     SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL \
                     SELECT coalesce(sum(delta), 0) FROM pgbench_history) AS sums (s)"
                        .to_owned(),
                    "1".to_owned(),
                ),
                (
                    "CREATE EXTENSION IF NOT EXISTS amcheck; SELECT count(bt_index_check(c.oid, true)) > 0 FROM pg_index i \
                     JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree' \
                     WHERE c.relpersistence = 'p'"
                        .to_owned(),
                    "t".to_owned(),
                ),
            ],
            Self::Mariadb => vec![
                (format!("SELECT count(*) FROM {schema}.written WHERE n <= {rows}"), rows.to_string()),
                (format!("SELECT count(*), sum(n) FROM {schema}.filled"), "200000\t20000100000".to_owned()),
                (
                    format!("CHECK TABLE {schema}.written, {schema}.filled EXTENDED"),
                    format!("{schema}.written\tcheck\tstatus\tOK\n{schema}.filled\tcheck\tstatus\tOK"),
                ),
            ],
            Self::Redis => vec![
                (format!("LINDEX written {}", rows - 1), rows.to_string()),
                ("DBSIZE".to_owned(), "100001".to_owned()),
            ],
            Self::Sqlite => vec![
                (format!("SELECT count(*) FROM entries WHERE id <= {rows}"), rows.to_string()),
                ("SELECT count(*), sum(n) FROM filled".to_owned(), "200000|20000100000".to_owned()),
                ("PRAGMA integrity_check".to_owned(), "ok".to_owned()),
            ],
        };
        let differs = |(text, expected): (String, String)| {
            let answer = self.query(project, &text);
            (answer.as_ref() != Some(&expected))
                .then(|| format!("{text}: {answer:?} instead of {expected:?}"))
        };
        checks.into_iter().filter_map(differs).collect()
    }

    /// Runs statements that have to succeed.
    #[track_caller]
    pub fn expect(self, project: &Scratch, text: &str) -> String {
        self.query(project, text).unwrap_or_else(|| panic!("{self:?} fails: {text}"))
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

fn pgbench(project: &Scratch, options: &[&str], words: &[&str]) {
    let password = format!("PGPASSWORD={PASSWORD}");
    let client = ["pgbench", "-U", "postgres", "-h", "127.0.0.1"];
    let words = [&["exec", "-T"], options, &["-e", &password, "db"], &client, words, &["postgres"]].concat();
    project.plain(&words).exits(0);
}
