//! Where the writes of a collection stood, so that a later fingerprint can prove that nothing was written since.
//!
//! No counter of the server proves that alone (all of it from the source of 1.19.0, and seen there):
//!
//! - `op_num` is saved only after every 64th write, and the log that is replayed at a start does not count: after a
//!   restart it goes back, and stands still until the next write. An operation that fails halfway is not counted either.
//! - A segment has the number of the last operation that changed it as its version. It is saved with its files, and grows
//!   with every change, also with half an operation. An optimizer replaces segments, and keeps the highest version.
//! - A snapshot that is restored over a collection brings back the counters, the segments and the versions of *its* time.
//!   Only the files of the segments are others then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePosition {
    /// Ordered by id, then by node.
    pub shards: Vec<ShardPosition>,
}

/// One shard, or one node's copy of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPosition {
    pub id: u32,
    /// The cluster node that has it; `None` for a single server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// The number of the last operation that succeeded, as far as this process of the server knows.
    pub op_num: u64,
    /// Each segment with the identity of its file `version.info` (inode and time of its last change), which is written
    /// once; `None` if the files cannot be read.
    pub segments: BTreeMap<String, Option<String>>,
    /// When the process of the server started, as it reports it. Not recorded by older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The version of each segment: the number of the last operation that changed it. Empty if the server does not report
    /// it, or if a segment is being optimized and its changes are elsewhere. Not recorded by older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, u64>,
}

impl WritePosition {
    /// Whether nothing was written between an earlier position and this one. `false` proves nothing.
    pub fn proves_unchanged_since(&self, earlier: &Self) -> bool {
        !self.shards.is_empty() && self.all(earlier, ShardPosition::proves_unchanged_since)
    }

    /// Whether nothing at all happened between an earlier position and this one, neither a write nor an optimization. Does not
    /// look at the identities of the files: a restore in between is not noticed.
    pub fn is_still(&self, earlier: &Self) -> bool {
        !self.shards.is_empty() && self.all(earlier, ShardPosition::is_still)
    }

    /// Whether the counters of all shards are unchanged, wherever their files are. Less than a proof: a snapshot that was
    /// restored has the same counters.
    pub fn same_writes(&self, earlier: &Self) -> bool {
        self.all(earlier, ShardPosition::same_writes)
    }

    /// Whether every change between an earlier position and this one shows in the versions of the segments: the same
    /// process of the server has written all of it, and no counter went back.
    pub fn continues(&self, earlier: &Self) -> bool {
        !self.shards.is_empty() && self.all(earlier, ShardPosition::continues)
    }

    fn all(&self, earlier: &Self, holds: impl Fn(&ShardPosition, &ShardPosition) -> bool) -> bool {
        let is_same = |now: &ShardPosition, then: &ShardPosition| (now.id, now.node) == (then.id, then.node);
        self.shards.len() == earlier.shards.len()
            && self
                .shards
                .iter()
                .zip(&earlier.shards)
                .all(|(now, then)| is_same(now, then) && holds(now, then))
    }
}

impl ShardPosition {
    fn proves_unchanged_since(&self, earlier: &Self) -> bool {
        self.knows_versions()
            && earlier.knows_versions()
            && self.stands_on(earlier)
            && (self.has_same_segments(earlier) || self.was_only_optimized_since(earlier))
    }

    fn is_still(&self, earlier: &Self) -> bool {
        self.knows_versions()
            && self.versions == earlier.versions
            && self.op_num == earlier.op_num
            && self.is_same_process(earlier)
    }

    fn same_writes(&self, earlier: &Self) -> bool {
        if !self.knows_versions() || !earlier.knows_versions() {
            return self.op_num == earlier.op_num;
        }
        self.has_same_segments(earlier)
            || self.is_same_process(earlier)
                && self.op_num == earlier.op_num
                && self.newest() == earlier.newest()
    }

    fn continues(&self, earlier: &Self) -> bool {
        let went_back = earlier
            .versions
            .iter()
            .any(|(segment, then)| self.versions.get(segment).is_some_and(|now| now < then));
        self.counts_strictly()
            && earlier.counts_strictly()
            && self.is_same_process(earlier)
            && self.stands_on(earlier)
            && self.op_num >= earlier.op_num
            && !went_back
    }

    /// Whether these are the same segments, and none has changed. Holds across a restart: writes that were in no segment
    /// yet are replayed from the log, and raise the versions then.
    fn has_same_segments(&self, earlier: &Self) -> bool {
        self.versions == earlier.versions && (!self.is_same_process(earlier) || self.op_num == earlier.op_num)
    }

    /// Whether an optimizer explains every difference. Within one process, every operation raises the counter, and one that
    /// fails halfway the highest version.
    fn was_only_optimized_since(&self, earlier: &Self) -> bool {
        self.is_same_process(earlier)
            && self.op_num == earlier.op_num
            && self.newest() == earlier.newest()
            && self.counts_strictly()
    }

    /// Whether at least one segment is the same, and none has the same name and other files.
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

    fn is_same_process(&self, other: &Self) -> bool {
        self.process.is_some() && self.process == other.process
    }

    fn knows_versions(&self) -> bool {
        !self.versions.is_empty() && self.versions.keys().eq(self.segments.keys())
    }

