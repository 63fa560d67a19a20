//! One thing that is wrong with Qdrant's files, and what a server makes of it.

/// What a server does about it at its start (`lib/storage/src/content_manager/toc/mod.rs`, `lib/collection/src/shards`,
/// `lib/segment/src/segment_constructor`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It starts without the collection, as if that had never been, and says so in its log only.
    Skipped,
    /// It deletes the segment.
    Deleted,
    /// It stops, and does so again at every restart.
    Dies,
    /// It lists the collection, and answers no question about it.
    Dummy,
    /// It starts; somebody ought to look.
    Odd,
}

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub fate: Fate,
    /// What is wrong, as a fragment.
    pub what: String,
    /// What comes of it, as a fragment.
    pub why: String,
}

impl Damage {
    pub(super) fn new(fate: Fate, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { fate, what: what.into(), why: why.into() }
    }
}
