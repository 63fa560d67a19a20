//! The write position of each collection: from the server's telemetry, the versions of its segments and their files.
//!
//! The counter is read before the versions: what is written in between then shows as a change, never as none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::segment_files::SegmentFileIds;
use super::segment_versions;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::Result;
use crate::backup::fingerprint::write_position::{ShardPosition, WritePosition};

/// The telemetry level that lists every segment.
const SEGMENTS: u8 = 4;

/// The shards of each collection as one server reports them; `None` if the report is incomplete.
pub(crate) type ShardPositions = BTreeMap<String, Option<Vec<ShardPosition>>>;

/// Asks one server; `node` is its id in the cluster.
pub(crate) async fn report(
    client: &Client,
    node: Option<u64>,
    files: &SegmentFileIds,
) -> Result<ShardPositions> {
    report_of(client, node, files, None).await
}

/// The write position of one collection on a single server, without the identities of its files.
pub(crate) async fn without_files(client: &Client, name: &str) -> Option<WritePosition> {
    let report = report_of(client, None, &SegmentFileIds::default(), Some(name)).await.ok()?;
    join([report]).remove(name)
}

/// Asks about every collection, or about one.
async fn report_of(
    client: &Client,
    node: Option<u64>,
    files: &SegmentFileIds,
    only: Option<&str>,
) -> Result<ShardPositions> {
    let telemetry = client.rest().telemetry(SEGMENTS).await?;
    let process = telemetry["app"]["startup"].as_str();
    let mut positions = ShardPositions::new();
    for report in telemetry["collections"]["collections"].as_array().into_iter().flatten() {
        let Some(name) = report["id"].as_str() else { continue };
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut shards = shards(report, node, files, process);
        for shard in shards.iter_mut().flatten() {
            // Without them, nothing is proven.
            let Ok(manifest) = client.rest().versions(name, shard.id).await else { continue };
            shard.versions = versions_of(report, shard, &manifest);
        }
        positions.insert(name.to_owned(), shards);
    }
    Ok(positions)
}

