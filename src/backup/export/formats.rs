//! Converts the layouts of other tools into the one of exports.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ExportError;
use super::json::CollectionDraft;

/// Name, configuration and payload schema of a collection, as a server reports them.
pub(super) fn collection(draft: &CollectionDraft) -> Result<(String, Value, Value), ExportError> {
    let fields = &draft.fields;
    let name = ["name", "collection_name", "collection"]
        .iter()
        .find_map(|key| fields.get(*key)?.as_str())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ExportError::Shape("one of its collections has no `name`".to_owned()))?;
    let empty = Value::Null;
    let get = |key: &str| fields.get(key).unwrap_or(&empty);
    let printed = if get("config").is_null() { get("info") } else { get("config") };
    // Some tools store the complete info of a collection as its configuration.
    let (config, info) =
        if printed["config"].is_object() { (&printed["config"], printed) } else { (printed, &empty) };
    let config = if config["params"]["vectors"].is_object() || config["params"]["sparse_vectors"].is_object()
    {
        config.clone()
    } else {
        from_parts(config, fields).ok_or_else(|| {
            ExportError::Shape(format!(
                "the vectors of collection `{name}` are missing: add \
                 `\"config\": {{\"params\": {{\"vectors\": {{\"size\": N, \"distance\": \"Cosine\"}}}}}}` to it"
            ))
        })?
    };
    let schema =
        if get("payload_schema").is_object() { get("payload_schema") } else { &info["payload_schema"] };
    Ok((name.to_owned(), config, payload_schema(schema)))
}

/// A configuration from the few values that a script recorded.
fn from_parts(config: &Value, fields: &Map<String, Value>) -> Option<Value> {
    let either = |key: &str| config.get(key).or_else(|| fields.get(key)).filter(|value| !value.is_null());
    let noted = either("vectors").or_else(|| either("vectors_config"));
    let vectors = match (noted, either("vector_size").or_else(|| config.get("size")), either("distance")) {
        (Some(vectors), _, _) => vectors.clone(),
        (None, Some(size), Some(distance)) => json!({ "size": size, "distance": distance }),
        (None, _, _) => return None,
    };
    let mut params = json!({ "vectors": distances(vectors) });
    if let Some(sparse) = either("sparse_vectors") {
        params["sparse_vectors"] = sparse.clone();
    }
    Some(json!({ "params": params }))
}

/// Client libraries print `Distance.COSINE` instead of `Cosine`.
fn distances(mut vectors: Value) -> Value {
    const KNOWN: [&str; 4] = ["Cosine", "Euclid", "Dot", "Manhattan"];
    fn mend(vector: &mut Value) {
        let Some(word) = vector["distance"].as_str() else { return };
        let word = word.rsplit('.').next().unwrap_or(word).to_lowercase();
        if let Some(known) = KNOWN.iter().find(|known| known.to_lowercase() == word) {
            vector["distance"] = (*known).into();
        }
    }
    if vectors.get("size").is_some_and(Value::is_number) {
        mend(&mut vectors);
    } else if let Value::Object(named) = &mut vectors {
        named.values_mut().filter(|vector| vector.is_object()).for_each(mend);
    }
    vectors
}

/// `{"field": "keyword"}` means `{"field": {"data_type": "keyword"}}`.
fn payload_schema(schema: &Value) -> Value {
    let field = |(name, index): (&String, &Value)| {
        let index = if index.is_string() { json!({ "data_type": index }) } else { index.clone() };
        (name.clone(), index)
    };
    Value::Object(schema.as_object().map(|schema| schema.iter().map(field).collect()).unwrap_or_default())
}

