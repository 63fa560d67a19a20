//! The server about itself.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::reply::{json_response, timed};
use crate::cluster::Node;
use crate::server::App;

/// The commit of qdrant 1.19.0, whose answers these are.
pub(crate) const COMMIT: &str = "74f3e85b9473c62560006c043e13737ce6b48412";
pub(crate) const TITLE: &str = "qdrant - vector search engine";

pub(super) async fn root(State(app): State<Arc<App>>) -> Response {
    json_response(StatusCode::OK, &json!({ "title": TITLE, "version": app.version, "commit": COMMIT }))
}

pub(super) async fn healthz() -> &'static str {
    "healthz check passed"
}

pub(super) async fn readyz() -> &'static str {
    "all shards are ready"
}

pub(super) async fn cluster(State(app): State<Arc<App>>) -> Response {
    timed(|| Ok(app.node.as_ref().map_or_else(|| json!({ "status": "disabled" }), Node::told)))
}