    /// Whether no segment has a higher version than the counter. It is otherwise after a restart, while an operation is
    /// being applied, and after one that failed halfway.
    fn counts_strictly(&self) -> bool {
        self.knows_versions() && self.newest() <= Some(self.op_num)
    }

    fn newest(&self) -> Option<u64> {
        self.versions.values().max().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments with their versions and files, in the first process.
    fn mark(op_num: u64, segments: &[(&str, u64, Option<&str>)]) -> WritePosition {
        let names =
            segments.iter().map(|(segment, _, file)| ((*segment).to_owned(), file.map(str::to_owned)));
        let versions = segments.iter().map(|(segment, version, _)| ((*segment).to_owned(), *version));
        let shard = ShardPosition {
            op_num,
            segments: names.collect(),
            process: Some("1".into()),
            versions: versions.collect(),
            ..ShardPosition::default()
        };
        WritePosition { shards: vec![shard] }
    }

    fn restarted(mut position: WritePosition, op_num: u64) -> WritePosition {
        position.shards[0].process = Some("2".into());
        position.shards[0].op_num = op_num;
        position
    }

    const A: (&str, u64, Option<&str>) = ("a", 7, Some("1@2"));
    const B: (&str, u64, Option<&str>) = ("b", 5, Some("3@4"));

    #[test]
    fn the_same_versions_and_the_same_files_prove_it() {
        let before = mark(7, &[A, B]);
        assert!(before.proves_unchanged_since(&before));
        assert!(restarted(before.clone(), 0).proves_unchanged_since(&before), "the counter goes back alone");
        let optimized = mark(7, &[A, ("c", 5, Some("5@6"))]);
        assert!(optimized.proves_unchanged_since(&before));
        assert!(!restarted(optimized, 7).proves_unchanged_since(&before));
    }

    #[test]
    fn nothing_less_does() {
        let before = mark(7, &[A, B]);
        for now in [
            mark(8, &[A, B]),
            // As after a second start, if only deleted points were written in between.
            restarted(mark(7, &[A, ("b", 8, Some("3@4"))]), 7),
            mark(7, &[A, ("b", 8, Some("3@4"))]),
            mark(7, &[("a", 7, Some("1@9")), B]),
            mark(7, &[("a", 7, None), ("b", 5, None)]),
            mark(7, &[("c", 7, Some("1@2"))]),
            mark(7, &[A, ("c", 9, Some("5@6"))]),
            WritePosition::default(),
        ] {
            assert!(!now.proves_unchanged_since(&before), "{now:?}");
        }
        assert!(!WritePosition::default().proves_unchanged_since(&WritePosition::default()));
        let mut two = before.clone();
        two.shards.push(ShardPosition { id: 1, ..before.shards[0].clone() });
        assert!(!two.proves_unchanged_since(&before) && !before.proves_unchanged_since(&two));
        let mut moved = before.clone();
        moved.shards[0].node = Some(1);
        assert!(!moved.proves_unchanged_since(&before));
        let mut older = before.clone();
        older.shards[0].versions.clear();
        assert!(!before.proves_unchanged_since(&older) && !older.proves_unchanged_since(&older));
    }

    #[test]
    fn changes_show_only_within_one_process_that_counts_upwards() {
        let before = mark(7, &[A, B]);
        let written = mark(9, &[("a", 9, Some("1@2")), B, ("c", 8, Some("5@6"))]);
        assert!(written.continues(&before));
        for now in [
            restarted(written.clone(), 9),
            mark(6, &[("a", 6, Some("1@2")), B]),
            mark(9, &[("a", 6, Some("1@2")), B]),
            mark(9, &[("a", 9, Some("1@9")), B]),
            mark(9, &[("a", 9, None), ("b", 5, None)]),
            mark(9, &[("c", 9, Some("5@6"))]),
            mark(9, &[("a", 10, Some("1@2")), B]),
        ] {
            assert!(!now.continues(&before), "{now:?}");
        }
        let after_a_start = mark(3, &[A, B]);
        assert!(!written.continues(&after_a_start), "its counter was behind");
    }

    #[test]
    fn during_a_backup_nothing_at_all_may_happen() {
        let before = mark(7, &[A, B]);
        assert!(mark(7, &[("a", 7, None), ("b", 5, None)]).is_still(&before));
        for now in [
            mark(8, &[A, B]),
            mark(7, &[A, ("c", 5, Some("5@6"))]),
            mark(7, &[A, ("b", 8, Some("3@4"))]),
            restarted(before.clone(), 7),
            WritePosition::default(),
        ] {
            assert!(!now.is_still(&before), "{now:?}");
        }
    }

    #[test]
    fn without_versions_the_counter_is_all_there_is() {
        let mut before = mark(7, &[A, B]);
        before.shards[0].versions.clear();
        assert!(mark(7, &[A]).same_writes(&before) && !mark(8, &[A]).same_writes(&before));
        let known = mark(7, &[A, B]);
        assert!(restarted(known.clone(), 0).same_writes(&known));
        assert!(!restarted(mark(7, &[A, ("b", 8, Some("3@4"))]), 7).same_writes(&known));
        assert!(mark(7, &[("c", 7, None)]).same_writes(&known), "optimized");
    }
}
