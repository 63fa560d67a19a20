//! Collection configurations between their protobuf form and the JSON of the REST interface.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    self as proto, CollectionStatus, Datatype, Distance, PayloadSchemaType, max_optimization_threads,
    vectors_config,
};
use serde_json::{Map, Value, json};

use super::convert::payload_in;
use crate::fault::{Fault, Outcome};

/// The body of the REST request that asks for the same. Settings the stand-in cannot carry over are refused.
pub(super) fn create_body(request: proto::CreateCollection) -> Outcome<Value> {
    if request.quantization_config.is_some()
        || request.strict_mode_config.is_some()
        || request.payload.is_some()
    {
        return Err(Fault::BadRequest(
            "the stand-in takes quantization, strict mode and payload storage over REST only".into(),
        ));
    }
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    match request.vectors_config.and_then(|vectors| vectors.config) {
        None => {}
        Some(vectors_config::Config::Params(params)) => put("vectors", vector_params(&params)?),
        Some(vectors_config::Config::ParamsMap(named)) => {
            let named = named.map.iter().map(|(name, params)| Ok((name.clone(), vector_params(params)?)));
            put("vectors", Value::Object(named.collect::<Outcome<_>>()?));
        }
    }
    if let Some(sparse) = request.sparse_vectors_config {
        put("sparse_vectors", Value::Object(sparse.map.into_keys().map(|name| (name, json!({}))).collect()));
    }
    put("shard_number", json!(request.shard_number));
    put("replication_factor", json!(request.replication_factor));
    put("write_consistency_factor", json!(request.write_consistency_factor));
    put("hnsw_config", request.hnsw_config.as_ref().map_or(Value::Null, hnsw));
    put("optimizers_config", request.optimizers_config.as_ref().map_or(Value::Null, optimizers));
    if let Some(wal) = request.wal_config {
        put(
            "wal_config",
            json!({ "wal_capacity_mb": wal.wal_capacity_mb, "wal_segments_ahead": wal.wal_segments_ahead,
                "wal_retain_closed": wal.wal_retain_closed }),
        );
    }
    if !request.metadata.is_empty() {
        put("metadata", Value::Object(payload_in(request.metadata)));
    }
    Ok(Value::Object(body))
}

#[expect(deprecated, reason = "the older form of a setting that is still in use")]
fn vector_params(params: &proto::VectorParams) -> Outcome<Value> {
    let distance = match params.distance() {
        Distance::UnknownDistance => {
            return Err(Fault::BadRequest("Bad value of distance field!".into()));
        }
        Distance::Cosine => "Cosine",
        Distance::Euclid => "Euclid",
        Distance::Dot => "Dot",
        Distance::Manhattan => "Manhattan",
    };
    let datatype = match params.datatype() {
        Datatype::Default => None,
        Datatype::Float32 => Some("float32"),
        Datatype::Uint8 => Some("uint8"),
        Datatype::Float16 => Some("float16"),
        Datatype::Turbo4 | Datatype::Turbo8 | Datatype::Turbo16 => {
            return Err(Fault::BadRequest("the stand-in has no quantized datatypes".into()));
        }
    };
    let multi = params.multivector_config.map(|_| json!({ "comparator": "max_sim" }));
    Ok(json!({ "size": params.size, "distance": distance, "on_disk": params.on_disk, "datatype": datatype,
        "hnsw_config": params.hnsw_config.as_ref().map(hnsw), "multivector_config": multi }))
}

#[expect(deprecated, reason = "the older form of a setting that is still in use")]
fn hnsw(diff: &proto::HnswConfigDiff) -> Value {
    json!({ "m": diff.m, "ef_construct": diff.ef_construct, "full_scan_threshold": diff.full_scan_threshold,
        "max_indexing_threads": diff.max_indexing_threads, "on_disk": diff.on_disk, "payload_m": diff.payload_m,
        "inline_storage": diff.inline_storage })
}

fn optimizers(diff: &proto::OptimizersConfigDiff) -> Value {
    json!({ "deleted_threshold": diff.deleted_threshold, "vacuum_min_vector_number": diff.vacuum_min_vector_number,
        "default_segment_number": diff.default_segment_number, "max_segment_size": diff.max_segment_size,
        "memmap_threshold": diff.memmap_threshold, "indexing_threshold": diff.indexing_threshold,
        "flush_interval_sec": diff.flush_interval_sec })
}

/// What `GET /collections/{name}` answers, as the message that says the same.
pub(super) fn info(info: &Map<String, Value>) -> proto::CollectionInfo {
    let optimizer = info["optimizer_status"]["error"].as_str();
    proto::CollectionInfo {
        status: match info["status"].as_str() {
            Some("green") => CollectionStatus::Green,
            Some("yellow") => CollectionStatus::Yellow,
            Some("red") => CollectionStatus::Red,
            Some("grey") => CollectionStatus::Grey,
            Some(_) | None => CollectionStatus::UnknownCollectionStatus,
        }
        .into(),
        optimizer_status: Some(proto::OptimizerStatus {
            ok: optimizer.is_none(),
            error: optimizer.unwrap_or_default().to_owned(),
        }),
        segments_count: info["segments_count"].as_u64().unwrap_or(0),
        config: Some(config(&info["config"])),
        payload_schema: payload_schema(&info["payload_schema"]),
        points_count: info["points_count"].as_u64(),
        indexed_vectors_count: info["indexed_vectors_count"].as_u64(),
        update_queue: Some(proto::UpdateQueueInfo::default()),
        ..proto::CollectionInfo::default()
    }
}

