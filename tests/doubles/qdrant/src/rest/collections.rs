//! Collections, payload indexes and aliases.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::points::Wait;
use super::reply::{Asked, parse, timed};
use crate::failures::Failure;
use crate::fault::{Fault, Outcome};
use crate::server::App;
use crate::store::Store;

pub(super) async fn list(State(app): State<Arc<App>>) -> Response {
    timed(|| {
        let names: Vec<_> = app.store().collections.keys().map(|name| json!({ "name": name })).collect();
        Ok(json!({ "collections": names }))
    })
}

pub(super) async fn create(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| app.store().create(&name, &parse(&body)?).map(|()| true))
}

pub(super) async fn patch(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| app.store().listed_mut(&name)?.patch(&parse(&body)?).map(|()| true))
}

pub(super) async fn delete(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| app.store().delete(&name))
}

pub(super) async fn exists(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| Ok(json!({ "exists": app.store().listed(&name).is_ok() })))
}

pub(super) async fn info(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| info_of(&app.store(), &name))
}

/// The collection's status and configuration; shared with the gRPC interface.
pub(crate) fn info_of(store: &Store, name: &str) -> Outcome<Map<String, Value>> {
    let collection = store.readable(name, "Get Info")?;
    let red = store.failures.has(&Failure::Red(collection.name.clone()));
    let mut info = Map::new();
    info.insert("status".into(), if red { "red" } else { "green" }.into());
    let optimizer =
        if red { json!({ "error": "Service runtime error: told to be red" }) } else { json!("ok") };
    info.insert("optimizer_status".into(), optimizer);
    info.insert("indexed_vectors_count".into(), collection.indexed_vectors().into());
    info.insert("points_count".into(), collection.len().into());
    info.insert("segments_count".into(), collection.segments().into());
    info.insert("config".into(), Value::Object(collection.schema.shown()));
    info.insert("payload_schema".into(), Value::Object(collection.payload_schema()));
    info.insert("update_queue".into(), json!({ "length": 0 }));
    Ok(info)
}

pub(super) async fn cluster(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| {
        let store = app.store();
        let collection = store.listed(&name)?;
        let unreadable = store.is_unreadable(&collection.name);
        let shards: Vec<_> = collection
            .shards
            .iter()
            .filter(|shard| app.node.as_ref().is_none_or(|node| node.has(collection, shard.id)))
            .map(|shard| json!({ "shard_id": shard.id, "points_count": if unreadable { 0 } else { shard.points().count() }, "state": "Active" }))
            .collect();
        let peer = app.node.as_ref().map_or(store.peer, |node| node.own);
        let remote = app.node.as_ref().map(|node| node.remote(collection)).unwrap_or_default();
        Ok(json!({ "peer_id": peer, "shard_count": collection.shards.len(), "local_shards": shards,
            "remote_shards": remote, "shard_transfers": [] }))
    })
}

pub(super) async fn shard_keys(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| {
        let store = app.store();
        let schema = &store.listed(&name)?.schema;
        Ok(if schema.shards() == 0 { json!({ "shard_keys": [] }) } else { json!({}) })
    })
}

pub(super) async fn standalone() -> Response {
    timed(|| Err::<(), _>(Fault::Standalone))
}

pub(super) async fn index(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    timed(|| {
        let body: Value = parse(&body)?;
        let field =
            body["field_name"].as_str().ok_or_else(|| Fault::Format("missing field `field_name`".into()))?;
        let schema = body.get("field_schema").or_else(|| body.get("field_type")).cloned();
        let schema = schema.ok_or_else(|| {
            Fault::BadRequest(
                "Can't auto-detect field type, please specify `field_schema` in the request".into(),
            )
        })?;
        let kinds = ["keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid"];
        if !schema.get("type").unwrap_or(&schema).as_str().is_some_and(|kind| kinds.contains(&kind)) {
            return Err(Fault::Format(
                "data did not match any variant of untagged enum PayloadFieldSchema".into(),
            ));
        }
        app.store().writable(&name, "index")?.index(field, Some(schema)).map(|op| wait.told(op))
    })
}

pub(super) async fn drop_index(
    State(app): State<Arc<App>>,
    Path((name, field)): Path<(String, String)>,
    Asked(wait): Asked<Wait>,
) -> Response {
    timed(|| app.store().writable(&name, "index")?.index(&field, None).map(|op| wait.told(op)))
}

pub(super) async fn aliases(State(app): State<Arc<App>>) -> Response {
    timed(|| Ok(json!({ "aliases": aliases_to(&app.store(), None) })))
}

pub(super) async fn aliases_of(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| {
        // The real server does not look whether there is such a collection.
        Ok(json!({ "aliases": aliases_to(&app.store(), Some(&name)) }))
    })
}

fn aliases_to(store: &Store, target: Option<&str>) -> Vec<Value> {
    store
        .aliases
        .iter()
        .filter(|(_, collection)| target.is_none_or(|target| target == *collection))
        .map(|(alias, collection)| json!({ "alias_name": alias, "collection_name": collection }))
        .collect()
}

pub(super) async fn change_aliases(State(app): State<Arc<App>>, body: Bytes) -> Response {
    timed(|| {
        let body: Value = parse(&body)?;
        let actions =
            body["actions"].as_array().ok_or_else(|| Fault::Format("missing field `actions`".into()))?;
        app.store().change_aliases(actions).map(|()| true)
    })
}
