//! A directory of this machine, within the limits.

use bytes::Bytes;
use rustic_backend::LocalBackend;
use rustic_core::{BytesList, FileType, Id, ReadBackend, RusticResult, WriteBackend};

use super::rate::RateLimits;

/// A repository in a directory.
#[derive(Debug)]
pub(in crate::backup::repository) struct LocalDirectory {
    inner: LocalBackend,
    rates: RateLimits,
}

impl LocalDirectory {
    pub(in crate::backup::repository) fn new(path: &str, rates: RateLimits) -> RusticResult<Self> {
        Ok(Self { inner: LocalBackend::new(path, [])?, rates })
    }

    fn received(&self, content: Bytes) -> Bytes {
        self.rates.download.block(content.len());
        content
    }
}

impl ReadBackend for LocalDirectory {
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
        self.inner.read_full(kind, id).map(|content| self.received(content))
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.inner.read_partial(kind, id, cacheable, offset, length).map(|content| self.received(content))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.inner.warmup_path(kind, id)
    }
}

impl WriteBackend for LocalDirectory {
    fn create(&self) -> RusticResult<()> {
        self.inner.create()
    }

    fn write_bytes(&self, kind: FileType, id: &Id, cacheable: bool, content: BytesList) -> RusticResult<()> {
        self.rates.upload.block(content.size());
        self.inner.write_bytes(kind, id, cacheable, content)
    }

    fn remove(&self, kind: FileType, id: &Id, cacheable: bool) -> RusticResult<()> {
        self.inner.remove(kind, id, cacheable)
    }
}
