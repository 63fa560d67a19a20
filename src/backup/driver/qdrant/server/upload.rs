//! The stream of an upload, and its progress.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use crate::progress::Task;

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// The progress of an upload.
#[derive(Clone)]
pub(crate) struct UploadProgress {
    task: Arc<dyn Task>,
    whole: Arc<AtomicBool>,
}

impl UploadProgress {
    pub(crate) fn new(task: &Arc<dyn Task>) -> Self {
        Self { task: Arc::clone(task), whole: Arc::default() }
    }

    /// Whether the server has received everything, and so may process it even if the client disconnects.
    pub(crate) fn is_complete(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    pub(crate) fn watch(&self, file: File) -> WatchedFile {
        WatchedFile { file, sent: self.clone() }
    }

    /// What a reader gives, read on a thread of its own.
    pub(crate) fn stream<R: Read + Send + 'static>(
        &self,
        mut reader: R,
    ) -> impl Stream<Item = io::Result<Vec<u8>>> + use<R> {
        let (send, receive) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = reader.read(&mut chunk).map(|count| {
                    chunk.truncate(count);
                    chunk
                });
                let is_last = read.as_ref().map_or(true, Vec::is_empty);
                // Nobody receives after the request has ended.
                if send.blocking_send(read).is_err() || is_last {
                    break;
                }
            }
        });
        let sent = self.clone();
        unfold((receive, sent), async |(mut receive, sent)| match receive.recv().await? {
            Ok(chunk) if chunk.is_empty() => {
                sent.whole.store(true, Ordering::Release);
                None
            }
            Ok(chunk) => {
                sent.task.advance(chunk.len() as u64);
                Some((Ok(chunk), (receive, sent)))
            }
            Err(error) => Some((Err(error), (receive, sent))),
        })
    }
}

/// The file that is being read.
pub(crate) struct WatchedFile {
    file: File,
    sent: UploadProgress,
}

impl AsyncRead for WatchedFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.file).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let count = buffer.filled().len() - before;
            if count == 0 {
                self.sent.whole.store(true, Ordering::Release);
            } else {
                self.sent.task.advance(count as u64);
            }
        }
        polled
    }
}
