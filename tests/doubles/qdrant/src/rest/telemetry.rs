//! `GET /telemetry`: the change counter, the segments, and around them the shape of the real answer.
//!
//! Measurements of a machine are given as zero; they are not what anyone tests with a stand-in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reply::{Asked, timed};
use crate::collection::{Collection, vector_bytes, vector_names};
use crate::failures::Failure;
use crate::point::Point;
use crate::segment::segment_config;
use crate::server::App;
use crate::shard::Shard;
use crate::store::Store;

#[derive(Deserialize)]
pub(super) struct Params {
    details_level: Option<u32>,
}

pub(super) async fn telemetry(State(app): State<Arc<App>>, Asked(params): Asked<Params>) -> Response {
    timed(|| {
        let level = params.details_level.unwrap_or(0);
        let store = app.store();
        let mut collections = json!({ "number_of_collections": store.collections.len() });
        if level >= 1 {
            collections["collections"] =
                store.collections.values().map(|collection| told(&app, &store, collection, level)).collect();
            let counters = |c: &Collection| {
                json!({ "id": c.name, "running_snapshots": 0, "running_snapshot_recovery": 0,
                    "total_snapshot_creations": c.snapshots_taken })
            };
            let counted = store.collections.values().filter(|_| level >= 2);
            collections["snapshots"] = counted.map(counters).collect();
        }
        let mut result =
            json!({ "id": app.id.to_string(), "app": about(&app, level), "collections": collections });
        result["cluster"] = json!({ "enabled": false, "resharding_enabled": false });
        if level >= 2 {
            result["cluster"] = json!({ "enabled": false, "config": { "grpc_timeout_ms": 60_000,
                "p2p": { "connection_pool_size": 2 }, "consensus": { "max_message_queue_size": 100,
                "tick_period_ms": 100, "bootstrap_timeout_sec": 15 } }, "resharding_enabled": false });
        }
        result["requests"] = json!({ "rest": { "responses": {} }, "grpc": { "responses": {} } });
        if level >= 1 {
            result["memory"] = json!({ "active_bytes": 0, "allocated_bytes": 0, "metadata_bytes": 0,
                "resident_bytes": 0, "retained_bytes": 0 });
            let used: Map<_, _> = store
                .collections
                .keys()
                .map(|name| {
                    let used = json!({ "cpu": 0, "payload_io_read": 0, "payload_io_write": 0,
                        "payload_index_io_read": 0, "payload_index_io_write": 0, "vector_io_read": 0,
                        "vector_io_write": 0 });
                    (name.clone(), used)
                })
                .collect();
            result["hardware"] = json!({ "collection_data": used });
            result["search_pool"] = json!({ "mode": "high_io", "high_cpu_threads": 2, "high_io_threads": 8 });
        }
        result["quota"] = json!({ "config": { "enabled": false },
            "exceeded": { "resident_memory": null, "disk_usage": null } });
        Ok(result)
    })
}

fn about(app: &App, level: u32) -> Value {
    let mut about = json!({ "name": "qdrant", "version": app.version });
    if level >= 1 {
        about["features"] = json!({ "debug": false, "service_debug_feature": false, "recovery_mode": app.failures.has(&Failure::RecoveryMode),
            "gpu": false, "rocksdb": false, "staging": false });
        about["runtime_features"] = json!({ "all": false, "incremental_hnsw_building": true,
            "appendable_quantization": true, "single_file_mmap_vector_storage": true,
            "async_payload_storage": true, "write_segment_manifest": false, "append_only_mutations": false,
            "compact_bitmask": false, "serverless_compatible": false });
        about["low_memory_mode"] = json!("disabled");
        about["hnsw_global_config"] = json!({ "healing_threshold": 0.3 });
        about["system"] = json!({ "distribution": "stand-in", "distribution_version": null, "is_docker": true,
            "cores": 2, "ram_size": 0, "disk_size": 0, "cpu_flags": "", "cpu_endian": "little" });
    }
    about["startup"] = json!(instant(app.startup));
    about
}

fn told(app: &App, store: &Store, collection: &Collection, level: u32) -> Value {
    if level < 2 {
        let params = &collection.schema.stored()["params"];
        return json!({ "vectors": collection.len(), "optimizers_status": "ok", "params": params });
    }
    let mut told = json!({ "id": collection.name, "init_time_ms": 0, "config": collection.schema.stored() });
    if level >= 3 {
        told["shards"] =
            collection.shards.iter().map(|shard| told_shard(app, store, collection, shard, level)).collect();
        told["transfers"] = json!([]);
        told["resharding"] = json!([]);
    }
    told
}

