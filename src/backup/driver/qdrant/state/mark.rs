//! Where the history of each collection stands: from the server's telemetry, and from the files of its segments.

use std::collections::BTreeMap;

use serde_json::Value;

use super::witness::Witness;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::Result;
use crate::backup::fingerprint::mark::{Mark, Shard};

/// The level from which telemetry names every segment.
const SEGMENTS: u8 = 4;

/// The marks of all collections, by name. A collection that tells too little has none.
pub(crate) async fn all(client: &Client, witness: &Witness) -> Result<BTreeMap<String, Mark>> {
    let telemetry = client.rest().telemetry(SEGMENTS).await?;
    let collections = telemetry["collections"]["collections"].as_array().cloned().unwrap_or_default();
    Ok(collections
        .iter()
        .filter_map(|told| Some((told["id"].as_str()?.to_owned(), mark(told, witness)?)))
        .collect())
}

fn mark(told: &Value, witness: &Witness) -> Option<Mark> {
    let shards = told["shards"].as_array()?;
    let mut shards = shards.iter().map(|told| shard(told, witness)).collect::<Option<Vec<_>>>()?;
    shards.sort_by_key(|shard| shard.id);
    (!shards.is_empty()).then_some(Mark { shards })
}

/// `None` for a shard that is elsewhere, cannot be read, or has writes that are not applied yet.
fn shard(told: &Value, witness: &Witness) -> Option<Shard> {
    let id = u32::try_from(told["id"].as_u64()?).ok()?;
    let local = &told["local"];
    let queue = &local["update_queue"];
    if local["variant_name"] != "local shard" || queue["length"].as_u64()? != 0 {
        return None;
    }
    let segment = |told: &Value| {
        let uuid = told["info"]["uuid"].as_str()?;
        Some((uuid.to_owned(), witness.of(uuid)))
    };
    let segments = local["segments"].as_array()?.iter().map(segment).collect::<Option<_>>()?;
    Some(Shard { id, op_num: queue["op_num"].as_u64()?, segments })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Value {
        json!({ "id": "receitas", "shards": [{ "id": 0, "local": {
            "variant_name": "local shard", "update_queue": { "length": 0, "op_num": 12 },
            "segments": [{ "info": { "uuid": "a" } }, { "info": { "uuid": "b" } }] } }] })
    }

    #[test]
    fn a_mark_has_the_counter_and_the_segments() {
        let found = mark(&told(), &Witness::none()).expect("it tells");
        assert_eq!(found.shards[0].op_num, 12);
        assert_eq!(found.shards[0].segments.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_tells_too_little_has_none() {
        let change = |path: &str, value: Value| {
            let mut told = told();
            *told.pointer_mut(path).expect("it is there") = value;
            mark(&told, &Witness::none())
        };
        assert_eq!(change("/shards/0/local/update_queue/length", json!(1)), None);
        assert_eq!(change("/shards/0/local/variant_name", json!("dummy shard")), None);
        assert_eq!(change("/shards/0/local/update_queue", Value::Null), None);
        assert_eq!(change("/shards/0/local/segments/1", json!({})), None);
        assert_eq!(change("/shards", json!([])), None);
    }
}
