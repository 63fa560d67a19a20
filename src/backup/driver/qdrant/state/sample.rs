//! Samples the points of a collection, the same ones each time.
//!
//! Since 1.19, a server returns slices of its points by a hash of their ids, which is documented to be stable
//! (`lib/segment/src/types.rs`, `SliceCondition`). The number of slices is a power of two: with twice as many slices, a
//! slice is a part of the former one, so two samples have points in common if the collection grew in between.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::backup::driver::qdrant::server::client::{Client, query_limit};
use crate::backup::driver::qdrant::server::error::{ApiError, Result};
use crate::backup::fingerprint::sample::{Sample, SampledPoint, VectorSummary};
use crate::fs::Digest;

/// The number of sampled points: at least this many, if the collection has them, and about twice as many at most.
const LEAST: u64 = 24;
/// The limit for a large slice.
const MOST: u64 = 64;

/// Samples a collection of `points` points. `None` if the server does not allow that.
pub(crate) async fn take(
    client: &Client,
    collection: &str,
    points: u64,
    info: &Value,
) -> Result<Option<Sample>> {
    let limit = query_limit(info).map_or(MOST, |cap| cap.min(MOST));
    let slices = (points / LEAST).checked_ilog2().map_or(1, |power| 1 << power);
    let sliced = json!({ "must": [{ "slice": { "total": slices, "index": 0 } }] });
    let tries = [(slices, (slices > 1).then_some(sliced)), (0, None)];
    for (slices, filter) in tries {
        match client.rest().points(collection, limit, filter.as_ref()).await {
            Ok((points, next)) => {
                let complete = next.is_null() && slices > 0;
                return Ok(Some(Sample { slices, complete, points: points.iter().map(point).collect() }));
            }
            // An older server has no slices, and strict mode may forbid the request.
            Err(ApiError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn point(printed: &Value) -> SampledPoint {
    let mut vectors = BTreeMap::new();
    match &printed["vector"] {
        Value::Object(named) => {
            vectors.extend(named.iter().map(|(name, vector)| (name.clone(), shape(vector))));
        }
        Value::Null => {}
        unnamed => {
            vectors.insert(String::new(), shape(unnamed));
        }
    }
    let mut payload = printed["payload"].clone();
    payload.sort_all_objects();
    SampledPoint {
        id: printed["id"].to_string(),
        payload_sha256: Digest::of(payload.to_string().as_bytes()).to_string(),
        vectors,
    }
}

/// From a dense vector `[…]`, a multivector `[[…], …]`, or a sparse vector `{indices, values}`.
fn shape(vector: &Value) -> VectorSummary {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    if vector.is_object() {
        let places: Vec<u64> = list(&vector["indices"]).iter().filter_map(Value::as_u64).collect();
        return VectorSummary::of(places.into_iter().zip(list(&vector["values"]).iter().map(number)));
    }
    let flat = list(vector).into_iter().flat_map(|one| if one.is_array() { list(&one) } else { vec![one] });
    VectorSummary::of((0..).zip(flat.map(|one| number(&one))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_vector_has_a_shape() {
        let printed = json!({ "id": 7, "payload": { "b": 1, "a": [2] }, "vector": {
            "dense": [3.0, 4.0], "sparse": { "indices": [9, 2], "values": [3.0, 4.0] }, "multi": [[3.0], [4.0]] } });
        let found = point(&printed);
        assert_eq!(found.id, "7");
        let norms: Vec<f64> = found.vectors.values().map(|shape| shape.norm).collect();
        assert_eq!(norms, [5.0; 3]);
        assert_eq!(found.vectors["dense"], found.vectors["multi"]);
        assert!((found.vectors["sparse"].projection - found.vectors["dense"].projection).abs() > 0.01);
        assert_eq!(point(&json!({ "id": "u", "vector": [1.0] })).vectors[""].len, 1);
        assert_eq!(point(&json!({ "id": "u", "vector": {} })).vectors.len(), 0);
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_their_values_do() {
        let payload = |value: Value| point(&json!({ "id": 1, "payload": value })).payload_sha256;
        assert_eq!(
            payload(json!({ "a": 1, "b": { "c": 2, "d": 3 } })),
            payload(json!({ "b": { "d": 3, "c": 2 }, "a": 1 }))
        );
        assert_ne!(payload(json!({ "a": u64::MAX })), payload(json!({ "a": u64::MAX - 1 })));
    }
}
