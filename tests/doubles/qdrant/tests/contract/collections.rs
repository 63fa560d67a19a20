//! Collections, aliases and payload indexes, on either server.

use serde_json::json;

use crate::peer::Peer;

#[tokio::test]
async fn a_configuration_is_shown_with_its_defaults() {
    let peer = Peer::new().await;
    let name = peer.name("full");
    let body = json!({
        "vectors": {
            "b": { "size": 4, "distance": "Cosine", "on_disk": true, "datatype": "float16", "hnsw_config": { "m": 8 },
                "quantization_config": { "scalar": { "type": "int8", "quantile": 0.99, "always_ram": true } } },
            "a": { "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } },
        },
        "sparse_vectors": { "s": { "modifier": "idf", "index": { "on_disk": true } } },
        "shard_number": 2,
        "on_disk_payload": false,
        "hnsw_config": { "m": 32, "payload_m": 16 },
        "wal_config": { "wal_capacity_mb": 2 },
        "optimizers_config": { "indexing_threshold": 0, "max_optimization_threads": "auto" },
        "quantization_config": { "binary": { "always_ram": true } },
        "strict_mode_config": { "enabled": true, "max_query_limit": 5, "search_allow_exact": false },
        "metadata": { "b": 1, "a": { "x": u64::MAX } },
    });
    assert_eq!(peer.client.put(&format!("/collections/{name}"), body).await.result(), true);
    let info = peer.client.get(&format!("/collections/{name}")).await.result();
    assert_eq!(
        info["config"],
        json!({
            "params": {
                "vectors": {
                    "a": { "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } },
                    "b": { "size": 4, "distance": "Cosine", "hnsw_config": { "m": 8 },
                        "quantization_config": { "scalar": { "type": "int8", "quantile": 0.99, "always_ram": true } },
                        "on_disk": true, "datatype": "float16" },
                },
                "shard_number": 2, "replication_factor": 1, "write_consistency_factor": 1,
                "on_disk_payload": false,
                "sparse_vectors": { "s": { "index": { "on_disk": true }, "modifier": "idf" } },
            },
            "hnsw_config": { "m": 32, "ef_construct": 100, "full_scan_threshold": 10000,
                "max_indexing_threads": 0, "on_disk": false, "payload_m": 16 },
            "optimizer_config": { "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000,
                "default_segment_number": 0, "max_segment_size": null, "memmap_threshold": null,
                "indexing_threshold": 0, "flush_interval_sec": 5, "max_optimization_threads": null,
                "prevent_unoptimized": null },
            "wal_config": { "wal_capacity_mb": 2, "wal_segments_ahead": 0, "wal_retain_closed": 1 },
            "quantization_config": { "binary": { "always_ram": true } },
            "strict_mode_config": { "enabled": true, "max_query_limit": 5, "search_allow_exact": false },
            "metadata": { "b": 1, "a": { "x": u64::MAX } },
        })
    );
    assert_eq!(info["points_count"], 0);
    assert_eq!(info["segments_count"], 4);
    let shards = peer.client.get(&format!("/collections/{name}/cluster")).await.result();
    assert_eq!(shards["shard_count"], 2);
    peer.clean().await;
}

#[tokio::test]
async fn creation_is_refused_as_recorded() {
    let peer = Peer::new().await;
    let unnamed = json!({ "vectors": { "size": 2, "distance": "Dot" } });
    let name = peer.name("twice");
    let path = format!("/collections/{name}");
    peer.client.put(&path, unnamed.clone()).await.result();
    let refused = peer.client.put(&path, unnamed.clone()).await.error();
    assert_eq!(refused, (409, format!("Wrong input: Collection `{name}` already exists!")));

    for vectors in
        [json!({ "size": 0, "distance": "Dot" }), json!({ "size": 2 }), json!({ "size": 2, "distance": "x" })]
    {
        let path = format!("/collections/{}", peer.name("bad"));
        let (status, text) = peer.client.put(&path, json!({ "vectors": vectors })).await.error();
        assert_eq!(status, 400);
        assert!(
            text.starts_with(
                "Format error in JSON body: data did not match any variant of untagged enum VectorsConfig"
            ),
            "{text}"
        );
    }
    let (status, text) = peer.client.put("/collections/contract-a:b", unnamed).await.error();
    assert_eq!(status, 422);
    assert!(text.contains("collection name cannot contain \":\" char"), "{text}");
    peer.clean().await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let peer = Peer::new().await;
    let path = format!("/collections/{}", peer.name("patched"));
    peer.client.put(&path, json!({ "vectors": { "size": 2, "distance": "Dot" } })).await.result();
    let changes = json!({ "optimizers_config": { "indexing_threshold": 0 }, "metadata": { "x": 1 },
        "strict_mode_config": { "enabled": false, "max_query_limit": 3 } });
    assert_eq!(peer.client.patch(&path, changes).await.result(), true);
    let config = peer.client.get(&path).await.result()["config"].clone();
    assert_eq!(config["optimizer_config"]["indexing_threshold"], 0);
    assert_eq!(config["metadata"], json!({ "x": 1 }));
    assert_eq!(config["strict_mode_config"], json!({ "enabled": false, "max_query_limit": 3 }));
    let refused = peer.client.patch(&path, json!({ "vectors": { "x": { "on_disk": true } } })).await.error();
    assert_eq!(refused, (400, "Wrong input: Not existing vector name error: x".to_owned()));
    peer.clean().await;
}

#[tokio::test]
async fn aliases_stand_for_collections() {
    let peer = Peer::new().await;
    let (name, alias, other) = (peer.name("target"), peer.name("alias"), peer.name("other"));
    let change =
        async |actions| peer.client.post("/collections/aliases", json!({ "actions": actions })).await;
    let create = json!([{ "create_alias": { "collection_name": name, "alias_name": alias } }]);
    let missing = change(create.clone()).await.error();
    assert_eq!(missing, (404, format!("Not found: Collection `{name}` doesn't exist!")));

    let body = json!({ "vectors": { "size": 2, "distance": "Dot" } });
    peer.client.put(&format!("/collections/{name}"), body.clone()).await.result();
    assert_eq!(change(create).await.result(), true);
    let taken = peer.client.put(&format!("/collections/{alias}"), body).await.error();
    let text = format!(
        "Wrong input: Can't create collection with name {alias}. Alias with the same name already exists"
    );
    assert_eq!(taken, (400, text));
    assert_eq!(
        peer.client.get(&format!("/collections/{alias}/exists")).await.result(),
        json!({ "exists": true })
    );
    assert_eq!(peer.client.get(&format!("/collections/{alias}")).await.result()["points_count"], 0);

    let rename = json!([{ "rename_alias": { "old_alias_name": alias, "new_alias_name": other } }]);
    assert_eq!(change(rename.clone()).await.result(), true);
    assert_eq!(change(rename).await.error(), (404, format!("Not found: Alias {alias} does not exists!")));
    let listed = peer.client.get(&format!("/collections/{name}/aliases")).await.result();
    assert_eq!(listed, json!({ "aliases": [{ "alias_name": other, "collection_name": name }] }));
    let all = peer.client.get("/aliases").await.result();
    assert!(all["aliases"].as_array().unwrap().contains(&listed["aliases"][0]));

    peer.client.delete(&format!("/collections/{name}")).await.result();
    let gone = peer.client.get(&format!("/collections/{name}/aliases")).await.result();
    assert_eq!(gone, json!({ "aliases": [] }));
    peer.clean().await;
}

#[tokio::test]
async fn indexes_are_shown_and_counted_as_two_operations() {
    let peer = Peer::new().await;
    let path = format!("/collections/{}", peer.name("indexed"));
    peer.client.put(&path, json!({ "vectors": { "size": 1, "distance": "Dot" } })).await.result();
    let points = json!({ "points": [
        { "id": 1, "vector": [1.0], "payload": { "k": "a" } },
        { "id": 2, "vector": [1.0], "payload": { "k": ["a", "b"] } },
        { "id": 3, "vector": [1.0] },
    ] });
    let written = peer.client.put(&format!("{path}/points?wait=true"), points).await.result();
    assert_eq!(written, json!({ "operation_id": 1, "status": "completed" }));
    let schema = json!({ "field_name": "k", "field_schema": { "type": "keyword", "is_tenant": true } });
    let indexed = peer.client.put(&format!("{path}/index?wait=true"), schema).await.result();
    assert_eq!(indexed, json!({ "operation_id": 3, "status": "completed" }));
    let shown = peer.client.get(&path).await.result();
    let expected =
        json!({ "data_type": "keyword", "params": { "type": "keyword", "is_tenant": true }, "points": 2 });
    assert_eq!(shown["payload_schema"], json!({ "k": expected }));
    let facet =
        peer.client.post(&format!("{path}/facet"), json!({ "key": "k", "exact": true })).await.result();
    assert_eq!(facet, json!({ "hits": [{ "value": "a", "count": 2 }, { "value": "b", "count": 1 }] }));
    let (status, text) = peer.client.post(&format!("{path}/facet"), json!({ "key": "x" })).await.error();
    assert!(
        status == 400 && text.starts_with("Wrong input: No appropriate index for faceting: `x`"),
        "{text}"
    );

    peer.client.delete(&format!("{path}/index/k?wait=true")).await.result();
    assert_eq!(peer.client.get(&path).await.result()["payload_schema"], json!({}));
    let (status, text) =
        peer.client.put(&format!("{path}/index"), json!({ "field_name": "z" })).await.error();
    assert_eq!(status, 400);
    assert_eq!(
        text,
        "Bad request: Can't auto-detect field type, please specify `field_schema` in the request"
    );
    peer.clean().await;
}

#[tokio::test]
async fn what_is_missing_is_said_to_be() {
    let peer = Peer::new().await;
    let name = peer.name("nothing");
    let text = format!("Not found: Collection `{name}` doesn't exist!");
    for path in ["", "/snapshots", "/cluster", "/shards", "/points/1"] {
        let answer = peer.client.get(&format!("/collections/{name}{path}")).await;
        assert_eq!(answer.error(), (404, text.clone()), "{path}");
    }
    assert_eq!(peer.client.delete(&format!("/collections/{name}")).await.result(), false);
    assert_eq!(peer.client.get("/nowhere").await.status, 404);
    peer.clean().await;
}
