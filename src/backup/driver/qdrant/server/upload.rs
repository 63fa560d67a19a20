//! Reports the progress of an upload.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::progress::Task;

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
