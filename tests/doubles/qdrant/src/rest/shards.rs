//! Shard snapshots, the shard stream and partial snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Multipart, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;

use super::reply::{Asked, parse, plain, refuse_plainly, timed};
use super::snapshots::{Params, give, run};
use super::transfer;
use crate::failures::Failure;
use crate::fault::{Fault, Outcome};
use crate::segment::Manifest;
use crate::server::App;
use crate::store::Store;

/// Fails where the shard lies on another node.
fn here(app: &App, store: &Store, name: &str, shard: u32, what: &str) -> Outcome<()> {
    match &app.node {
        Some(node) => node.ensure(store.listed(name)?, shard, what),
        None => Ok(()),
    }
}

pub(super) async fn list(State(app): State<Arc<App>>, Path((name, shard)): Path<(String, u32)>) -> Response {
    timed(|| {
        let store = app.store();
        store.listed(&name)?.shard(shard)?;
        here(&app, &store, &name, shard, "local")?;
        store.list_snapshots(&store.shard_snapshots(&name, shard))
    })
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Path((name, shard)): Path<(String, u32)>,
    Asked(params): Asked<Params>,
) -> Response {
    let node = Arc::clone(&app);
    run(&app, &params, move |store| {
        here(&node, store, &name, shard, "local or queue proxy")?;
        store.take_shard_snapshot(&name, shard)
    })
    .await
}

pub(super) async fn download(
    State(app): State<Arc<App>>,
    Path((name, shard, snapshot)): Path<(String, u32, String)>,
    headers: HeaderMap,
) -> Response {
    let found = Store::find_snapshot(&app.store().shard_snapshots(&name, shard), &snapshot);
    give(&app, found, &headers).await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path((name, shard, snapshot)): Path<(String, u32, String)>,
    Asked(params): Asked<Params>,
) -> Response {
    run(&app, &params, move |store| {
        Store::delete_snapshot(&store.shard_snapshots(&name, shard), &snapshot).map(|()| true)
    })
    .await
}

pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Path((name, shard)): Path<(String, u32)>,
) -> Response {
    streamed(&app, name, shard, None).await
}

pub(super) async fn manifest(
    State(app): State<Arc<App>>,
    Path((name, shard)): Path<(String, u32)>,
) -> Response {
    timed(|| app.store().shard_manifest(&name, shard))
}

pub(super) async fn partial(
    State(app): State<Arc<App>>,
    Path((name, shard)): Path<(String, u32)>,
    body: Bytes,
) -> Response {
    match parse::<BTreeMap<String, Manifest>>(&body) {
        Ok(_) if app.failures.has(&Failure::ChangesFail) => refuse_plainly(&Fault::service("told to fail")),
        Ok(have) => streamed(&app, name, shard, Some(have)).await,
        Err(Fault::Format(text)) => plain(&format!("Json deserialize error: {text}")),
        Err(fault) => refuse_plainly(&fault),
    }
}

async fn streamed(
    app: &Arc<App>,
    name: String,
    shard: u32,
    have: Option<BTreeMap<String, Manifest>>,
) -> Response {
    let file = format!("{name}-shard-{shard}-{}.snapshot", Timestamp::now().strftime("%Y-%m-%d-%H-%M-%S"));
    match app.blocking(move |store| store.stream_shard(&name, shard, have.as_ref())).await {
        Ok(draft) => transfer::stream(draft, &file, &app.failures).await,
        Err(fault) => refuse_plainly(&fault),
    }
}

pub(super) async fn upload(
    state: State<Arc<App>>,
    path: Path<(String, u32)>,
    query: Asked<Params>,
    form: Multipart,
) -> Response {
    recover(state, path, query, form, true).await
}

pub(super) async fn recover_partial(
    state: State<Arc<App>>,
    path: Path<(String, u32)>,
    query: Asked<Params>,
    form: Multipart,
) -> Response {
    recover(state, path, query, form, false).await
}

async fn recover(
    State(app): State<Arc<App>>,
    Path((name, shard)): Path<(String, u32)>,
    Asked(params): Asked<Params>,
    form: Multipart,
    full: bool,
) -> Response {
    let spool = app.store().snapshots.join("tmp/upload");
    let (upload, _) = match transfer::receive(form, &spool).await {
        Ok(received) => received,
        Err(refusal) => return refusal,
    };
    let checksum = params.checksum.clone();
    let node = Arc::clone(&app);
    run(&app, &params, move |store| {
        here(&node, store, &name, shard, "local")?;
        Store::check_upload(&upload, checksum.as_deref())?;
        store.recover_shard(&name, shard, &upload, full)
    })
    .await
}