fn payload_schema(schema: &Value) -> HashMap<String, proto::PayloadSchemaInfo> {
    let fields = schema.as_object().into_iter().flatten();
    fields
        .map(|(field, told)| {
            let kind = match told["data_type"].as_str() {
                Some("keyword") => PayloadSchemaType::Keyword,
                Some("integer") => PayloadSchemaType::Integer,
                Some("float") => PayloadSchemaType::Float,
                Some("geo") => PayloadSchemaType::Geo,
                Some("text") => PayloadSchemaType::Text,
                Some("bool") => PayloadSchemaType::Bool,
                Some("datetime") => PayloadSchemaType::Datetime,
                Some("uuid") => PayloadSchemaType::Uuid,
                Some(_) | None => PayloadSchemaType::UnknownType,
            };
            let info = proto::PayloadSchemaInfo {
                data_type: kind.into(),
                params: None,
                points: told["points"].as_u64(),
            };
            (field.clone(), info)
        })
        .collect()
}

#[expect(deprecated, reason = "the real server fills the older form as well")]
fn config(config: &Value) -> proto::CollectionConfig {
    let params = &config["params"];
    let vectors = match &params["vectors"] {
        Value::Object(one) if one.contains_key("size") => {
            Some(vectors_config::Config::Params(vector_params_out(&params["vectors"])))
        }
        Value::Object(named) => Some(vectors_config::Config::ParamsMap(proto::VectorParamsMap {
            map: named.iter().map(|(name, spec)| (name.clone(), vector_params_out(spec))).collect(),
        })),
        _ => None,
    };
    let sparse = params["sparse_vectors"].as_object().map(|named| proto::SparseVectorConfig {
        map: named.keys().map(|name| (name.clone(), proto::SparseVectorParams::default())).collect(),
    });
    let optimizer = &config["optimizer_config"];
    let wal = &config["wal_config"];
    proto::CollectionConfig {
        params: Some(proto::CollectionParams {
            shard_number: small(&params["shard_number"]).unwrap_or(1),
            on_disk_payload: params["on_disk_payload"].as_bool().unwrap_or(true),
            vectors_config: vectors.map(|config| proto::VectorsConfig { config: Some(config) }),
            replication_factor: small(&params["replication_factor"]),
            write_consistency_factor: small(&params["write_consistency_factor"]),
            sparse_vectors_config: sparse,
            ..proto::CollectionParams::default()
        }),
        hnsw_config: Some(hnsw_out(&config["hnsw_config"])),
        optimizer_config: Some(proto::OptimizersConfigDiff {
            deleted_threshold: optimizer["deleted_threshold"].as_f64(),
            vacuum_min_vector_number: optimizer["vacuum_min_vector_number"].as_u64(),
            default_segment_number: optimizer["default_segment_number"].as_u64(),
            max_segment_size: optimizer["max_segment_size"].as_u64(),
            indexing_threshold: optimizer["indexing_threshold"].as_u64(),
            flush_interval_sec: optimizer["flush_interval_sec"].as_u64(),
            max_optimization_threads: Some(proto::MaxOptimizationThreads {
                variant: Some(proto::max_optimization_threads::Variant::Setting(
                    max_optimization_threads::Setting::Auto.into(),
                )),
            }),
            ..proto::OptimizersConfigDiff::default()
        }),
        wal_config: Some(proto::WalConfigDiff {
            wal_capacity_mb: wal["wal_capacity_mb"].as_u64(),
            wal_segments_ahead: wal["wal_segments_ahead"].as_u64(),
            wal_retain_closed: wal["wal_retain_closed"].as_u64(),
        }),
        ..proto::CollectionConfig::default()
    }
}

#[expect(deprecated, reason = "the real server fills the older form as well")]
fn vector_params_out(spec: &Value) -> proto::VectorParams {
    let distance = match spec["distance"].as_str() {
        Some("Cosine") => Distance::Cosine,
        Some("Euclid") => Distance::Euclid,
        Some("Dot") => Distance::Dot,
        Some("Manhattan") => Distance::Manhattan,
        Some(_) | None => Distance::UnknownDistance,
    };
    let datatype = match spec["datatype"].as_str() {
        Some("float32") => Some(Datatype::Float32),
        Some("uint8") => Some(Datatype::Uint8),
        Some("float16") => Some(Datatype::Float16),
        Some(_) | None => None,
    };
    proto::VectorParams {
        size: spec["size"].as_u64().unwrap_or(0),
        distance: distance.into(),
        hnsw_config: spec.get("hnsw_config").map(hnsw_out),
        on_disk: spec["on_disk"].as_bool(),
        datatype: datatype.map(Into::into),
        multivector_config: spec.get("multivector_config").map(|_| proto::MultiVectorConfig::default()),
        ..proto::VectorParams::default()
    }
}

#[expect(deprecated, reason = "the real server fills the older form as well")]
fn hnsw_out(hnsw: &Value) -> proto::HnswConfigDiff {
    proto::HnswConfigDiff {
        m: hnsw["m"].as_u64(),
        ef_construct: hnsw["ef_construct"].as_u64(),
        full_scan_threshold: hnsw["full_scan_threshold"].as_u64(),
        max_indexing_threads: hnsw["max_indexing_threads"].as_u64(),
        on_disk: hnsw["on_disk"].as_bool(),
        payload_m: hnsw["payload_m"].as_u64(),
        ..proto::HnswConfigDiff::default()
    }
}

fn small(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| number.try_into().ok())
}
