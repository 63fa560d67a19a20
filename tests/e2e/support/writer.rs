//! A client that writes numbered rows to a database, one after the other, and knows which of them were acknowledged.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use super::database::{Database, PASSWORD};
use super::scratch::Scratch;

/// Writes until the server stops.
pub struct Writer {
    acknowledged: Arc<AtomicU64>,
    client: Child,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Begins after row `last`. The table or list is that of [`Database::prepare`].
    pub fn start(database: Database, project: &Scratch, last: u64) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(last));
        let mut client = client(database, project)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a client");
        let mut statements = client.stdin.take().expect("piped");
        let answers = BufReader::new(client.stdout.take().expect("piped"));
        let known = Arc::clone(&acknowledged);
        let thread = std::thread::spawn(move || {
            let mut answers = answers.lines().map_while(Result::ok);
            let mut next = last + 1;
            loop {
                if let Some(statement) = statement(database, next)
                    && writeln!(statements, "{statement}").is_err()
                {
                    return;
                }
                // Whatever else a client prints is no number, such as an error when the server stops.
                let Some(row) = answers.find_map(|line| line.trim().parse::<u64>().ok()) else { return };
                known.fetch_max(row, Ordering::SeqCst);
                next = row + 1;
            }
        });
        Self { acknowledged, client, thread: Some(thread) }
    }

    /// The last row that was acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until this many further rows are acknowledged.
    #[track_caller]
    pub fn writes(&mut self, rows: u64) {
        let from = self.acknowledged();
        for _ in 0..6000 {
            if self.acknowledged() >= from + rows {
                return;
            }
            if let Ok(Some(status)) = self.client.try_wait() {
                panic!("the client ended ({status}) after row {}", self.acknowledged());
            }
            sleep(Duration::from_millis(20));
        }
        panic!("no row was acknowledged since row {from}");
    }

    /// The last row that was acknowledged before the server stopped.
    pub fn ended(mut self) -> u64 {
        self.thread.take().expect("running").join().expect("the writer ends with its server");
        self.acknowledged()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Inserts a row and prints its number when the server has acknowledged it; `None` for an application that writes by
/// itself.
fn statement(database: Database, row: u64) -> Option<String> {
    match database {
        Database::Postgres15 | Database::Postgres17 => {
            Some(format!("INSERT INTO written VALUES ({row}) RETURNING n;"))
        }
        Database::Mariadb => Some(format!("INSERT INTO written VALUES ({row}); SELECT {row};")),
        // The answer is the new length of the list.
        Database::Redis => Some(format!("RPUSH written {row}")),
        Database::Sqlite => None,
    }
}

fn client(database: Database, project: &Scratch) -> Command {
    let environment = [format!("PGPASSWORD={PASSWORD}"), format!("MYSQL_PWD={PASSWORD}")];
    let inside: &[&str] = match database {
        Database::Postgres15 | Database::Postgres17 => {
            &["psql", "-qAtX", "-U", "postgres", "-h", "127.0.0.1"]
        }
        Database::Mariadb => &["mariadb", "-uroot", "-h127.0.0.1", "-N", "--unbuffered", "test"],
        Database::Redis => &["redis-cli"],
        // The application prints the number of each row after its commit.
        Database::Sqlite => {
            return project.plain_command(&["logs", "--follow", "--tail", "0", "--no-log-prefix", "db"]);
        }
    };
    let [postgres, mysql] = &environment;
    project.plain_command(&[&["exec", "-T", "-e", postgres, "-e", mysql, "db"], inside].concat())
}
