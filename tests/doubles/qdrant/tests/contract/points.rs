//! Points, on either server.

use serde_json::{Value, json};

use crate::peer::Peer;

async fn collection(peer: &Peer, name: &str, body: Value) -> String {
    let path = format!("/collections/{}", peer.name(name));
    peer.client.put(&path, body).await.result();
    path
}

#[tokio::test]
async fn vectors_are_stored_in_their_own_kind() {
    let peer = Peer::new().await;
    let body = json!({
        "vectors": {
            "cosine": { "size": 2, "distance": "Cosine" },
            "multi": { "size": 2, "distance": "Cosine", "multivector_config": { "comparator": "max_sim" } },
            "bytes": { "size": 2, "distance": "Cosine", "datatype": "uint8" },
            "half": { "size": 2, "distance": "Dot", "datatype": "float16" },
        },
        "sparse_vectors": { "sparse": {} },
    });
    let path = collection(&peer, "kinds", body).await;
    let points = json!({ "points": [
        { "id": 1, "vector": { "cosine": [3.0, 4.0] } },
        { "id": 2, "vector": { "multi": [[3.5, 0.0], [0.0, 1.0]] } },
        { "id": 3, "vector": { "multi": [3.0, 4.0], "bytes": [3.7, 300.0] } },
        { "id": 4, "vector": { "half": [0.1, 0.33333] } },
        { "id": 5, "vector": { "sparse": { "indices": [7, 3], "values": [1.0, 2.5] } } },
        { "id": 6, "vector": {} },
    ] });
    peer.client.put(&format!("{path}/points?wait=true"), points).await.result();
    let ids = json!({ "ids": [1, 2, 3, 4, 5, 6, 7], "with_vector": true });
    assert_eq!(
        peer.client.post(&format!("{path}/points"), ids).await.result(),
        json!([
            { "id": 1, "vector": { "cosine": [0.6, 0.8] } },
            { "id": 2, "vector": { "multi": [[1.0, 0.0], [0.0, 1.0]] } },
            { "id": 3, "vector": { "multi": [[0.6, 0.8]], "bytes": [3.0, 255.0] } },
            { "id": 4, "vector": { "half": [0.099975586, 0.33325195] } },
            { "id": 5, "vector": { "sparse": { "indices": [3, 7], "values": [2.5, 1.0] } } },
            { "id": 6, "vector": {} },
        ])
    );
    let some = json!({ "ids": [1, 4], "with_vector": ["half"], "with_payload": true });
    assert_eq!(
        peer.client.post(&format!("{path}/points"), some).await.result(),
        json!([
            { "id": 1, "payload": {}, "vector": {} },
            { "id": 4, "payload": {}, "vector": { "half": [0.099975586, 0.33325195] } },
        ])
    );
    for (vector, expected) in [
        (
            json!({ "cosine": [1.0] }),
            "Wrong input: Vector dimension error: expected dim: 2, got 1 for vector 'cosine'",
        ),
        (json!({ "nope": [1.0, 2.0] }), "Wrong input: Not existing vector name error: nope"),
        (
            json!({ "cosine": [[1.5, 2.0], [1.0, 2.0]] }),
            "Wrong input: Conversion between multi and regular vectors failed",
        ),
        (
            json!({ "sparse": [1.0, 2.0] }),
            "Wrong input: Conversion between sparse and regular vectors failed",
        ),
    ] {
        let points = json!({ "points": [{ "id": 9, "vector": vector }] });
        let refused = peer.client.put(&format!("{path}/points?wait=true"), points).await.error();
        assert_eq!(refused, (400, expected.to_owned()));
    }
    peer.clean().await;
}

