//! A collection's configuration: how a creation request becomes the stored `config.json`, how a later request
//! changes it, and how vectors are checked and stored under it.
//!
//! Field order and defaults follow `CollectionConfigInternal` of qdrant 1.19.0 with its stock `config.yaml`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fault::{Fault, Outcome};
use crate::point::{Sparse, UNNAMED, Vector, Vectors};

type Object = Map<String, Value>;

const VECTOR_FIELDS: [&str; 8] = [
    "size",
    "distance",
    "hnsw_config",
    "quantization_config",
    "on_disk",
    "memory",
    "datatype",
    "multivector_config",
];
const HNSW_FIELDS: [&str; 8] = [
    "m",
    "ef_construct",
    "full_scan_threshold",
    "max_indexing_threads",
    "on_disk",
    "memory",
    "payload_m",
    "inline_storage",
];
const OPTIMIZER_FIELDS: [&str; 9] = [
    "deleted_threshold",
    "vacuum_min_vector_number",
    "default_segment_number",
    "max_segment_size",
    "memmap_threshold",
    "indexing_threshold",
    "flush_interval_sec",
    "max_optimization_threads",
    "prevent_unoptimized",
];
const WAL_FIELDS: [&str; 3] = ["wal_capacity_mb", "wal_segments_ahead", "wal_retain_closed"];
const CONFIG_FIELDS: [&str; 8] = [
    "params",
    "hnsw_config",
    "optimizer_config",
    "wal_config",
    "quantization_config",
    "strict_mode_config",
    "uuid",
    "metadata",
];
const PARAM_FIELDS: [&str; 10] = [
    "vectors",
    "shard_number",
    "sharding_method",
    "replication_factor",
    "write_consistency_factor",
    "read_fan_out_factor",
    "read_fan_out_delay_ms",
    "on_disk_payload",
    "payload",
    "sparse_vectors",
];

