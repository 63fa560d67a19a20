//! Fingerprints a server.
//!
//! A collection that cannot be read is recorded as unreadable; the others are still counted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::sample;
use super::segment_files::SegmentFileIds;
use super::write_position;
use crate::backup::driver::DriverTarget;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::cluster::ClusterMember;
use crate::backup::driver::qdrant::server::error::{ApiError, Result};
use crate::backup::fingerprint::sample::Sample;
use crate::backup::fingerprint::write_position::WritePosition;
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};

/// How long a count waits for writes that the server accepted but has not applied yet.
const SETTLE: Duration = Duration::from_secs(30);

/// Why a server in recovery mode cannot be read (`storage.recovery_mode`, `src/main.rs`).
const RECOVERING: &str = "the server runs in recovery mode and has not loaded its collections; no data is lost. Start it without QDRANT__STORAGE__RECOVERY_MODE, with more memory if it ran out of it";

/// The fingerprint, and the info of each collection as the server reported it.
pub(crate) struct CountedServer {
    pub(crate) fingerprint: QdrantFingerprint,
    pub(crate) infos: Vec<(String, Value)>,
}

/// Counts everything.
pub(crate) async fn take(client: &Client, target: DriverTarget<'_>) -> Result<CountedServer> {
    let mut taken = CountedServer {
        fingerprint: QdrantFingerprint {
            version: client.version().to_owned(),
            collections: BTreeMap::new(),
            aliases: client.aliases().await?.into_iter().collect(),
        },
        infos: Vec::new(),
    };
    for name in client.collections().await? {
        match count(client, &name).await {
            Ok((collection, info)) => {
                taken.fingerprint.collections.insert(name.clone(), collection);
                taken.infos.push((name, info));
            }
            // Deleted between the list and the count.
            Err(ApiError::NotFound { .. }) if !client.collections().await?.contains(&name) => {}
            Err(error) => {
                let reason = reason(error)?;
                taken.fingerprint.collections.insert(name, unreadable(reason));
            }
        }
    }
    if is_recovering(client, &taken.fingerprint).await {
        let action = "read the collections".to_owned();
        return Err(ApiError::Failed { action, message: RECOVERING.to_owned() });
    }
    mark_and_sample(client, target, &mut taken).await?;
    Ok(taken)
}

/// Whether a server without readable collections runs in recovery mode.
async fn is_recovering(client: &Client, found: &QdrantFingerprint) -> bool {
    let collections = &found.collections;
    if collections.is_empty() || collections.values().any(|one| one.unreadable.is_none()) {
        return false;
    }
    let told = client.rest().telemetry(1).await;
    told.is_ok_and(|told| told["app"]["features"]["recovery_mode"] == true)
}

/// The write positions come before the samples: what is written in between increases the counter, so the samples count
/// as outdated.
async fn mark_and_sample(client: &Client, target: DriverTarget<'_>, taken: &mut CountedServer) -> Result<()> {
    let mut marks = marks(client, target).await?;
    for (name, info) in &taken.infos {
        let Some(collection) = taken.fingerprint.collections.get_mut(name) else { continue };
        collection.write_position = marks.remove(name);
        collection.sample = sample(client, name, collection, info).await?;
    }
    Ok(())
}

/// The write position of each collection; empty if the key does not allow it, or a node does not respond.
pub(crate) async fn marks(
    client: &Client,
    target: DriverTarget<'_>,
) -> Result<BTreeMap<String, WritePosition>> {
    let mut told = Vec::new();
    for ClusterMember { client, target, node } in client.members(target) {
        let files = SegmentFileIds::take(target).await;
        match write_position::told(client, node, &files).await {
            Ok(one) => told.push(one),
            Err(ApiError::Permission { .. } | ApiError::NotFound { .. }) => return Ok(BTreeMap::new()),
            // The other nodes report what is wrong if it matters.
            Err(_) if node.is_some() => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        }
    }
    Ok(write_position::join(told))
}

/// A sample of a collection that was just counted.
pub(crate) async fn sample(
    client: &Client,
    name: &str,
    counted: &CollectionFingerprint,
    info: &Value,
) -> Result<Option<Sample>> {
    match sample::take(client, name, counted.points.unwrap_or_default(), info).await {
        Ok(sample) => Ok(sample),
        // A collection that cannot be sampled is still counted.
        Err(error) => reason(error).map(|_| None),
    }
}

/// Counts one collection, and returns its info as the server reports it.
pub(crate) async fn count(client: &Client, name: &str) -> Result<(CollectionFingerprint, Value)> {
    let info = settled(client, name).await?;
    let points = client.count(name, &info).await?;
    let collection = CollectionFingerprint { points: Some(points), ..uncounted(&info) };
    Ok((collection, info))
}

/// The fingerprint of a collection from its info, without a count.
pub(crate) fn uncounted(info: &Value) -> CollectionFingerprint {
    CollectionFingerprint {
        points: None,
        points_after: None,
        status: info["status"].as_str().unwrap_or("unknown").to_owned(),
        unreadable: None,
        config: info["config"].clone(),
        payload_schema: schema(&info["payload_schema"]),
        sample: None,
        write_position: None,
    }
}

/// The info of a collection once no writes are pending, or after a timeout.
async fn settled(client: &Client, name: &str) -> Result<Value> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let info = client.rest().info(name).await?;
        // Servers before 1.17 do not report it.
        let waiting = info["update_queue"]["length"].as_u64().unwrap_or(0);
        if waiting == 0 || Instant::now() >= deadline {
            return Ok(info);
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Why one collection is unreadable; what concerns the whole server stays an error.
pub(crate) fn reason(error: ApiError) -> Result<String> {
    match error {
        ApiError::Key { .. } | ApiError::Unreachable { .. } => Err(error),
        ApiError::NotFound { message, .. }
        | ApiError::Failed { message, .. }
        | ApiError::Refused { message, .. } => Ok(message),
        error @ (ApiError::Permission { .. } | ApiError::Senseless { .. }) => Ok(error.to_string()),
    }
}

fn unreadable(reason: String) -> CollectionFingerprint {
    CollectionFingerprint {
        points: None,
        points_after: None,
        status: "unknown".to_owned(),
        unreadable: Some(reason),
        config: Value::Null,
        payload_schema: Value::Null,
        sample: None,
        write_position: None,
    }
}

/// The indexes, without their point counts, which are only estimates.
pub(crate) fn schema(indexes: &Value) -> Value {
    let Some(indexes) = indexes.as_object() else { return Value::Object(Map::new()) };
    let without_count = |(field, index): (&String, &Value)| {
        let mut index = index.clone();
        if let Some(index) = index.as_object_mut() {
            index.remove("points");
        }
        (field.clone(), index)
    };
    Value::Object(indexes.iter().map(without_count).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_has_no_counts() {
        let printed = json!({ "a": { "data_type": "keyword", "points": 50 }, "b": { "data_type": "integer", "params": { "lookup": true }, "points": 0 } });
        let expected = json!({ "a": { "data_type": "keyword" }, "b": { "data_type": "integer", "params": { "lookup": true } } });
        assert_eq!(schema(&printed), expected);
        assert_eq!(schema(&Value::Null), json!({}));
    }

    #[test]
    fn only_what_concerns_one_collection_is_recorded() {
        let failed = ApiError::Failed { action: "a".into(), message: "dummy shard".into() };
        assert_eq!(reason(failed).expect("of this collection"), "dummy shard");
        assert!(reason(ApiError::Key { given: false }).is_err());
    }
}