#[tokio::test]
async fn an_unnamed_vector_stays_unnamed() {
    let peer = Peer::new().await;
    let path = collection(&peer, "plain", json!({ "vectors": { "size": 2, "distance": "Dot" } })).await;
    let id = "550e8400-e29b-41d4-a716-446655440000";
    let points = json!({ "points": [
        { "id": "550e8400e29b41d4a716446655440000", "vector": [0.1, 0.2] },
        { "id": u64::MAX, "vector": [1, 2], "payload": { "z": u64::MAX, "a": 1, "f": 1.0, "n": -5, "e": null } },
    ] });
    peer.client.put(&format!("{path}/points?wait=true"), points).await.result();
    let answer = peer.client.get(&format!("{path}/points/{}", u64::MAX)).await;
    let record = answer.result();
    assert_eq!(record["vector"], json!([1.0, 2.0]));
    assert_eq!(record["payload"]["z"], u64::MAX);
    let keys: Vec<_> = record["payload"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["z", "a", "f", "n", "e"], "the order of keys is kept");
    assert!(answer.text().contains(r#""f":1.0"#));
    let scrolled =
        peer.client.post(&format!("{path}/points/scroll"), json!({ "with_payload": false })).await.result();
    let expected = json!({ "points": [{ "id": u64::MAX }, { "id": id }], "next_page_offset": null });
    assert_eq!(scrolled, expected, "numbers come before UUIDs");
    for (id, status, text) in [
        ("7", 404, "Not found: Point with id 7 does not exists!"),
        ("x", 400, "Wrong input: Can not recognize \"x\" as point id"),
    ] {
        let missing = peer.client.get(&format!("{path}/points/{id}")).await.error();
        assert_eq!(missing, (status, text.to_owned()));
    }
    peer.clean().await;
}

#[tokio::test]
async fn scrolling_and_slices_find_every_point_once() {
    let peer = Peer::new().await;
    let path =
        collection(&peer, "many", json!({ "vectors": { "size": 1, "distance": "Dot" }, "shard_number": 2 }))
            .await;
    let points: Vec<_> =
        (0..97).map(|id| json!({ "id": id, "vector": [1.0], "payload": { "n": id } })).collect();
    peer.client.put(&format!("{path}/points?wait=true"), json!({ "points": points })).await.result();

    let mut found = Vec::new();
    let mut offset = Value::Null;
    loop {
        let body = json!({ "limit": 10, "offset": offset, "with_payload": ["n"] });
        let mut page = peer.client.post(&format!("{path}/points/scroll"), body).await.result();
        found.extend(
            page["points"].as_array().unwrap().iter().map(|point| point["payload"]["n"].as_u64().unwrap()),
        );
        offset = page["next_page_offset"].take();
        if offset.is_null() {
            break;
        }
    }
    assert_eq!(found, (0..97).collect::<Vec<_>>());

    let mut counts = Vec::new();
    for index in 0..7 {
        let body =
            json!({ "exact": true, "filter": { "must": [{ "slice": { "total": 7, "index": index } }] } });
        let counted = peer.client.post(&format!("{path}/points/count"), body).await.result();
        counts.push(counted["count"].as_u64().unwrap());
    }
    assert_eq!(counts, [13, 18, 13, 16, 12, 11, 14], "the hash is a public contract");
    let (status, text) =
        peer.client.post(&format!("{path}/points/scroll"), json!({ "limit": 0 })).await.error();
    assert_eq!(status, 422);
    assert_eq!(
        text,
        "Validation error in JSON body: [scroll_request.limit: value 0 invalid, must be 1 or larger]"
    );
    peer.clean().await;
}

#[tokio::test]
async fn payloads_and_deletions() {
    let peer = Peer::new().await;
    let path = collection(&peer, "payloads", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await;
    let points = json!({ "batch": { "ids": [1, 2, 3], "vectors": [[1.0], [2.0], [3.0]],
        "payloads": [{ "a": 1, "b": 2 }, null, { "a": 3 }] } });
    let written = peer.client.put(&format!("{path}/points"), points).await.result();
    assert_eq!(written["status"], "acknowledged", "the default is not to wait");
    let wait = "?wait=true";
    let payload = format!("{path}/points/payload");
    let post = async |path: String, body: Value| peer.client.post(&path, body).await;
    post(format!("{payload}{wait}"), json!({ "payload": { "c": true }, "points": [1, 2] })).await.result();
    post(format!("{payload}/delete{wait}"), json!({ "keys": ["b"], "points": [1] })).await.result();
    let replace = json!({ "payload": { "only": 1 }, "points": [3] });
    peer.client.put(&format!("{payload}{wait}"), replace).await.result();
    let all = post(format!("{path}/points/scroll"), json!({})).await.result();
    assert_eq!(
        all["points"],
        json!([
            { "id": 1, "payload": { "a": 1, "c": true } },
            { "id": 2, "payload": { "c": true } },
            { "id": 3, "payload": { "only": 1 } },
        ])
    );
    let missing = post(format!("{payload}{wait}"), json!({ "payload": {}, "points": [99] })).await.error();
    assert_eq!(missing, (404, "Not found: No point with id 99 found".to_owned()));
    post(format!("{payload}/clear{wait}"), json!({ "points": [1] })).await.result();
    post(format!("{path}/points/delete{wait}"), json!({ "points": [2, 99] })).await.result();
    let filter = json!({ "filter": { "must": [{ "key": "only", "match": { "value": 1 } }] } });
    post(format!("{path}/points/delete{wait}"), filter).await.result();
    let left = post(format!("{path}/points/scroll"), json!({})).await.result();
    assert_eq!(left["points"], json!([{ "id": 1, "payload": {} }]));
    peer.clean().await;
}

#[tokio::test]
async fn strict_mode_forbids_what_it_says() {
    let peer = Peer::new().await;
    let body = json!({ "vectors": { "size": 1, "distance": "Dot" },
        "strict_mode_config": { "enabled": true, "max_query_limit": 5, "search_allow_exact": false } });
    let path = collection(&peer, "strict", body).await;
    let refused = peer.client.post(&format!("{path}/points/count"), json!({ "exact": true })).await.error();
    assert_eq!(refused, (400, "Bad request: Exact search disabled!. Help: Set exact=false.".to_owned()));
    peer.client.post(&format!("{path}/points/count"), json!({ "exact": false })).await.result();
    let refused = peer.client.post(&format!("{path}/points/scroll"), json!({ "limit": 6 })).await.error();
    let text = "Bad request: Limit exceeded 6 > 5 for \"limit\". Help: Reduce the \"limit\" parameter to or below 5.";
    assert_eq!(refused, (400, text.to_owned()));
    peer.client.post(&format!("{path}/points/scroll"), json!({ "limit": 5 })).await.result();
    peer.clean().await;
}

/// The change counter: what moves it, and what does not.
#[tokio::test]
async fn the_change_counter_moves_with_writes_only() {
    let peer = Peer::new().await;
    let name = peer.name("counted");
    let path = collection(&peer, "counted", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await;
    let counter = async || {
        let told = peer.client.get("/telemetry?details_level=10").await.result();
        let all = told["collections"]["collections"].as_array().unwrap();
        let local = &all.iter().find(|c| c["id"] == name.as_str()).unwrap()["shards"][0]["local"];
        let uuids: Vec<_> =
            local["segments"].as_array().unwrap().iter().map(|s| s["info"]["uuid"].clone()).collect();
        assert_eq!(local["update_queue"]["length"], 0);
        (local["update_queue"]["op_num"].as_u64().unwrap(), uuids.len())
    };
    assert_eq!(counter().await, (0, 2));
    let point = json!({ "points": [{ "id": 1, "vector": [1.0] }] });
    peer.client.put(&format!("{path}/points?wait=true"), point).await.result();
    assert_eq!(counter().await.0, 1);
    peer.client.post(&format!("{path}/points/scroll"), json!({})).await.result();
    peer.client.patch(&path, json!({ "metadata": { "a": 1 } })).await.result();
    assert_eq!(counter().await.0, 1, "reading and configuring are not writing");
    let bad = json!({ "points": [{ "id": 1, "vector": { "x": [1.0] } }] });
    peer.client.put(&format!("{path}/points?wait=true"), bad).await.error();
    assert_eq!(counter().await.0, 1, "a refused write uses up a number, but does not count");
    peer.client.post(&format!("{path}/points/delete?wait=true"), json!({ "points": [77] })).await.result();
    assert_eq!(counter().await.0, 3, "a write that changes nothing counts");
    peer.clean().await;
}
