//! Runs programs of the image in a container of the store. Their exit codes decide, and their error messages are passed on.

use std::io;
use std::path::Path;

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::DriverTarget;
use super::volume::archive_file::{self, NewArchive};
use super::volume::pipe;
use crate::engine::{ByteStream, Engine, EngineError, ExecEnd, ExecPipe};
use crate::fs::{Digest, NewFile};
use crate::progress::{Progress as _, Silent, Task, Unit};

/// The most that a program may print where its output is kept in memory, in bytes.
const LONGEST_OUTPUT: u64 = 64 << 20;

/// The most of an error message that is shown, in characters.
const LONGEST_MESSAGE: usize = 400;

const CHUNK: usize = 256 * 1024;

/// A program of the image is missing, or failed, or refused. Copying the files is still possible.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ToolFailed(String);

impl ToolFailed {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What is run: the name for messages, and the arguments.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) argv: Vec<String>,
}

impl Tool {
    pub(super) async fn start(&self, target: DriverTarget<'_>) -> anyhow::Result<StartedTool> {
        self.start_in(target.engine, &target.container()?.id).await
    }

    async fn start_in(&self, engine: &dyn Engine, container: &str) -> anyhow::Result<StartedTool> {
        let argv: Vec<&str> = self.argv.iter().map(String::as_str).collect();
        match engine.exec(container, &argv).await {
            Ok(pipe) => Ok(StartedTool { name: self.name.clone(), pipe }),
            Err(error @ (EngineError::Refused { .. } | EngineError::NotFound { .. })) => {
                let cause = crate::error::causes(&error.into());
                Err(ToolFailed(format!("`{}` could not be started: {cause}", self.name)).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Runs it with `input`, and returns what it prints.
    pub(super) async fn output(&self, target: DriverTarget<'_>, input: &str) -> anyhow::Result<String> {
        self.output_in(target.engine, &target.container()?.id, input).await
    }

    /// The same in any container.
    pub(super) async fn output_in(
        &self,
        engine: &dyn Engine,
        container: &str,
        input: &str,
    ) -> anyhow::Result<String> {
        let StartedTool { name, pipe } = self.start_in(engine, container).await?;
        let ExecPipe { mut stdin, stdout, end } = pipe;
        let write = async {
            // A program that ends early says why.
            let _ = stdin.write_all(input.as_bytes()).await;
            let _ = stdin.shutdown().await;
        };
        let mut printed = Vec::new();
        let mut limited = stdout.take(LONGEST_OUTPUT);
        let read = while_writing(write, limited.read_to_end(&mut printed)).await?;
        anyhow::ensure!((read as u64) < LONGEST_OUTPUT, "`{name}` printed more than was expected");
        finish(&name, &end.await?)?;
        String::from_utf8(printed).with_context(|| format!("`{name}` did not print UTF-8"))
    }

    /// Runs it, and writes what it prints to a file, compressed if its name says so. `look` sees it too.
    pub(super) async fn save(
        &self,
        target: DriverTarget<'_>,
        file: NewFile,
        task: &dyn Task,
        look: impl FnMut(&[u8]) + Send + 'static,
    ) -> anyhow::Result<(u64, Digest)> {
        let StartedTool { name, pipe } = self.start(target).await?;
        let ExecPipe { stdin, stdout, end } = pipe;
        let chunks = ReaderStream::with_capacity(stdout, CHUNK).map(|chunk| chunk.map(Vec::from));
        let chunks: ByteStream = Box::pin(chunks);
        let saved = pipe::consume(chunks, task, |reader| write(reader, file, look)).await?;
        let written = saved.with_context(|| format!("the output of `{name}` could not be saved"))?;
        // Kept open until here: some programs end when their input ends.
        drop(stdin);
        finish(&name, &end.await?)?;
        Ok(written)
    }

    /// Runs it with what is in a file as its input, and returns what it prints.
    pub(super) async fn feed(
        &self,
        target: DriverTarget<'_>,
        file: &Path,
        task: &dyn Task,
    ) -> anyhow::Result<String> {
        let pieces = pipe::stream(file, Silent.begin("", Unit::Bytes, None)).await?;
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read `{}`: {error}", file.display()))
        };
        let pieces = pieces.map(|piece| {
            task.advance(piece.as_ref().map_or(0, |piece| piece.len() as u64));
            piece.map_err(named)
        });
        self.feed_from(target, pieces).await
    }

    /// Runs it with the pieces as its input, and returns what it prints.
    pub(super) async fn feed_from(
        &self,
        target: DriverTarget<'_>,
        mut pieces: impl Stream<Item = io::Result<Vec<u8>>> + Unpin,
    ) -> anyhow::Result<String> {
        let StartedTool { name, pipe } = self.start(target).await?;
        let ExecPipe { mut stdin, stdout, end } = pipe;
        let mut unreadable = None;
        let write = async {
            while let Some(piece) = pieces.next().await {
                match piece {
                    Ok(piece) => {
                        if stdin.write_all(&piece).await.is_err() {
                            break;
                        }
                    }
                    Err(error) => {
                        unreadable = Some(error);
                        break;
                    }
                }
            }
            let _ = stdin.shutdown().await;
        };
        let mut printed = String::new();
        let mut limited = stdout.take(LONGEST_OUTPUT);
        let read = while_writing(write, limited.read_to_string(&mut printed)).await;
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        read?;
        finish(&name, &end.await?)?;
        Ok(printed)
    }
}

/// A program that was started.
pub(super) struct StartedTool {
    pub(super) name: String,
    pub(super) pipe: ExecPipe,
}

/// Fails unless the program ended with 0.
pub(super) fn finish(name: &str, end: &ExecEnd) -> Result<(), ToolFailed> {
    if end.code == 0 {
        return Ok(());
    }
    let reason = message(&end.stderr);
    let reason = if reason.is_empty() { format!("it ended with exit code {}", end.code) } else { reason };
    Err(ToolFailed(format!("`{name}` failed: {reason}")))
}

/// Reads to the end while something is written: the output ends when the program does, whether or not it has read
/// everything.
async fn while_writing<T>(write: impl Future<Output = ()>, read: impl Future<Output = T>) -> T {
    let write = async {
        write.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = write => unreachable!("it is pending for ever"),
        read = read => read,
    }
}

fn write(
    mut reader: pipe::ChunkReader,
    file: NewFile,
    mut look: impl FnMut(&[u8]),
) -> anyhow::Result<(u64, Digest)> {
    use std::io::{Read as _, Write as _};
    let path = file.path().to_owned();
    let unwritten = || format!("cannot write `{}`", path.display());
    let mut file = NewArchive::new(file, archive_file::compression_of(&path)).with_context(unwritten)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match reader.read(&mut buffer).context("the engine stopped sending")? {
            0 => return Ok(file.finish(&path)?),
            read => {
                look(&buffer[..read]);
                file.write_all(&buffer[..read]).with_context(unwritten)?;
            }
        }
    }
}

/// The lines of standard error that are about errors, or the last one. Other lines may quote statements, and so passwords.
fn message(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| {
        ["ERROR", "FATAL", "error:", "Got error", "not found", "No such"]
            .iter()
            .any(|word| line.contains(word))
    };
    let mut found: Vec<&str> = lines().filter(is_error).take(2).collect();
    if found.is_empty() {
        found.extend(lines().next_back());
    }
    found.join("; ").chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_quotes_no_statement() {
        let stderr =
            "psql:<stdin>:3: ERROR:  role \"app\" already exists\nLINE 1: ALTER ROLE app PASSWORD 'secret'\n";
        assert_eq!(message(stderr), "psql:<stdin>:3: ERROR:  role \"app\" already exists");
        assert_eq!(message("\nsomething\nlast line\n"), "last line");
        assert_eq!(message(""), "");
    }
}