/// The stored configuration of one collection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schema {
    config: Object,
    dense: BTreeMap<String, Dense>,
    sparse: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Dense {
    size: usize,
    cosine: bool,
    datatype: Datatype,
    multi: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Datatype {
    Float32,
    Float16,
    Uint8,
}

impl Schema {
    /// The configuration that a `PUT /collections/{name}` body asks for.
    pub(crate) fn create(body: &Value, wal_capacity_mb: u64) -> Outcome<Self> {
        let get = |name: &str| body.get(name).filter(|v| !v.is_null());
        let mut params = Object::new();
        params.insert("vectors".into(), vectors(get("vectors"))?);
        params.insert("shard_number".into(), get("shard_number").cloned().unwrap_or(json!(1)));
        for name in ["sharding_method", "replication_factor", "write_consistency_factor"] {
            if let Some(value) = get(name) {
                params.insert(name.into(), value.clone());
            } else if name != "sharding_method" {
                params.insert(name.into(), json!(1));
            }
        }
        params.insert("on_disk_payload".into(), get("on_disk_payload").cloned().unwrap_or(json!(true)));
        if let Some(payload) = get("payload") {
            params.insert("payload".into(), payload.clone());
        }
        if let Some(Value::Object(sparse)) = get("sparse_vectors") {
            let sparse = sorted(sparse.iter().map(|(name, value)| {
                (name.clone(), merged(&json!({}), Some(value), &["index", "modifier"]))
            }));
            params.insert("sparse_vectors".into(), Value::Object(sparse));
        }

        let hnsw = json!({ "m": 16, "ef_construct": 100, "full_scan_threshold": 10_000,
            "max_indexing_threads": 0, "on_disk": false });
        let optimizer = json!({ "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000,
            "default_segment_number": 0, "max_segment_size": null, "memmap_threshold": null,
            "indexing_threshold": 10_000, "flush_interval_sec": 5, "max_optimization_threads": null,
            "prevent_unoptimized": null });
        let wal =
            json!({ "wal_capacity_mb": wal_capacity_mb, "wal_segments_ahead": 0, "wal_retain_closed": 1 });

        let mut config = Object::new();
        config.insert("params".into(), Value::Object(params));
        config.insert("hnsw_config".into(), merged(&hnsw, get("hnsw_config"), &HNSW_FIELDS));
        let asked = get("optimizers_config").or_else(|| get("optimizer_config"));
        let mut optimizer = merged(&optimizer, asked, &OPTIMIZER_FIELDS);
        if optimizer["max_optimization_threads"] == "auto" {
            optimizer["max_optimization_threads"] = Value::Null;
        }
        config.insert("optimizer_config".into(), optimizer);
        config.insert("wal_config".into(), merged(&wal, get("wal_config"), &WAL_FIELDS));
        let quantization = get("quantization_config").or_else(|| get("quantization"));
        config.insert("quantization_config".into(), quantization.map_or(Value::Null, without_nulls));
        if let Some(strict) = get("strict_mode_config") {
            config.insert("strict_mode_config".into(), without_nulls(strict));
        }
        config.insert("uuid".into(), Value::Null);
        if let Some(metadata) = get("metadata") {
            config.insert("metadata".into(), metadata.clone());
        }
        Self::load(config)
    }

    /// The configuration read from a `config.json`.
    pub(crate) fn load(config: Object) -> Outcome<Self> {
        let params = config.get("params").ok_or_else(|| Fault::service("config.json has no `params`"))?;
        let mut dense = BTreeMap::new();
        match params.get("vectors") {
            Some(Value::Object(one)) if one.contains_key("size") => {
                dense.insert(UNNAMED.to_owned(), Dense::load(&Value::Object(one.clone()))?);
            }
            Some(Value::Object(named)) => {
                for (name, spec) in named {
                    dense.insert(name.clone(), Dense::load(spec)?);
                }
            }
            Some(_) | None => {}
        }
        let sparse = match params.get("sparse_vectors") {
            Some(Value::Object(named)) => named.keys().cloned().collect(),
            Some(_) | None => Vec::new(),
        };
        if let Some(name) = sparse.iter().find(|name| dense.contains_key(*name)) {
            return Err(Fault::bad_input(format!(
                "Dense and sparse vector names must be unique - duplicate found with '{name}'"
            )));
        }
        Ok(Self { config, dense, sparse })
    }

    /// Apply a `PATCH /collections/{name}` body.
    pub(crate) fn patch(&mut self, body: &Value) -> Outcome<()> {
        let mut config = self.config.clone();
        let get = |name: &str| body.get(name).filter(|v| !v.is_null());
        for (from, to, fields) in [
            ("hnsw_config", "hnsw_config", HNSW_FIELDS.as_slice()),
            ("optimizers_config", "optimizer_config", OPTIMIZER_FIELDS.as_slice()),
            ("optimizer_config", "optimizer_config", OPTIMIZER_FIELDS.as_slice()),
            ("params", "params", PARAM_FIELDS.as_slice()),
        ] {
            if let Some(diff) = get(from) {
                let new = merged(&config[to], Some(diff), fields);
                config.insert(to.into(), new);
            }
        }
        if let Some(Value::Object(diffs)) = get("vectors") {
            for (name, diff) in diffs {
                let all = &mut config["params"]["vectors"];
                let spec = if name.is_empty() { Some(all) } else { all.get_mut(name) };
                let spec = spec.ok_or_else(|| Fault::no_vector(name))?;
                *spec = merged(spec, Some(diff), &VECTOR_FIELDS);
            }
        }
        if let Some(quantization) = get("quantization_config") {
            let off = quantization.as_str() == Some("Disabled");
            let new = if off { Value::Null } else { without_nulls(quantization) };
            config.insert("quantization_config".into(), new);
        }
        for name in ["strict_mode_config", "metadata"] {
            if let Some(Value::Object(diff)) = get(name) {
                let mut now = config.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
                now.extend(diff.clone());
                config.insert(name.into(), Value::Object(now));
            }
        }
        if let Some(Value::Object(diffs)) = get("sparse_vectors") {
            for (name, diff) in diffs {
                let spec = config["params"].get_mut("sparse_vectors").and_then(|all| all.get_mut(name));
                let spec = spec.ok_or_else(|| Fault::no_vector(name))?;
                *spec = merged(spec, Some(diff), &["index", "modifier"]);
            }
        }
        let mut ordered = Object::new();
        for name in CONFIG_FIELDS {
            if let Some(value) = config.remove(name) {
                ordered.insert(name.to_owned(), value);
            }
        }
        let config = ordered;
        *self = Self::load(config)?;
        Ok(())
    }

    /// What `config.json` holds.
    pub(crate) fn stored(&self) -> &Object {
        &self.config
    }

    /// What `GET /collections/{name}` shows: everything but the internal `uuid`.
    pub(crate) fn shown(&self) -> Object {
        self.config.iter().filter(|(k, _)| *k != "uuid").map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub(crate) fn vectors_config(&self) -> &Value {
        &self.config["params"]["vectors"]
    }

    /// How many shards there are to begin with: with custom sharding, none until a key has been made.
    pub(crate) fn shards(&self) -> u32 {
        if self.config["params"]["sharding_method"] == "custom" { 0 } else { self.shard_number() }
    }

    pub(crate) fn shard_number(&self) -> u32 {
        self.config["params"]["shard_number"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(1)
    }

    /// Segments per shard: as configured, else the least that the real server chooses.
    pub(crate) fn segment_number(&self) -> usize {
        match self.config["optimizer_config"]["default_segment_number"].as_u64() {
            Some(0) | None => 2,
            Some(n) => usize::try_from(n).unwrap_or(2),
        }
    }

    pub(crate) fn wal_capacity(&self) -> u64 {
        self.config["wal_config"]["wal_capacity_mb"].as_u64().unwrap_or(1) << 20
    }

    pub(crate) fn dense_names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.dense.iter().map(|(name, spec)| (name.as_str(), spec.size))
    }

    pub(crate) fn sparse_names(&self) -> impl Iterator<Item = &str> {
        self.sparse.iter().map(String::as_str)
    }

    pub(crate) fn distance(&self, name: &str) -> &Value {
        let all = self.vectors_config();
        if name.is_empty() { &all["distance"] } else { &all[name]["distance"] }
    }

    pub(crate) fn on_disk(&self, name: &str) -> bool {
        let all = self.vectors_config();
        let spec = if name.is_empty() { all } else { &all[name] };
        spec["on_disk"].as_bool().unwrap_or(false)
    }

    /// A strict-mode limit, when strict mode is on.
    pub(crate) fn strict(&self, name: &str) -> Option<&Value> {
        let strict = self.config.get("strict_mode_config")?;
        strict["enabled"].as_bool().filter(|on| *on)?;
        strict.get(name)
    }

    pub(crate) fn check_name(&self, name: &str) -> Outcome<()> {
        if self.dense.contains_key(name) || self.sparse.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(Fault::no_vector(name))
    }

    /// Refuse wrong lengths. The real server looks at these, and at nothing else, before it logs an operation.
    pub(crate) fn check_dimensions(&self, vectors: &Vectors) -> Outcome<()> {
        for (name, vector) in &vectors.0 {
            let rows = match vector {
                Vector::Dense(row) => std::slice::from_ref(row),
                Vector::Multi(rows) => rows,
                Vector::Sparse(_) => &[],
            };
            if let Some(spec) = self.dense.get(name) {
                rows.iter().try_for_each(|row| spec.check(name, row))?;
            }
        }
        Ok(())
    }

    /// Check the kinds of `vectors`, whose dimensions have been checked, and bring them into stored form.
    pub(crate) fn store(&self, vectors: Vectors) -> Outcome<Vectors> {
        let mut stored = BTreeMap::new();
        for (name, vector) in vectors.0 {
            let vector = if self.sparse.contains(&name) {
                sparse(vector)?
            } else {
                let spec = self.dense.get(&name).ok_or_else(|| Fault::no_vector(&name))?;
                spec.store(vector)?
            };
            stored.insert(name, vector);
        }
        Ok(Vectors(stored))
    }
}

impl Dense {
    fn load(spec: &Value) -> Outcome<Self> {
        let size = spec["size"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if size > 65_536 {
            return Err(Fault::body(format!(
                "[vectors.size: value {size} invalid, must be from 1 to 65536]"
            )));
        }
        let datatype = match spec["datatype"].as_str() {
            Some("uint8") => Datatype::Uint8,
            Some("float16") => Datatype::Float16,
            Some(_) | None => Datatype::Float32,
        };
        let multi = spec.get("multivector_config").is_some_and(|v| !v.is_null());
        Ok(Self { size, cosine: spec["distance"] == "Cosine", datatype, multi })
    }

    fn store(&self, vector: Vector) -> Outcome<Vector> {
        match (vector, self.multi) {
            (Vector::Dense(values), false) => Ok(Vector::Dense(self.row(values))),
            (Vector::Dense(values), true) => Ok(Vector::Multi(vec![self.row(values)])),
            (Vector::Multi(rows), true) => {
                Ok(Vector::Multi(rows.into_iter().map(|row| self.row(row)).collect()))
            }
            (Vector::Multi(_), false) => {
                Err(Fault::bad_input("Conversion between multi and regular vectors failed"))
            }
            (Vector::Sparse(_), _) => {
                Err(Fault::bad_input("Conversion between sparse and regular vectors failed"))
            }
        }
    }

    fn check(&self, name: &str, row: &[f32]) -> Outcome<()> {
        let (size, length) = (self.size, row.len());
        if length == size {
            return Ok(());
        }
        let whose = if name.is_empty() { String::new() } else { format!(" for vector '{name}'") };
        Err(Fault::bad_input(format!("Vector dimension error: expected dim: {size}, got {length}{whose}")))
    }

    fn row(&self, mut values: Vec<f32>) -> Vec<f32> {
        if self.cosine && self.datatype != Datatype::Uint8 {
            normalise(&mut values);
        }
        for value in &mut values {
            *value = match self.datatype {
                Datatype::Float32 => *value,
                Datatype::Float16 => through_half(*value),
                Datatype::Uint8 => value.trunc().clamp(0.0, 255.0),
            };
        }
        values
    }
}

/// As `cosine_preprocess` of `lib/segment/src/spaces/simple.rs`: what is already of unit length is left alone.
fn normalise(values: &mut [f32]) {
    let squared: f32 = values.iter().map(|x| x * x).sum();
    if squared < f32::EPSILON || (squared - 1.0).abs() <= 1.0e-6 {
        return;
    }
    let length = squared.sqrt();
    for value in values {
        *value /= length;
    }
}

/// The value after a stay in IEEE half precision, rounded to nearest even.
fn through_half(value: f32) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let exponent = value.abs().log2().floor().max(-14.0);
    let unit = (exponent - 10.0).exp2();
    let rounded = (value / unit).round_ties_even() * unit;
    if rounded.abs() > 65_504.0 { f32::INFINITY.copysign(value) } else { rounded }
}

fn sparse(vector: Vector) -> Outcome<Vector> {
    let Vector::Sparse(Sparse { indices, values }) = vector else {
        return Err(Fault::bad_input("Conversion between sparse and regular vectors failed"));
    };
    if indices.len() != values.len() {
        return Err(Fault::body("[values: must be the same length as indices]"));
    }
    let mut pairs: Vec<_> = indices.into_iter().zip(values).collect();
    pairs.sort_by_key(|(index, _)| *index);
    if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(Fault::body("[indices: must be unique]"));
    }
    let (indices, values) = pairs.into_iter().unzip();
    Ok(Vector::Sparse(Sparse { indices, values }))
}

fn vectors(asked: Option<&Value>) -> Outcome<Value> {
    let Some(asked) = asked else { return Ok(json!({})) };
    let Value::Object(map) = asked else {
        return Err(Fault::Format("data did not match any variant of untagged enum VectorsConfig".into()));
    };
    if map.contains_key("size") {
        return vector_params(asked);
    }
    let named = map.iter().map(|(name, spec)| Ok((name.clone(), vector_params(spec)?)));
    Ok(Value::Object(sorted(named.collect::<Outcome<Vec<_>>>()?)))
}

fn vector_params(asked: &Value) -> Outcome<Value> {
    let known = ["Cosine", "Euclid", "Dot", "Manhattan"];
    let distance = asked["distance"].as_str().is_some_and(|d| known.contains(&d));
    if asked["size"].as_u64().is_none_or(|size| size == 0) || !distance {
        return Err(Fault::Format("data did not match any variant of untagged enum VectorsConfig".into()));
    }
    Ok(merged(&json!({}), Some(asked), &VECTOR_FIELDS))
}

/// `base` with what `diff` says about `fields`, in the order of `fields`; what is null in `diff` says nothing.
fn merged(base: &Value, diff: Option<&Value>, fields: &[&str]) -> Value {
    let mut result = Object::new();
    for field in fields {
        let new = diff.and_then(|d| d.get(*field)).filter(|v| !v.is_null()).map(without_nulls);
        if let Some(value) = new.or_else(|| base.get(*field).cloned()) {
            result.insert((*field).to_owned(), value);
        }
    }
    Value::Object(result)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        other => other.clone(),
    }
}