/// The versions of a shard's segments; empty if a segment is being optimized, because its points are deleted elsewhere
/// meanwhile, or if the segments changed between the two reports.
pub(crate) fn versions_of(report: &Value, shard: &ShardPosition, manifest: &Value) -> BTreeMap<String, u64> {
    let of_shard = |found: &&Value| found["id"].as_u64() == Some(shard.id.into());
    let mut segments = report["shards"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(of_shard)
        .flat_map(|found| found["local"]["segments"].as_array().cloned().unwrap_or_default());
    if segments.any(|segment| segment["info"]["segment_type"] == "special") {
        return BTreeMap::new();
    }
    let versions = segment_versions::of(manifest);
    if versions.keys().eq(shard.segments.keys()) { versions } else { BTreeMap::new() }
}

/// The write positions of all collections, by name. A collection with an incomplete report has none.
pub(crate) fn join(servers: impl IntoIterator<Item = ShardPositions>) -> BTreeMap<String, WritePosition> {
    let mut joined = ShardPositions::new();
    for (name, report) in servers.into_iter().flatten() {
        match joined.entry(name).or_insert_with(|| Some(Vec::new())) {
            Some(known) if report.is_some() => known.extend(report.into_iter().flatten()),
            entry => *entry = None,
        }
    }
    let mark = |mut shards: Vec<ShardPosition>| {
        shards.sort_by_key(|shard| (shard.id, shard.node));
        WritePosition { shards }
    };
    let report = joined.into_iter().filter_map(|(name, shards)| Some((name, shards?)));
    report.filter(|(_, shards)| !shards.is_empty()).map(|(name, shards)| (name, mark(shards))).collect()
}

/// In a cluster, other nodes report their own shards.
pub(crate) fn shards(
    report: &Value,
    node: Option<u64>,
    files: &SegmentFileIds,
    process: Option<&str>,
) -> Option<Vec<ShardPosition>> {
    let shards = report["shards"].as_array()?.iter();
    shards
        .filter(|report| node.is_none() || !report["local"].is_null())
        .map(|report| {
            Some(ShardPosition { process: process.map(str::to_owned), ..shard(report, node, files)? })
        })
        .collect()
}

/// `None` for a shard that is on another node, cannot be read, or has pending writes.
fn shard(report: &Value, node: Option<u64>, files: &SegmentFileIds) -> Option<ShardPosition> {
    let id = u32::try_from(report["id"].as_u64()?).ok()?;
    let local = &report["local"];
    let queue = &local["update_queue"];
    if local["variant_name"] != "local shard" || queue["length"].as_u64()? != 0 {
        return None;
    }
    let segment = |report: &Value| {
        let uuid = report["info"]["uuid"].as_str()?;
        Some((uuid.to_owned(), files.of(uuid)))
    };
    let segments = local["segments"].as_array()?.iter().map(segment).collect::<Option<_>>()?;
    Some(ShardPosition { id, node, op_num: queue["op_num"].as_u64()?, segments, ..ShardPosition::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(report: &Value, node: Option<u64>) -> Option<WritePosition> {
        let shards = shards(report, node, &SegmentFileIds::none(), None);
        join([ShardPositions::from([("receitas".to_owned(), shards)])]).remove("receitas")
    }

    fn report() -> Value {
        json!({ "id": "receitas", "shards": [{ "id": 0, "local": {
            "variant_name": "local shard", "update_queue": { "length": 0, "op_num": 12 },
            "segments": [{ "info": { "uuid": "a" } }, { "info": { "uuid": "b" } }] } }] })
    }

    #[test]
    fn a_mark_has_the_counter_and_the_segments() {
        let found = mark(&report(), None).expect("it tells");
        assert_eq!(found.shards[0].op_num, 12);
        assert_eq!(found.shards[0].segments.keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_tells_too_little_has_none() {
        let change = |path: &str, value: Value| {
            let mut report = report();
            *report.pointer_mut(path).expect("it is there") = value;
            mark(&report, None)
        };
        assert_eq!(change("/shards/0/local/update_queue/length", json!(1)), None);
        assert_eq!(change("/shards/0/local/variant_name", json!("dummy shard")), None);
        assert_eq!(change("/shards/0/local/update_queue", Value::Null), None);
        assert_eq!(change("/shards/0/local/segments/1", json!({})), None);
        assert_eq!(change("/shards", json!([])), None);
    }

    #[test]
    fn versions_count_only_if_they_are_of_the_same_segments_and_all_changes_are_there() {
        let shard = mark(&report(), None).expect("it tells").shards.remove(0);
        let manifest = json!({ "a": { "segment_version": 12 }, "b": { "segment_version": 3 } });
        let found = versions_of(&report(), &shard, &manifest);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 12), ("b".to_owned(), 3)]);
        let mut optimizing = report();
        optimizing["shards"][0]["local"]["segments"][1]["info"]["segment_type"] = json!("special");
        assert!(versions_of(&optimizing, &shard, &manifest).is_empty());
        for other in [json!({}), json!({ "a": { "segment_version": 12 } }), json!({ "a": {}, "b": {} })] {
            assert!(versions_of(&report(), &shard, &other).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_nodes_of_a_cluster_tell_together() {
        let one = report();
        let mut other = one.clone();
        other["shards"] = json!([
            { "id": 0, "local": null },
            { "id": 1, "local": one["shards"][0]["local"] },
        ]);
        assert_eq!(mark(&other, None), None, "alone, it does not have it all");
        let of = |report: &Value, node| {
            ShardPositions::from([(
                "receitas".to_owned(),
                shards(report, Some(node), &SegmentFileIds::none(), None),
            )])
        };
        let joined = join([of(&other, 8), of(&one, 7)]).remove("receitas").expect("they tell");
        let found: Vec<_> = joined.shards.iter().map(|shard| (shard.id, shard.node)).collect();
        assert_eq!(found, [(0, Some(7)), (1, Some(8))]);
        other["shards"][1]["local"]["update_queue"]["length"] = json!(1);
        assert!(join([of(&other, 8), of(&one, 7)]).is_empty(), "one tells too little");
        assert!(join([of(&one, 7), of(&other, 8)]).is_empty());
    }
}
