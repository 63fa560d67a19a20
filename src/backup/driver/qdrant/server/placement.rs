//! Which node of a cluster has which shard of a collection.

use std::collections::BTreeMap;

use serde_json::Value;

/// A replica of a shard on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) peer: u64,
    /// `Active`, `Dead`, `Partial` and so on.
    state: String,
}

impl Replica {
    pub(super) fn is_active(&self) -> bool {
        self.state == "Active"
    }
}

/// The replicas of each shard of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The node that reports it.
    pub(super) own: u64,
    pub(super) shards: BTreeMap<u32, Vec<Replica>>,
}

impl Placement {
    /// From the report of a node: its own shards and those of other nodes.
    pub(crate) fn of(report: &Value) -> Option<Self> {
        let own = report["peer_id"].as_u64()?;
        let mut shards: BTreeMap<u32, Vec<Replica>> = BTreeMap::new();
        for (list, here) in [("local_shards", Some(own)), ("remote_shards", None)] {
            for one in report[list].as_array()? {
                let shard = u32::try_from(one["shard_id"].as_u64()?).ok()?;
                let peer = here.or_else(|| one["peer_id"].as_u64())?;
                let state = one["state"].as_str()?.to_owned();
                shards.entry(shard).or_default().push(Replica { peer, state });
            }
        }
        Some(Self { own, shards })
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = u32> {
        self.shards.keys().copied()
    }

    /// The number of replicas that are not active yet.
    pub(crate) fn unsettled(&self) -> usize {
        self.shards.values().flatten().filter(|replica| !replica.is_active()).count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a node of three has answered (1.19.0).
    fn report() -> Value {
        json!({ "peer_id": 442_572_747_672_244_u64, "shard_count": 3,
            "local_shards": [{ "shard_id": 1, "points_count": 28, "state": "Active" }],
            "remote_shards": [
                { "shard_id": 0, "peer_id": 2_222_879_770_340_563_u64, "state": "Active" },
                { "shard_id": 1, "peer_id": 2_222_879_770_340_563_u64, "state": "Dead" }],
            "shard_transfers": [] })
    }

    #[test]
    fn every_copy_is_known_and_whether_it_is_in_use() {
        let placement = Placement::of(&report()).expect("told");
        assert_eq!(placement.shards().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(placement.unsettled(), 1);
        assert_eq!(placement.shards[&1][0].peer, placement.own);
        let mut broken = report();
        broken["remote_shards"][0]["state"] = Value::Null;
        assert_eq!(Placement::of(&broken), None);
    }
}
