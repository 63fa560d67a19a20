//! A repository behind a transport: what may pass is tried again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use tokio::runtime::Runtime;

use super::{ByteRange, Transport, TransportError};

/// How often a request is tried again.
const RETRIES: usize = 5;

/// When a request has failed for this long, it is not tried again.
const GIVE_UP: Duration = Duration::from_mins(5);

/// How long failures are waited out.
#[derive(Debug, Clone, Copy)]
pub(in crate::backup::repository) struct Patience {
    /// How long a server may do nothing.
    pub(in crate::backup::repository) stall: Duration,
    /// What is waited before the first retry; each further one waits twice as long.
    pub(in crate::backup::repository) pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_mins(2), pause: Duration::from_secs(1) }
    }
}

/// A repository that is somewhere else.
#[derive(Debug)]
pub(in crate::backup::repository) struct Remote<T> {
    transport: T,
    pause: Duration,
    /// Without secrets.
    name: String,
}

impl<T: Transport> Remote<T> {
    pub(in crate::backup::repository) fn new(transport: T, patience: Patience, name: String) -> Self {
        Self { transport, pause: patience.pause, name }
    }

    /// Waits for a request, which is tried again if that may help.
    fn ask<R, F>(&self, action: &str, path: &str, request: impl FnMut() -> F) -> RusticResult<R>
    where
        F: Future<Output = Result<R, TransportError>>,
    {
        let started = Instant::now();
        let backoff =
            ExponentialBuilder::default().with_min_delay(self.pause).with_max_times(RETRIES).with_jitter();
        let may_pass = |error: &TransportError| {
            error.is_temporary(self.transport.has_answered()) && started.elapsed() < GIVE_UP
        };
        let attempts = request.retry(backoff).when(may_pass).notify(|error, pause| {
            tracing::debug!(%error, ?pause, action, path, "tried again");
        });
        runtime().block_on(attempts).map_err(|source| {
            RusticError::with_source(ErrorKind::Backend, format!("{action} `{path}` failed"), source)
        })
    }
}

/// Transports are asynchronous, and the calls of the library are not.
pub(super) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "without threads, nothing can go on")]
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system has no threads left");
        runtime
    })
}

/// The library has no files that are larger.
fn short(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl<T: Transport> ReadBackend for Remote<T> {
    fn location(&self) -> String {
        self.name.clone()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        if kind == FileType::Config {
            let found = self.ask("looking for", "config", || self.transport.size("config"))?;
            return Ok(found.map(|size| (Id::default(), short(size))).into_iter().collect());
        }
        let found = self.ask("listing", kind.dirname(), || self.transport.list(kind))?;
        Ok(found.into_iter().map(|(id, size)| (id, short(size))).collect())
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let path = self.transport.path(kind, id);
        self.ask("reading", &path, || self.transport.read(&path, None))
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let path = self.transport.path(kind, id);
        let range = ByteRange { start: offset, length };
        self.ask("reading", &path, || self.transport.read(&path, Some(range)))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.transport.path(kind, id)
    }
}

impl<T: Transport> WriteBackend for Remote<T> {
    fn create(&self) -> RusticResult<()> {
        self.ask("creating", "the directories", || self.transport.create())
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        let path = self.transport.path(kind, id);
        let size = content.size() as u64;
        let content = content.into_vec();
        let tried = AtomicBool::new(false);
        self.ask("writing", &path, || async {
            let is_again = tried.swap(true, Ordering::Relaxed);
            match self.transport.write(&path, content.clone()).await {
                // The file came through, and only the answer was lost: servers may refuse to replace it.
                Err(error) if is_again && error.is_refusal() => match self.transport.size(&path).await? {
                    Some(there) if there == size => Ok(()),
                    _ => Err(error),
                },
                done => done,
            }
        })
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let path = self.transport.path(kind, id);
        self.ask("removing", &path, || self.transport.remove(&path))
    }
}
