//! What a snapshot is taken of.

use std::fmt;

use crate::backup::driver::qdrant::names::in_url;

/// A collection on one node, or one of its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SnapshotTarget<'a> {
    pub(crate) collection: &'a str,
    pub(crate) shard: Option<u32>,
}

impl<'a> SnapshotTarget<'a> {
    pub(crate) const fn shard(collection: &'a str, shard: u32) -> Self {
        Self { collection, shard: Some(shard) }
    }

    /// Its path on the server, encoded.
    pub(super) fn path(&self) -> String {
        let collection = in_url(self.collection);
        match self.shard {
            None => format!("/collections/{collection}"),
            Some(shard) => format!("/collections/{collection}/shards/{shard}"),
        }
    }
}

impl<'a> From<&'a str> for SnapshotTarget<'a> {
    fn from(collection: &'a str) -> Self {
        Self { collection, shard: None }
    }
}

impl<'a> From<&'a String> for SnapshotTarget<'a> {
    fn from(collection: &'a String) -> Self {
        collection.as_str().into()
    }
}

impl fmt::Display for SnapshotTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shard) = self.shard {
            write!(f, "shard {shard} of ")?;
        }
        write!(f, "collection `{}`", self.collection)
    }
}
