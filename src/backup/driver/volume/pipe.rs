//! Connects the engine's streams with blocking readers, with a bounded number of chunks in between.

use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::archive_file;
use super::attributes::has_holes;
use super::tar_entries::{self, TarWalkError};
use crate::engine::ByteStream;
use crate::progress::Task;

/// How many pieces wait between a writer and a reader.
pub(in crate::backup::driver) const PIECES: usize = 8;
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
pub(in crate::backup::driver) async fn stream(
    file: &Path,
    task: Box<dyn Task>,
) -> anyhow::Result<ByteStream> {
    let mut archive = open(file, task).await?;
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
    Ok(received(receiver))
}

/// Like [`stream`], where files with holes are empty: the engine would write their zeros.
pub(super) async fn stream_without_holes(file: &Path, task: Box<dyn Task>) -> anyhow::Result<ByteStream> {
    let archive = open(file, task).await?;
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut to = PieceSender { sender, piece: Vec::with_capacity(PIECE) };
        let written = tar_entries::walk(archive, |entry, content| {
            if has_holes(entry) {
                entry.size = 0;
            }
            entry.write_head(&mut to)?;
            if entry.size > 0 {
                io::copy(content, &mut to)?;
            }
            entry.write_padding(&mut to)
        });
        let ended = match written {
            Ok(()) => tar_entries::write_end(&mut to).and_then(|()| to.flush()),
            Err(TarWalkError::Visit(error) | TarWalkError::Read(error) | TarWalkError::Damaged(error)) => {
                Err(error)
            }
            Err(TarWalkError::Truncated(_) | TarWalkError::Trailing { .. }) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the archive is damaged"))
            }
        };
        if let Err(error) = ended {
            // Whoever receives has gone, or learns why the stream ends.
            let _ = to.sender.blocking_send(Err(error));
        }
    });
    Ok(received(receiver))
}

async fn open(file: &Path, task: Box<dyn Task>) -> anyhow::Result<Box<dyn Read + Send>> {
    let file = file.to_owned();
    blocking(move || archive_file::open_showing(&file, task)).await
}

/// What a channel delivers, as a stream.
pub(in crate::backup::driver) fn received(receiver: mpsc::Receiver<io::Result<Vec<u8>>>) -> ByteStream {
    Box::pin(futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

/// Sends what is written in pieces.
struct PieceSender {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Write for PieceSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Runs code that blocks while it reads files.
pub(in crate::backup::driver) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("the task that reads the file failed")?
}
