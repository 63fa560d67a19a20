//! The write position of each collection: from the server's telemetry and the files of its segments.

use std::collections::BTreeMap;

use serde_json::Value;

use super::segment_files::SegmentFileIds;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::Result;
use crate::backup::fingerprint::write_position::{ShardPosition, WritePosition};

/// The telemetry level that lists every segment.
const SEGMENTS: u8 = 4;

/// The shards of each collection as one server reports them; `None` if the report is incomplete.
pub(crate) type ShardPositions = BTreeMap<String, Option<Vec<ShardPosition>>>;

/// Asks one server; `node` is its id in the cluster.
pub(crate) async fn told(
    client: &Client,
    node: Option<u64>,
    files: &SegmentFileIds,
) -> Result<ShardPositions> {
    let telemetry = client.rest().telemetry(SEGMENTS).await?;
    let collections = telemetry["collections"]["collections"].as_array().cloned().unwrap_or_default();
    Ok(collections
        .iter()
        .filter_map(|told| Some((told["id"].as_str()?.to_owned(), shards(told, node, files))))
        .collect())
}

/// The write positions of all collections, by name. A collection with an incomplete report has none.
pub(crate) fn join(servers: impl IntoIterator<Item = ShardPositions>) -> BTreeMap<String, WritePosition> {
    let mut joined = ShardPositions::new();
    for (name, told) in servers.into_iter().flatten() {
        match joined.entry(name).or_insert_with(|| Some(Vec::new())) {
            Some(known) if told.is_some() => known.extend(told.into_iter().flatten()),
            entry => *entry = None,
        }
    }
    let mark = |mut shards: Vec<ShardPosition>| {
        shards.sort_by_key(|shard| (shard.id, shard.node));
        WritePosition { shards }
    };
    let told = joined.into_iter().filter_map(|(name, shards)| Some((name, shards?)));
    told.filter(|(_, shards)| !shards.is_empty()).map(|(name, shards)| (name, mark(shards))).collect()
}

/// In a cluster, other nodes report their own shards.
fn shards(told: &Value, node: Option<u64>, files: &SegmentFileIds) -> Option<Vec<ShardPosition>> {
    let shards = told["shards"].as_array()?.iter();
    shards
        .filter(|told| node.is_none() || !told["local"].is_null())
        .map(|told| shard(told, node, files))
        .collect()
}

/// `None` for a shard that is on another node, cannot be read, or has pending writes.
fn shard(told: &Value, node: Option<u64>, files: &SegmentFileIds) -> Option<ShardPosition> {
    let id = u32::try_from(told["id"].as_u64()?).ok()?;
    let local = &told["local"];
    let queue = &local["update_queue"];
    if local["variant_name"] != "local shard" || queue["length"].as_u64()? != 0 {
        return None;
    }
    let segment = |told: &Value| {
        let uuid = told["info"]["uuid"].as_str()?;
        Some((uuid.to_owned(), files.of(uuid)))
    };
    let segments = local["segments"].as_array()?.iter().map(segment).collect::<Option<_>>()?;
    Some(ShardPosition { id, node, op_num: queue["op_num"].as_u64()?, segments })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(told: &Value, node: Option<u64>) -> Option<WritePosition> {
        let shards = shards(told, node, &SegmentFileIds::none());
        join([ShardPositions::from([("receitas".to_owned(), shards)])]).remove("receitas")
    }

    fn told() -> Value {
        json!({ "id": "receitas", "shards": [{ "id": 0, "local": {
            "variant_name": "local shard", "update_queue": { "length": 0, "op_num": 12 },
            "segments": [{ "info": { "uuid": "a" } }, { "info": { "uuid": "b" } }] } }] })
    }

    #[test]
    fn a_mark_has_the_counter_and_the_segments() {
        let found = mark(&told(), None).expect("it tells");
        assert_eq!(found.shards[0].op_num, 12);
        assert_eq!(found.shards[0].segments.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_tells_too_little_has_none() {
        let change = |path: &str, value: Value| {
            let mut told = told();
            *told.pointer_mut(path).expect("it is there") = value;
            mark(&told, None)
        };
        assert_eq!(change("/shards/0/local/update_queue/length", json!(1)), None);
        assert_eq!(change("/shards/0/local/variant_name", json!("dummy shard")), None);
        assert_eq!(change("/shards/0/local/update_queue", Value::Null), None);
        assert_eq!(change("/shards/0/local/segments/1", json!({})), None);
        assert_eq!(change("/shards", json!([])), None);
    }

    #[test]
    fn the_nodes_of_a_cluster_tell_together() {
        let one = told();
        let mut other = one.clone();
        other["shards"] = json!([
            { "id": 0, "local": null },
            { "id": 1, "local": one["shards"][0]["local"] },
        ]);
        assert_eq!(mark(&other, None), None, "alone, it does not have it all");
        let of = |told: &Value, node| {
            ShardPositions::from([("receitas".to_owned(), shards(told, Some(node), &SegmentFileIds::none()))])
        };
        let joined = join([of(&other, 8), of(&one, 7)]).remove("receitas").expect("they tell");
        let found: Vec<_> = joined.shards.iter().map(|shard| (shard.id, shard.node)).collect();
        assert_eq!(found, [(0, Some(7)), (1, Some(8))]);
        other["shards"][1]["local"]["update_queue"]["length"] = json!(1);
        assert!(join([of(&other, 8), of(&one, 7)]).is_empty(), "one tells too little");
        assert!(join([of(&one, 7), of(&other, 8)]).is_empty());
    }
}
