//! The requests that create a collection like a recorded one.
//!
//! What the server reports is not what it accepts: `config.params.*` is at the top of the body that creates a
//! collection, and `optimizer_config` is called `optimizers_config` there (`CreateCollection` in
//! `lib/storage/src/content_manager/collection_meta_ops.rs`).

use serde_json::{Map, Value, json};

/// The keys of `config.params` that the body has.
const PARAMS: [&str; 8] = [
    "vectors",
    "sparse_vectors",
    "shard_number",
    "sharding_method",
    "replication_factor",
    "write_consistency_factor",
    "on_disk_payload",
    "payload",
];

/// The keys of `config`, with their names in the body.
const SECTIONS: [(&str, &str); 6] = [
    ("hnsw_config", "hnsw_config"),
    ("wal_config", "wal_config"),
    ("optimizer_config", "optimizers_config"),
    ("quantization_config", "quantization_config"),
    ("strict_mode_config", "strict_mode_config"),
    ("metadata", "metadata"),
];

/// The body that creates a collection like the recorded one.
pub(crate) fn body(config: &Value) -> Value {
    let mut body = Map::new();
    let mut take = |from: &Value, key: &str, to: &str| {
        if let Some(value) = from.get(key).filter(|value| !value.is_null()) {
            body.insert(to.to_owned(), value.clone());
        }
    };
    for key in PARAMS {
        take(&config["params"], key, key);
    }
    for (key, to) in SECTIONS {
        take(config, key, to);
    }
    Value::Object(body)
}

/// The bodies that create the payload indexes.
pub(crate) fn indexes(schema: &Value) -> Vec<Value> {
    let index = |(field, index): (&String, &Value)| {
        let kind = if index["params"].is_null() { &index["data_type"] } else { &index["params"] };
        json!({ "field_name": field, "field_schema": kind })
    };
    schema.as_object().map(|schema| schema.iter().map(index).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures;

    #[test]
    fn what_is_printed_becomes_what_is_taken() {
        let mut config = fixtures::config();
        config["strict_mode_config"] = json!({ "enabled": true, "max_query_limit": 10 });
        config["metadata"] = json!({ "by": "us" });
        let body = body(&config);
        assert_eq!(body["vectors"], config["params"]["vectors"]);
        assert_eq!(body["sparse_vectors"], config["params"]["sparse_vectors"]);
        assert_eq!(body["optimizers_config"], config["optimizer_config"]);
        assert_eq!(body["hnsw_config"], config["hnsw_config"]);
        assert_eq!(body["strict_mode_config"]["max_query_limit"], 10);
        assert_eq!(body["metadata"]["by"], "us");
        assert_eq!(body["shard_number"], 1);
        for absent in ["params", "optimizer_config", "quantization_config", "sharding_method"] {
            assert!(body.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn an_index_is_created_with_its_parameters() {
        let schema = json!({
            "cozinha": { "data_type": "keyword" },
            "texto": { "data_type": "text", "params": { "type": "text", "tokenizer": "word" } }
        });
        assert_eq!(
            indexes(&schema),
            [
                json!({ "field_name": "cozinha", "field_schema": "keyword" }),
                json!({ "field_name": "texto", "field_schema": { "type": "text", "tokenizer": "word" } })
            ]
        );
        assert!(indexes(&Value::Null).is_empty());
    }
}
