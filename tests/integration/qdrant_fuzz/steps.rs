//! What can happen to a collection.

use serde_json::{Map, Value, json};

use crate::qdrant_stand::Stand;
use crate::random::Random;

pub(super) const NAME: &str = "recipes";

/// How many values the field `group` has.
pub(super) const GROUPS: u64 = 5;

/// Fields that can be indexed.
pub(super) const INDEXED: [(&str, &str); 3] = [("group", "integer"), ("mark", "keyword"), ("n", "integer")];

/// Points have numbers up to this one: the stand-in is slow, and needs fewer to behave like a server.
fn most(stand: &Stand) -> u64 {
    if stand.is_double() { 250 } else { 900 }
}

/// Creates the collection: named, multi and sparse vectors, a few segments or many, so that increments are small enough,
/// sometimes quantized, and optimized early.
pub(super) async fn create(stand: &Stand, random: &mut Random) -> String {
    let segments = *random.pick(&[1, 3, 8, 8]);
    let mut body = json!({
        "vectors": {
            "text": { "size": 4, "distance": "Cosine" },
            "image": { "size": 3, "distance": "Euclid" },
            "parts": { "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } },
        },
        "sparse_vectors": { "terms": {} },
        "optimizers_config": {
            "default_segment_number": segments,
            "deleted_threshold": 0.05,
            "vacuum_min_vector_number": 100,
            "flush_interval_sec": 1,
        },
    });
    let quantized = random.one_in(2);
    if quantized {
        body["quantization_config"] = json!({ "scalar": { "type": "int8", "always_ram": true } });
    }
    stand.call("PUT", &format!("/collections/{NAME}"), body).await;
    upsert(stand, random, 1, most(stand) / 2).await;
    format!("create with {segments} segments{}", if quantized { ", quantized" } else { "" })
}

/// A write of an application. `ids` are the points that there are. Returns what it was.
pub(super) async fn write(stand: &Stand, random: &mut Random, ids: &[u64]) -> String {
    let some = |random: &mut Random| -> Vec<u64> {
        if ids.is_empty() {
            return Vec::new();
        }
        let count = few(stand, random).min(ids.len() as u64);
        (0..count).map(|_| *random.pick(ids)).collect()
    };
    match random.below(11) {
        0 | 1 => {
            let first = random.between(1, most(stand));
            let last = first + few(stand, random) - 1;
            upsert(stand, random, first, last).await;
            format!("upsert {first} to {last}")
        }
        2 => {
            let ids = some(random);
            points(stand, "POST", "/delete", json!({ "points": ids })).await;
            format!("delete {} points", ids.len())
        }
        3 => {
            let filter = filter(stand, random);
            points(stand, "POST", "/delete", json!({ "filter": filter })).await;
            format!("delete {filter}")
        }
        4 => {
            let (ids, mark) = (some(random), *random.pick(&["a", "b", "c"]));
            points(stand, "POST", "/payload", json!({ "payload": { "mark": mark }, "points": ids })).await;
            format!("set the payload of {} points", ids.len())
        }
        5 => {
            let (filter, group) = (filter(stand, random), random.below(GROUPS));
            points(stand, "POST", "/payload", json!({ "payload": { "group": group }, "filter": filter }))
                .await;
            format!("set the payload of {filter}")
        }
        6 => {
            let ids = some(random);
            let payload = payload(random, 0);
            points(stand, "PUT", "/payload", json!({ "payload": payload, "points": ids })).await;
            format!("overwrite the payload of {} points", ids.len())
        }
        7 => {
            let mut ids = some(random);
            ids.sort_unstable();
            ids.dedup();
            let changed: Vec<Value> =
                ids.iter().map(|id| json!({ "id": id, "vector": vectors(random) })).collect();
            points(stand, "PUT", "/vectors", json!({ "points": changed })).await;
            format!("update vectors of {} points", ids.len())
        }
        8 => {
            let (ids, name) = (some(random), *random.pick(&["image", "parts", "terms"]));
            points(stand, "POST", "/vectors/delete", json!({ "points": ids, "vector": [name] })).await;
            format!("delete vector {name} of {} points", ids.len())
        }
        9 => index(stand, random).await,
        _ => {
            let ids = some(random);
            half(stand, random, ids).await
        }
    }
}

/// Often so few points that most segments stay as they are.
fn few(stand: &Stand, random: &mut Random) -> u64 {
    if random.one_in(5) { random.between(1, most(stand) / 10) } else { random.between(1, 2) }
}

/// Creates or drops an index, or changes the settings of the optimizer.
async fn index(stand: &Stand, random: &mut Random) -> String {
    let (field, kind) = *random.pick(&INDEXED);
    match random.below(3) {
        0 => {
            let body = json!({ "field_name": field, "field_schema": kind });
            stand.call("PUT", &format!("/collections/{NAME}/index?wait=true"), body).await;
            format!("index {field}")
        }
        1 => {
            stand.call("DELETE", &format!("/collections/{NAME}/index/{field}?wait=true"), Value::Null).await;
            format!("drop the index of {field}")
        }
        _ => {
            let threshold = *random.pick(&[1, 5, 10_000]);
            let body = json!({ "optimizers_config": {
                "indexing_threshold": threshold, "default_segment_number": *random.pick(&[1, 2, 3, 8]) } });
            stand.call("PATCH", &format!("/collections/{NAME}"), body).await;
            format!("set the indexing threshold to {threshold}")
        }
    }
}

/// An operation that fails after some of its points were changed, because one does not exist.
async fn half(stand: &Stand, random: &mut Random, mut ids: Vec<u64>) -> String {
    ids.push(100_000);
    let body = json!({ "payload": { "mark": *random.pick(&["x", "y"]) }, "points": ids });
    stand.ask("POST", &format!("/collections/{NAME}/points/payload?wait=true"), body).await;
    format!("set the payload of {} points, of which one does not exist", ids.len())
}

async fn points(stand: &Stand, method: &str, below: &str, body: Value) {
    if body["points"].as_array().is_some_and(Vec::is_empty) {
        return;
    }
    stand.call(method, &format!("/collections/{NAME}/points{below}?wait=true"), body).await;
}

async fn upsert(stand: &Stand, random: &mut Random, first: u64, last: u64) {
    let list: Vec<Value> = (first..=last)
        .map(|id| json!({ "id": id, "vector": vectors(random), "payload": payload(random, id) }))
        .collect();
    points(stand, "PUT", "", json!({ "points": list })).await;
}

fn filter(stand: &Stand, random: &mut Random) -> Value {
    let (from, width) = (random.between(1, most(stand)), most(stand) / 4);
    json!({ "must": [
        { "key": "group", "match": { "value": random.below(GROUPS) } },
        { "key": "n", "range": { "gte": from, "lt": from + width } },
    ] })
}

fn payload(random: &mut Random, id: u64) -> Value {
    // So long that a segment of some points is larger than the lists of its files, and an increment is worth it.
    let text: String = (0..100).map(|_| format!("{:016x}", random.next())).collect();
    let mut payload = json!({ "n": id, "group": random.below(GROUPS), "text": text });
    if !random.one_in(4) {
        payload["mark"] = json!(random.pick(&["a", "b", "c"]));
    }
    payload
}

/// Some of the vectors that a point can have.
fn vectors(random: &mut Random) -> Value {
    // Quarters and halves are exact in every representation.
    let number = |random: &mut Random| f64::from(u32::try_from(random.between(1, 40)).expect("small")) / 4.0;
    let row = |random: &mut Random, size: usize| (0..size).map(|_| number(random)).collect::<Vec<_>>();
    let mut vectors = Map::new();
    vectors.insert("text".into(), json!(row(random, 4)));
    if !random.one_in(5) {
        vectors.insert("image".into(), json!(row(random, 3)));
    }
    if !random.one_in(5) {
        let rows = random.between(1, 3);
        vectors.insert("parts".into(), (0..rows).map(|_| json!(row(random, 2))).collect());
    }
    if !random.one_in(5) {
        let first = random.below(50);
        let terms = json!({ "indices": [first, first + 1 + random.below(50)], "values": row(random, 2) });
        vectors.insert("terms".into(), terms);
    }
    Value::Object(vectors)
}