fn sorted(entries: impl IntoIterator<Item = (String, Value)>) -> Object {
    entries.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(body: &Value) -> Schema {
        Schema::create(body, 32).unwrap()
    }

    #[test]
    fn cosine_is_normalised_and_dot_is_not() {
        for (distance, expected) in [("Cosine", vec![0.6, 0.8]), ("Dot", vec![3.0, 4.0])] {
            let schema = schema(&json!({ "vectors": { "size": 2, "distance": distance } }));
            let vectors = Vectors([(String::new(), Vector::Dense(vec![3.0, 4.0]))].into());
            let stored = schema.store(vectors).unwrap();
            assert_eq!(stored.0[UNNAMED], Vector::Dense(expected));
        }
    }

    #[test]
    fn wrong_size_and_unknown_name_are_refused() {
        let schema = schema(&json!({ "vectors": { "a": { "size": 2, "distance": "Dot" } } }));
        for (name, expected) in [
            ("a", "Wrong input: Vector dimension error: expected dim: 2, got 1 for vector 'a'"),
            ("b", "Wrong input: Not existing vector name error: b"),
        ] {
            let vectors = Vectors([(name.to_owned(), Vector::Dense(vec![1.0]))].into());
            let refused = schema.check_dimensions(&vectors).and_then(|()| schema.store(vectors));
            assert_eq!(refused.unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn half_precision_is_lossy_as_it_should_be() {
        assert_eq!(
            [0.1, 1.0, 65_519.0, 0.333_333_34].map(through_half).map(f32::to_bits),
            [0.099_975_586_f32, 1.0, 65_504.0, 0.333_251_95].map(f32::to_bits)
        );
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let mut schema =
            schema(&json!({ "vectors": { "size": 2, "distance": "Dot" }, "metadata": { "a": 1 } }));
        let before = schema.shown();
        schema
            .patch(&json!({ "optimizers_config": { "indexing_threshold": 0 }, "metadata": { "b": 2 } }))
            .unwrap();
        let after = schema.shown();
        assert_eq!(after["optimizer_config"]["indexing_threshold"], 0);
        assert_eq!(after["metadata"], json!({ "a": 1, "b": 2 }));
        assert_eq!(after["params"], before["params"]);
    }
}
