//! Where the writes of a collection stood, so that a later fingerprint can prove that nothing was written since.
//!
//! Each write increases a shard's `op_num`; a restart does not (measured, 1.19.0). A collection that was deleted and
//! created again has other segments. A snapshot restored over a collection brings both the numbers and the segments of
//! *its* time with it, so these two alone prove nothing: the files of the segments must be the same files, too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePosition {
    /// Ordered by id, then by node.
    pub shards: Vec<ShardPosition>,
}

/// One shard, or one node's copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPosition {
    pub id: u32,
    /// The cluster node that has it; `None` for a single server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// The number of the last operation.
    pub op_num: u64,
    /// Each segment with the identity of its file `version.info` (inode and time of its last change), which is written
    /// once; `None` if the files cannot be read.
    pub segments: BTreeMap<String, Option<String>>,
}

impl WritePosition {
    /// Whether nothing was written between an earlier position and this one. `false` proves nothing: an optimizer that
    /// rewrote every segment leaves no proof.
    pub fn proves_unchanged_since(&self, earlier: &Self) -> bool {
        !self.shards.is_empty()
            && self.same_writes(earlier)
            && self.shards.iter().zip(&earlier.shards).all(|(now, then)| now.stands_on(then))
    }

    /// Whether the counters of all shards are unchanged.
    pub fn same_writes(&self, earlier: &Self) -> bool {
        self.shards.len() == earlier.shards.len()
            && self
                .shards
                .iter()
                .zip(&earlier.shards)
                .all(|(now, then)| (now.id, now.node, now.op_num) == (then.id, then.node, then.op_num))
    }
}

impl ShardPosition {
    /// Whether at least one segment is the same, and none has the same name and a different file.
    fn stands_on(&self, earlier: &Self) -> bool {
        let mut same = false;
        for (segment, now) in &self.segments {
            match (now, earlier.segments.get(segment)) {
                (_, None) => {}
                (Some(now), Some(Some(then))) if now == then => same = true,
                (_, Some(_)) => return false,
            }
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(op_num: u64, segments: &[(&str, Option<&str>)]) -> WritePosition {
        let segments =
            segments.iter().map(|(segment, file)| ((*segment).to_owned(), file.map(str::to_owned))).collect();
        WritePosition { shards: vec![ShardPosition { id: 0, node: None, op_num, segments }] }
    }

    #[test]
    fn the_same_counter_and_the_same_files_prove_it() {
        let before = mark(7, &[("a", Some("1@2")), ("b", Some("3@4"))]);
        assert!(before.proves_unchanged_since(&before));
        let optimised = mark(7, &[("a", Some("1@2")), ("c", Some("5@6"))]);
        assert!(optimised.proves_unchanged_since(&before));
    }

    #[test]
    fn nothing_less_does() {
        let before = mark(7, &[("a", Some("1@2")), ("b", Some("3@4"))]);
        for now in [
            mark(8, &[("a", Some("1@2")), ("b", Some("3@4"))]),
            mark(7, &[("a", Some("1@9")), ("b", Some("3@4"))]),
            mark(7, &[("a", None), ("b", None)]),
            mark(7, &[("c", Some("1@2"))]),
            WritePosition::default(),
        ] {
            assert!(!now.proves_unchanged_since(&before), "{now:?}");
        }
        assert!(!WritePosition::default().proves_unchanged_since(&WritePosition::default()));
        let mut two = before.clone();
        two.shards.push(ShardPosition { id: 1, node: None, op_num: 1, segments: BTreeMap::new() });
        assert!(!two.proves_unchanged_since(&before) && !before.proves_unchanged_since(&two));
        let mut moved = before.clone();
        moved.shards[0].node = Some(1);
        assert!(!moved.proves_unchanged_since(&before));
    }
}
