//! A transaction that keeps one snapshot of a database: the dump and the counts are of the same moment.

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, Lines};

use super::client;
use super::count::{self, Counted};
use crate::backup::driver::DriverTarget;
use crate::backup::driver::tool::{self, ToolFailed};
use crate::backup::fingerprint::DatabaseFingerprint;
use crate::engine::{ExecEnd, ExecPipe};

/// What `psql` prints after an answer.
const MARK: &str = "\"safe-compose\"";

type Output = std::pin::Pin<Box<dyn AsyncRead + Send>>;
type End = std::pin::Pin<Box<dyn Future<Output = crate::engine::Result<ExecEnd>> + Send>>;

/// Dropping it ends the transaction.
pub(super) struct DumpTransaction {
    /// For `pg_dump --snapshot`.
    pub(super) id: String,
    lines: Lines<BufReader<Output>>,
    stdin: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
    end: Option<End>,
}

impl DumpTransaction {
    pub(super) async fn take(target: DriverTarget<'_>, database: &str) -> anyhow::Result<Self> {
        let ExecPipe { stdout, stdin, end } = client::psql(database, &[]).start(target).await?.pipe;
        let lines = BufReader::new(stdout).lines();
        let mut snapshot = Self { id: String::new(), lines, stdin, end: Some(end) };
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSET LOCAL search_path = pg_catalog;\n\
                     SELECT to_json(pg_export_snapshot());\n";
        snapshot.send(begin).await;
        let line = snapshot.line().await?;
        snapshot.id = serde_json::from_str(&line).context("`psql` did not print a snapshot")?;
        Ok(snapshot)
    }

    /// Counts everything in the snapshot.
    pub(super) async fn count(&mut self) -> anyhow::Result<DatabaseFingerprint> {
        let statements = count::statements();
        self.send(&format!("{statements}SELECT to_json('safe-compose'::text);\n")).await;
        let mut lines: Vec<Counted> = Vec::new();
        loop {
            let line = self.line().await?;
            if line == MARK {
                return Ok(count::collect(lines));
            }
            lines.push(serde_json::from_str(&line).context("`psql` did not print a count")?);
        }
    }

    /// Ends the transaction; an error if it had ended before.
    pub(super) async fn finish(mut self) -> anyhow::Result<()> {
        self.send("COMMIT;\n\\q\n").await;
        let _ = self.stdin.shutdown().await;
        while self.lines.next_line().await?.is_some() {}
        Ok(self.ended().await?)
    }

    /// A program that has ended says why at its end.
    async fn send(&mut self, statements: &str) {
        let _ = self.stdin.write_all(statements.as_bytes()).await;
        let _ = self.stdin.flush().await;
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        if let Some(line) = self.lines.next_line().await? {
            return Ok(line);
        }
        self.ended().await?;
        Err(ToolFailed::new("`psql` ended early").into())
    }

    async fn ended(&mut self) -> Result<(), ToolFailed> {
        let Some(end) = self.end.take() else { return Ok(()) };
        let end = end.await.map_err(|error| ToolFailed::new(crate::error::causes(&error.into())))?;
        tool::finish("psql", &end)
    }
}
