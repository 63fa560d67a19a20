//! Connects the engine's streams with blocking readers, with a bounded number of chunks in between.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::archive_file;
use crate::engine::ByteStream;
use crate::progress::Task;

const PIECES: usize = 8;
const PIECE: usize = 256 * 1024;

/// Reads a stream with code that may block. The stream is dropped as soon as that code is done.
pub(in crate::backup::driver) async fn consume<T: Send + 'static>(
    mut stream: ByteStream,
    task: &dyn Task,
    work: impl FnOnce(ChunkReader) -> T + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, receiver) = mpsc::channel(PIECES);
    let worker =
        tokio::task::spawn_blocking(move || work(ChunkReader { receiver, piece: Vec::new(), at: 0 }));
    while let Some(piece) = stream.next().await {
        task.advance(piece.as_ref().map_or(0, |piece| piece.len() as u64));
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    worker.await.context("the task that reads the stream failed")
}

/// The chunks of a stream, as a reader.
pub(in crate::backup::driver) struct ChunkReader {
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.receiver.blocking_recv() {
                Some(piece) => (self.piece, self.at) = (piece?, 0),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// What is in an archive, as a stream for the engine.
pub(super) async fn stream(file: &Path, task: Box<dyn Task>) -> anyhow::Result<ByteStream> {
    let file = file.to_owned();
    let mut archive = blocking(move || archive_file::open_showing(&file, task)).await?;
    let (sender, receiver) = mpsc::channel(PIECES);
    // Ends when the stream is dropped.
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = archive.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            let is_last = !matches!(read, Ok(1..));
            let piece = match read {
                Ok(0) => break,
                Ok(_) => Ok(piece),
                Err(error) => Err(error),
            };
            if sender.blocking_send(piece).is_err() || is_last {
                break;
            }
        }
    });
    let pieces = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(Box::pin(pieces))
}

/// Runs code that blocks while it reads files.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("the task that reads the file failed")?
}
