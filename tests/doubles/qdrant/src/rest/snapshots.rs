//! Collection snapshots and full snapshots.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Multipart, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::reply::{Asked, accepted, parse, refuse_plainly, reply, timed};
use super::transfer;
use crate::fault::Outcome;
use crate::server::App;
use crate::snapshots::Source;
use crate::store::Store;

/// Which copy of the data wins. One server alone always takes the snapshot's.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Priority {
    NoSync,
    Snapshot,
    Replica,
}

#[derive(Deserialize)]
pub(super) struct Params {
    wait: Option<bool>,
    #[serde(rename = "priority")]
    _priority: Option<Priority>,
    pub(super) checksum: Option<String>,
}

/// Work on the store and answer when it is done, or at once when the caller will not wait.
pub(super) async fn run<T: Serialize + Send + 'static>(
    app: &Arc<App>,
    params: &Params,
    work: impl FnOnce(&mut Store) -> Outcome<T> + Send + 'static,
) -> Response {
    let begun = Instant::now();
    if params.wait.unwrap_or(true) {
        return reply(begun, app.blocking(work).await);
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(fault) = app.blocking(work).await {
            crate::log(format_args!("ERROR Error processing request: {fault}"));
        }
    });
    accepted(begun)
}

pub(super) async fn list(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    timed(|| {
        let store = app.store();
        store.listed(&name)?;
        store.list_snapshots(&store.collection_snapshots(&name))
    })
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(params): Asked<Params>,
) -> Response {
    run(&app, &params, move |store| store.take_snapshot(&name)).await
}

pub(super) async fn download(
    State(app): State<Arc<App>>,
    Path((name, snapshot)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let found = {
        let store = app.store();
        store.listed(&name).and_then(|_| Store::find_snapshot(&store.collection_snapshots(&name), &snapshot))
    };
    give(&app, found, &headers).await
}

pub(super) async fn give(app: &App, found: Outcome<PathBuf>, headers: &HeaderMap) -> Response {
    match found {
        Ok(path) => transfer::send(&path, headers, &app.failures).await,
        Err(fault) => refuse_plainly(&fault),
    }
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path((name, snapshot)): Path<(String, String)>,
    Asked(params): Asked<Params>,
) -> Response {
    run(&app, &params, move |store| {
        store.listed(&name)?;
        Store::delete_snapshot(&store.collection_snapshots(&name), &snapshot).map(|()| true)
    })
    .await
}

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(params): Asked<Params>,
    form: Multipart,
) -> Response {
    let spool = app.store().snapshots.join("tmp/upload");
    let (upload, file) = match transfer::receive(form, &spool).await {
        Ok(received) => received,
        Err(refusal) => return refusal,
    };
    let checksum = params.checksum.clone();
    run(&app, &params, move |store| {
        Store::check_upload(&upload, checksum.as_deref())?;
        let path = store.keep_upload(&name, &upload, &file)?;
        store.recover(&name, &Source { path, checksum: None })
    })
    .await
}

#[derive(Deserialize)]
struct Recover {
    location: String,
    checksum: Option<String>,
}

pub(super) async fn recover(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(params): Asked<Params>,
    body: Bytes,
) -> Response {
    let request: Recover = match parse(&body) {
        Ok(request) => request,
        Err(fault) => return reply::<()>(Instant::now(), Err(fault)),
    };
    run(&app, &params, move |store| {
        let path = store.locate(&request.location)?;
        store.recover(&name, &Source { path, checksum: request.checksum })
    })
    .await
}

pub(super) async fn list_full(State(app): State<Arc<App>>) -> Response {
    timed(|| {
        let store = app.store();
        store.list_snapshots(&store.snapshots)
    })
}

pub(super) async fn create_full(State(app): State<Arc<App>>, Asked(params): Asked<Params>) -> Response {
    run(&app, &params, Store::take_full_snapshot).await
}

pub(super) async fn download_full(
    State(app): State<Arc<App>>,
    Path(snapshot): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = Store::find_snapshot(&app.store().snapshots, &snapshot);
    give(&app, found, &headers).await
}

pub(super) async fn delete_full(
    State(app): State<Arc<App>>,
    Path(snapshot): Path<String>,
    Asked(params): Asked<Params>,
) -> Response {
    run(&app, &params, move |store| Store::delete_snapshot(&store.snapshots, &snapshot).map(|()| true)).await
}
