//! Keeps the library from saving a snapshot that is not complete yet.
//!
//! It saves one as soon as the data is there, and without its description such a snapshot is no backup. It cannot be removed
//! again from a server that only lets files be added.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rustic_core::{BytesList, FileType, Id, ReadBackend, RusticResult, WriteBackend};

/// Everything passes, except for snapshots while it is closed.
pub(super) struct SnapshotGate {
    inner: Arc<dyn WriteBackend>,
    is_closed: AtomicBool,
}

impl SnapshotGate {
    pub(super) fn new(inner: Arc<dyn WriteBackend>) -> Self {
        Self { inner, is_closed: AtomicBool::new(false) }
    }

    /// Runs something that saves a snapshot, without saving it.
    pub(super) fn closed<T>(&self, run: impl FnOnce() -> T) -> T {
        self.is_closed.store(true, Ordering::SeqCst);
        let done = run();
        self.is_closed.store(false, Ordering::SeqCst);
        done
    }
}

impl ReadBackend for SnapshotGate {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.inner.list_with_size(kind)
    }

    fn list(&self, kind: FileType) -> RusticResult<Vec<Id>> {
        self.inner.list(kind)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.inner.read_full(kind, id)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.inner.read_partial(kind, id, cacheable, offset, length)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.inner.warmup_path(kind, id)
    }
}

impl WriteBackend for SnapshotGate {
    fn create(&self) -> RusticResult<()> {
        self.inner.create()
    }

    fn write_bytes(&self, kind: FileType, id: &Id, cacheable: bool, content: BytesList) -> RusticResult<()> {
        if kind == FileType::Snapshot && self.is_closed.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.inner.write_bytes(kind, id, cacheable, content)
    }

    fn remove(&self, kind: FileType, id: &Id, cacheable: bool) -> RusticResult<()> {
        self.inner.remove(kind, id, cacheable)
    }
}