/// Aliases and their collections, from the top level of a file and from its collections.
pub(super) fn aliases(top: Option<&Value>, collections: &[CollectionDraft]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut add = |alias: &Value, collection: &Value| {
        if let (Some(alias), Some(collection)) = (alias.as_str(), collection.as_str()) {
            found.insert(alias.to_owned(), collection.to_owned());
        }
    };
    match top {
        Some(Value::Object(map)) => map.iter().for_each(|(alias, name)| add(&json!(alias), name)),
        Some(Value::Array(list)) => {
            for one in list {
                add(&one["alias_name"], &one["collection_name"]);
            }
        }
        _ => {}
    }
    for draft in collections {
        let list = draft.fields.get("aliases").and_then(Value::as_array);
        for alias in list.into_iter().flatten() {
            let alias = if alias.is_string() { alias } else { &alias["alias_name"] };
            add(alias, draft.fields.get("name").unwrap_or(&Value::Null));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(fields: Value) -> Result<(String, Value, Value), ExportError> {
        let Value::Object(fields) = fields else { panic!("an object") };
        collection(&CollectionDraft { fields, points: 0 })
    }

    #[test]
    fn what_a_server_prints_stays() {
        let config = json!({ "params": { "vectors": { "size": 4, "distance": "Dot" } }, "metadata": { "n": u64::MAX } });
        let schema = json!({ "a": { "data_type": "keyword", "points": 3 } });
        let own =
            shaped(json!({ "name": "a", "config": config, "payload_schema": schema })).expect("understood");
        assert_eq!(own, ("a".to_owned(), config.clone(), schema.clone()));
        for key in ["config", "info"] {
            let info = json!({ "status": "green", "config": config, "payload_schema": schema });
            let whole = shaped(json!({ "name": "a", key: info })).expect("understood");
            assert_eq!(whole, own, "{key}");
        }
    }

    #[test]
    fn what_scripts_note_down_is_enough() {
        let expected = json!({ "params": { "vectors": { "size": 4, "distance": "Cosine" } } });
        for fields in [
            json!({ "name": "a", "config": { "size": 4, "distance": "Distance.COSINE" } }),
            json!({ "collection_name": "a", "vector_size": 4, "distance": "cosine" }),
            json!({ "name": "a", "vectors_config": { "size": 4, "distance": "Cosine" } }),
            json!({ "collection": "a", "config": { "vectors": { "size": 4, "distance": "COSINE" } } }),
        ] {
            assert_eq!(shaped(fields.clone()).expect("understood").1, expected, "{fields}");
        }
        let named = shaped(
            json!({ "name": "a", "vectors": { "t": { "size": 4, "distance": "DOT" } }, "payload_schema": { "f": "keyword" } }),
        );
        let (_, config, schema) = named.expect("understood");
        assert_eq!(config["params"]["vectors"]["t"]["distance"], "Dot");
        assert_eq!(schema, json!({ "f": { "data_type": "keyword" } }));
    }

    #[test]
    fn what_is_not_enough_says_what_to_add() {
        let error = shaped(json!({ "name": "a", "config": {} })).expect_err("no vectors");
        assert!(error.to_string().contains("`a` are missing: add `\"config\": {\"params\""), "{error}");
        assert!(shaped(json!({ "config": { "size": 1, "distance": "Dot" } })).is_err());
    }

    #[test]
    fn aliases_stand_in_several_places() {
        let Value::Object(fields) = json!({ "name": "a", "aliases": ["x", { "alias_name": "y" }] }) else {
            panic!()
        };
        let drafts = [CollectionDraft { fields, points: 0 }];
        let expected = BTreeMap::from([("x".to_owned(), "a".to_owned()), ("y".to_owned(), "a".to_owned())]);
        assert_eq!(aliases(None, &drafts), expected);
        assert_eq!(
            aliases(
                Some(
                    &json!([{ "alias_name": "y", "collection_name": "a" }, { "alias_name": "x", "collection_name": "a" }])
                ),
                &[]
            ),
            expected
        );
        assert_eq!(aliases(Some(&json!({ "x": "a", "y": "a" })), &[]), expected);
    }
}
