//! Several servers over one store, which answer as the nodes of a cluster do: each knows everything of every collection,
//! and gives away only the shards that lie on it.
//!
//! What a real cluster does beside that, it has done at once here: all copies of a shard are always in use and equal.
//! (Answers as recorded of three nodes of qdrant 1.19.0.)

use serde_json::{Value, json};

use crate::collection::Collection;
use crate::fault::{Fault, Outcome};

/// Which of the nodes a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) own: u64,
    /// All of them, in their order.
    pub(crate) peers: Vec<u64>,
}

impl Node {
    /// The nodes that have a shard.
    pub(crate) fn holders(&self, collection: &Collection, shard: u32) -> Vec<u64> {
        let copies = collection.schema.stored()["params"]["replication_factor"].as_u64().unwrap_or(1);
        let copies = usize::try_from(copies).unwrap_or(1).clamp(1, self.peers.len());
        self.peers.iter().cycle().skip(shard as usize).take(copies).copied().collect()
    }

    pub(crate) fn has(&self, collection: &Collection, shard: u32) -> bool {
        self.holders(collection, shard).contains(&self.own)
    }

    /// Fails where a shard is there, and not here.
    pub(crate) fn ensure(&self, collection: &Collection, shard: u32, what: &str) -> Outcome<()> {
        collection.shard(shard)?;
        if self.has(collection, shard) {
            return Ok(());
        }
        Err(Fault::bad_input(format!("Shard {shard} is not a {what} shard")))
    }

    pub(crate) fn told(&self) -> Value {
        let peers: serde_json::Map<String, Value> = self
            .peers
            .iter()
            .map(|peer| (peer.to_string(), json!({ "uri": format!("http://node-{peer}:6335/") })))
            .collect();
        json!({ "status": "enabled", "peer_id": self.own, "peers": peers,
            "raft_info": { "term": 1, "commit": 9, "pending_operations": 0, "leader": self.peers[0],
                "role": if self.own == self.peers[0] { "Leader" } else { "Follower" }, "is_voter": true },
            "consensus_thread_status": { "consensus_thread_status": "working",
                "last_update": jiff::Timestamp::now().to_string() },
            "message_send_failures": {} })
    }

    /// The copies of a collection's shards that lie elsewhere.
    pub(crate) fn remote(&self, collection: &Collection) -> Vec<Value> {
        let elsewhere = |shard: u32| {
            let holders = self.holders(collection, shard).into_iter().filter(|peer| *peer != self.own);
            holders.map(move |peer| json!({ "shard_id": shard, "peer_id": peer, "state": "Active" }))
        };
        collection.shards.iter().flat_map(|shard| elsewhere(shard.id)).collect()
    }
}
