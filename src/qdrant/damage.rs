//! One problem with Qdrant's files, and what a server does about it.

/// What a server does about it at startup (`lib/storage/src/content_manager/toc/mod.rs`, `lib/collection/src/shards`,
/// `lib/segment/src/segment_constructor`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupEffect {
    /// It starts without the collection, and mentions that only in its log.
    Skipped,
    /// It deletes the segment.
    Deleted,
    /// It exits, at every restart.
    Exits,
    /// It lists the collection, but rejects all requests for it.
    Dummy,
    /// It starts; the user should check.
    Odd,
}

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageDamage {
    pub effect: StartupEffect,
    /// What is wrong, as a fragment.
    pub what: String,
    /// The consequence, as a fragment.
    pub why: String,
}

impl StorageDamage {
    pub(super) fn new(effect: StartupEffect, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { effect, what: what.into(), why: why.into() }
    }
}
