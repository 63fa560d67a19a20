//! The REST interface.

pub(crate) mod admin;
mod collections;
mod gate;
mod points;
mod reply;
mod service;
mod shards;
mod snapshots;
mod telemetry;
mod transfer;

pub(crate) use collections::info_of;
pub(crate) use service::{COMMIT, TITLE};

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post, put};
use tokio::sync::watch;

use crate::server::App;
use crate::wire::Gate;

/// The server's `max_request_size_mb`, for JSON bodies; uploads have no limit.
const JSON_LIMIT: usize = 32 << 20;

pub(crate) async fn serve(app: Arc<App>, gate: Gate, mut stopped: watch::Receiver<bool>) {
    let shutdown = async move {
        // An error means that the server has been dropped, which is a stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let served = axum::serve(gate, router(&app)).with_graceful_shutdown(shutdown).await;
    if let Err(error) = served {
        crate::log(format_args!("ERROR REST interface ended: {error}"));
    }
}

fn router(app: &Arc<App>) -> Router {
    let json = Router::new()
        .route("/", get(service::root))
        .route("/healthz", get(service::healthz))
        .route("/livez", get(service::healthz))
        .route("/readyz", get(service::readyz))
        .route("/telemetry", get(telemetry::telemetry))
        .route("/cluster", get(service::cluster))
        .route("/collections", get(collections::list))
        .route("/collections/aliases", post(collections::change_aliases))
        .route("/aliases", get(collections::aliases))
        .route(
            "/collections/{name}",
            get(collections::info)
                .put(collections::create)
                .patch(collections::patch)
                .delete(collections::delete),
        )
        .route("/collections/{name}/exists", get(collections::exists))
        .route("/collections/{name}/aliases", get(collections::aliases_of))
        .route("/collections/{name}/cluster", get(collections::cluster))
        .route("/collections/{name}/shards", get(collections::shard_keys).put(collections::standalone))
        .route("/collections/{name}/shards/delete", post(collections::standalone))
        .route("/collections/{name}/index", put(collections::index))
        .route("/collections/{name}/index/{field}", axum::routing::delete(collections::drop_index))
        .route("/collections/{name}/facet", post(points::facet))
        .route("/collections/{name}/points", put(points::upsert).post(points::retrieve))
        .route("/collections/{name}/points/{id}", get(points::get_one))
        .route("/collections/{name}/points/delete", post(points::delete))
        .route("/collections/{name}/points/count", post(points::count))
        .route("/collections/{name}/points/scroll", post(points::scroll))
        .route("/collections/{name}/points/payload", post(points::set_payload).put(points::replace_payload))
        .route("/collections/{name}/points/payload/delete", post(points::delete_payload))
        .route("/collections/{name}/points/payload/clear", post(points::clear_payload))
        .route("/collections/{name}/points/vectors", put(points::update_vectors))
        .route("/collections/{name}/points/vectors/delete", post(points::delete_vectors))
        .route("/collections/{name}/snapshots", get(snapshots::list).post(snapshots::create))
        .route("/collections/{name}/snapshots/recover", put(snapshots::recover))
        .route("/collections/{name}/snapshots/{snapshot}", get(snapshots::download).delete(snapshots::delete))
        .route("/snapshots", get(snapshots::list_full).post(snapshots::create_full))
        .route("/snapshots/{snapshot}", get(snapshots::download_full).delete(snapshots::delete_full))
        .route("/collections/{name}/shards/{shard}/snapshots", get(shards::list).post(shards::create))
        .route(
            "/collections/{name}/shards/{shard}/snapshots/{snapshot}",
            get(shards::download).delete(shards::delete),
        )
        .route("/collections/{name}/shards/{shard}/snapshot", get(shards::stream))
        .route("/collections/{name}/shards/{shard}/snapshot/partial/manifest", get(shards::manifest))
        .route("/collections/{name}/shards/{shard}/snapshot/partial/create", post(shards::partial))
        .layer(DefaultBodyLimit::max(JSON_LIMIT));
    let uploads = Router::new()
        .route("/collections/{name}/snapshots/upload", post(snapshots::upload))
        .route("/collections/{name}/shards/{shard}/snapshots/upload", post(shards::upload))
        .route("/collections/{name}/shards/{shard}/snapshot/partial/recover", post(shards::recover_partial))
        .layer(DefaultBodyLimit::disable());
    let served = json
        .merge(uploads)
        .layer(middleware::from_fn_with_state(Arc::clone(app), gate::authorise))
        .layer(middleware::from_fn_with_state(Arc::clone(app), gate::delay));
    let admin = Router::new().route("/__double/fail", get(admin::show).post(admin::set).delete(admin::clear));
    // The real server knows paths with their methods, so that a wrong method is a missing path.
    served
        .merge(admin)
        .method_not_allowed_fallback(async || StatusCode::NOT_FOUND)
        .with_state(Arc::clone(app))
}
