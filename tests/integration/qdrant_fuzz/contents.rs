//! Everything that a collection contains, as its server tells it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::steps::{GROUPS, INDEXED};
use crate::qdrant_stand::Stand;

/// The points with their payloads and vectors, and exact counts with filters, which ask the indexes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contents {
    pub(super) points: BTreeMap<u64, Value>,
    counts: Vec<(String, u64)>,
}

impl Contents {
    pub(super) async fn of(stand: &Stand, collection: &str) -> Self {
        let path = format!("/collections/{collection}/points/scroll");
        let body = json!({ "limit": 100_000, "with_payload": true, "with_vector": true });
        let page = stand.call("POST", &path, body).await;
        assert_eq!(page["next_page_offset"], Value::Null, "one page has all of it");
        let points = page["points"].as_array().expect("points").iter();
        let points = points.map(|point| (point["id"].as_u64().expect("a number"), point.clone())).collect();
        let mut counts = Vec::new();
        for filter in filters() {
            let body = json!({ "exact": true, "filter": filter });
            let path = format!("/collections/{collection}/points/count");
            let count = stand.call("POST", &path, body).await["count"].as_u64().expect("a count");
            counts.push((filter.to_string(), count));
        }
        Self { points, counts }
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.points.keys().copied().collect()
    }

    /// How this differs from what it should be.
    pub(super) fn differs_from(&self, expected: &Self) -> Option<String> {
        if self == expected {
            return None;
        }
        let sample = |ids: Vec<u64>| format!("{} ({:?} …)", ids.len(), &ids[..ids.len().min(5)]);
        let missing = expected.points.keys().filter(|id| !self.points.contains_key(id)).copied().collect();
        let added = self.points.keys().filter(|id| !expected.points.contains_key(id)).copied().collect();
        let changed: Vec<u64> = expected
            .points
            .iter()
            .filter(|(id, point)| self.points.get(id).is_some_and(|now| now != *point))
            .map(|(id, _)| *id)
            .collect();
        let shown = |point: &Value| point.to_string().chars().take(400).collect::<String>();
        let example = changed
            .first()
            .map(|id| format!(": {} instead of {}", shown(&self.points[id]), shown(&expected.points[id])));
        let counts: Vec<String> = self
            .counts
            .iter()
            .zip(&expected.counts)
            .filter(|(now, then)| now != then)
            .map(|(now, then)| format!("{} for {} instead of {}", now.1, now.0, then.1))
            .collect();
        Some(format!(
            "{} of {} points; missing {}, added {}, changed {}{}; counts: {}",
            self.points.len(),
            expected.points.len(),
            sample(missing),
            sample(added),
            sample(changed),
            example.unwrap_or_default(),
            counts.join(", ")
        ))
    }
}

fn filters() -> Vec<Value> {
    let mut filters = vec![json!({})];
    filters.extend(
        (0..GROUPS).map(|group| json!({ "must": [{ "key": "group", "match": { "value": group } }] })),
    );
    filters.push(json!({ "must": [{ "key": "n", "range": { "lt": 90 } }] }));
    filters.push(json!({ "must_not": [{ "key": "mark", "match": { "value": "b" } }] }));
    filters.extend(INDEXED.iter().map(|(field, _)| json!({ "must": [{ "is_empty": { "key": field } }] })));
    filters
        .extend(["text", "image", "parts", "terms"].map(|name| json!({ "must": [{ "has_vector": name }] })));
    filters
}