fn told_shard(app: &App, store: &Store, collection: &Collection, shard: &Shard, level: u32) -> Value {
    let elsewhere = app.node.as_ref().is_some_and(|node| !node.has(collection, shard.id));
    let local = if elsewhere {
        Value::Null
    } else if store.is_unreadable(&collection.name) {
        json!({ "variant_name": "dummy shard", "status": "green", "total_optimized_points": 0, "optimizations": null })
    } else {
        local(store, collection, shard, level)
    };
    json!({ "id": shard.id, "key": null, "local": local, "remote": [],
        "replicate_states": { store.peer.to_string(): "Active" },
        "partial_snapshot": { "ongoing_create_snapshot_requests": 0, "is_recovering": false,
            "recovery_timestamp": 0 } })
}

fn local(store: &Store, collection: &Collection, shard: &Shard, level: u32) -> Value {
    let red = store.failures.has(&Failure::Red(collection.name.clone()));
    let points: Vec<_> = shard.points().collect();
    let names = vector_names(&collection.schema);
    let by_name = |points: &[&Point]| {
        let count = |name: &String| points.iter().filter(|p| p.vector.0.contains_key(name)).count();
        names.iter().map(|name| (name.clone(), count(name))).collect::<Vec<_>>()
    };
    let counted: Map<_, _> = by_name(&points).into_iter().map(|(name, count)| (name, count.into())).collect();
    let mut local = json!({
        "variant_name": "local shard",
        "status": if red { "red" } else { "green" },
        "total_optimized_points": 0,
        "vectors_size_bytes": points.iter().map(|point| vector_bytes(point)).sum::<usize>(),
        "payloads_size_bytes": 128 * points.len(),
        "num_points": points.len(),
        "num_vectors": by_name(&points).iter().map(|(_, count)| count).sum::<usize>(),
        "num_vectors_by_name": counted,
    });
    if level >= 4 {
        local["segments"] =
            (0..shard.segments.len()).map(|index| told_segment(collection, shard, index)).collect();
    }
    let error = json!({ "error": "Service runtime error: told to be red" });
    let excluded: Map<_, _> =
        collection.schema.dense_names().map(|(name, _)| (name.to_owned(), json!(0))).collect();
    local["optimizations"] = json!({ "status": if red { error } else { json!("ok") },
        "optimizations": { "count": 0, "total_duration_micros": 0, "last_responded": instant(Timestamp::now()) } });
    local["async_scorer"] = json!(false);
    if level >= 4 {
        local["optimizations"]["log"] = json!([]);
        local["indexed_only_excluded_vectors"] = Value::Object(excluded);
    }
    local["update_queue"] = json!({ "length": 0, "op_num": shard.op_num() });
    local
}

fn told_segment(collection: &Collection, shard: &Shard, index: usize) -> Value {
    let schema = &collection.schema;
    let points: Vec<_> = shard.in_segment(index).collect();
    let count = |name: &str| points.iter().filter(|point| point.vector.0.contains_key(name)).count();
    let names = vector_names(schema);
    let sparse: Vec<_> = schema.sparse_names().collect();
    let vector_data: Map<_, _> = names
        .iter()
        .map(|name| {
            let indexed = if sparse.contains(&name.as_str()) { count(name) } else { 0 };
            let data = json!({ "num_vectors": count(name), "num_indexed_vectors": indexed,
                "num_deleted_vectors": 0 });
            (name.clone(), data)
        })
        .collect();
    let index_schema: Map<_, _> = collection
        .indexed
        .iter()
        .map(|(field, kind)| {
            let kind = kind.get("type").unwrap_or(kind);
            (field.clone(), json!({ "data_type": kind, "points": points.len() }))
        })
        .collect();
    let indices: Vec<_> = collection
        .indexed
        .keys()
        .flat_map(|field| {
            ["mutable_map", "mutable_null_index"].map(|kind| {
                json!({ "field_name": field, "index_type": kind, "points_values_count": points.len(),
                    "points_count": points.len() })
            })
        })
        .collect();
    json!({
        "info": {
            "uuid": shard.segments[index].uuid.to_string(),
            "segment_type": if sparse.is_empty() { "plain" } else { "indexed" },
            "num_vectors": names.iter().map(|name| count(name)).sum::<usize>(),
            "num_points": points.len(),
            "num_deferred_points": 0,
            "num_deleted_deferred_points": 0,
            "num_indexed_vectors": sparse.iter().map(|name| count(name)).sum::<usize>(),
            "num_deleted_vectors": 0,
            "vectors_size_bytes": points.iter().map(|point| vector_bytes(point)).sum::<usize>(),
            "payloads_size_bytes": 128 * points.len(),
            "ram_usage_bytes": 0,
            "disk_usage_bytes": 0,
            "is_appendable": true,
            "index_schema": index_schema,
            "vector_data": vector_data,
            "payload_storage_io_backend": "mmap",
        },
        "config": segment_config(schema),
        "vector_index_searches": names.iter().map(|name| json!({ "index_name": name })).collect::<Vec<_>>(),
        "payload_field_indices": indices,
    })
}

fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
