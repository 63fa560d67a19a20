//! Remotes of rclone, which speaks restic's protocol on its standard input and output. restic starts it in the same way.
//!
//! It ends when its standard input is closed, so also when this program is killed.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Url;
use rustic_core::{FileType, Id};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio::sync::watch;

use super::http::HttpServer;
use super::rate::RateLimits;
use super::remote::runtime;
use super::rest::RestServer;
use super::{ByteRange, Transport, TransportError};
use crate::process;

/// A running rclone.
#[derive(Debug)]
pub(in crate::backup::repository) struct Rclone {
    server: RestServer,
    /// Ends with this value.
    _child: Child,
    /// The last line that it wrote to its standard error; closed when it ended.
    last_words: watch::Receiver<String>,
}

/// How long the last words may take after the connection ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Rclone {
    pub(in crate::backup::repository) fn start(
        program: &Path,
        remote: &str,
        rates: RateLimits,
        patience: Duration,
    ) -> Result<Self, TransportError> {
        let _entered = runtime().enter();
        let arguments = ["serve", "restic", "--stdio", "--b2-hard-delete", remote].map(Into::into);
        let unstarted = |source| TransportError::permanent("rclone does not start").because(source);
        let mut child = process::spawn_piped(program, &arguments).map_err(unstarted)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(TransportError::permanent("rclone does not start"));
        };
        let (heard, last_words) = watch::channel(String::new());
        runtime().spawn(listen(stderr, heard));
        let pipes = TokioIo::new(tokio::io::join(stdout, stdin));
        let connected = runtime().block_on(http2::handshake(TokioExecutor::new(), pipes));
        let (sender, connection) = connected.map_err(TransportError::unreachable)?;
        runtime().spawn(async move {
            // The request that was under way gets the error.
            let _ = connection.await;
        });
        let http = HttpServer::program(sender, rates, patience);
        #[expect(clippy::expect_used, reason = "it is a constant")]
        let address = Url::parse("http://localhost/").expect("a valid address");
        Ok(Self { server: RestServer::new(http, &address, None), _child: child, last_words })
    }

    /// Where the connection failed, rclone ended, and said why.
    async fn explained<T>(&self, done: Result<T, TransportError>) -> Result<T, TransportError> {
        let error = match done {
            Err(error) if error.is_unreachable() => error,
            other => return other,
        };
        let mut last_words = self.last_words.clone();
        let closed = async { while last_words.changed().await.is_ok() {} };
        // If it is still there, what it said last is all there is.
        let _ = tokio::time::timeout(LAST_WORDS, closed).await;
        let said = self.last_words.borrow().clone();
        Err(if said.is_empty() {
            TransportError::permanent("rclone ended").because(error)
        } else {
            TransportError::permanent(format!("rclone ended: {said}"))
        })
    }
}

impl Transport for Rclone {
    fn path(&self, kind: FileType, id: &Id) -> String {
        self.server.path(kind, id)
    }

    async fn create(&self) -> Result<(), TransportError> {
        self.explained(self.server.create().await).await
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, TransportError> {
        self.explained(self.server.size(path).await).await
    }

    async fn list(&self, kind: FileType) -> Result<Vec<(Id, u64)>, TransportError> {
        self.explained(self.server.list(kind).await).await
    }

    async fn read(&self, path: &str, range: Option<ByteRange>) -> Result<Bytes, TransportError> {
        self.explained(self.server.read(path, range).await).await
    }

    async fn write(&self, path: &str, content: Vec<Bytes>) -> Result<(), TransportError> {
        self.explained(self.server.write(path, content).await).await
    }

    async fn remove(&self, path: &str) -> Result<(), TransportError> {
        self.explained(self.server.remove(path).await).await
    }

    fn has_answered(&self) -> bool {
        self.server.has_answered()
    }
}

async fn listen(stderr: ChildStderr, heard: watch::Sender<String>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "rclone");
        heard.send_replace(without_time(&line).to_owned());
    }
}

/// `2026/08/01 10:00:00 CRITICAL: …` without the time.
fn without_time(line: &str) -> &str {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(date), Some(_), Some(rest)) if date.starts_with(|first: char| first.is_ascii_digit()) => {
            rest.trim()
        }
        _ => line.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_line_is_left_out() {
        assert_eq!(without_time("2026/08/01 10:00:00 CRITICAL: no remote\n"), "CRITICAL: no remote");
        assert_eq!(without_time("Error: unknown flag: --stdio"), "Error: unknown flag: --stdio");
        assert_eq!(without_time(""), "");
    }
}
