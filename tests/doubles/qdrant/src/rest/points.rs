//! Points: writing, reading, counting.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::reply::{Asked, parse, timed};
use crate::collection::{PayloadChange, Scroll, Selector};
use crate::failures::Failure;
use crate::fault::{Fault, Outcome};
use crate::point::{Payload, Point, PointId, Record, Vector, Vectors, WithPayload, WithVector};
use crate::server::App;

#[derive(Serialize)]
pub(super) struct UpdateResult {
    operation_id: u64,
    status: &'static str,
}

/// Whether the caller waits for an update; the server's default is not to.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Wait {
    #[serde(default)]
    wait: bool,
}

impl Wait {
    /// The answer to an update. The stand-in has always finished, but does not say so to who did not wait.
    pub(super) fn told(self, operation_id: u64) -> UpdateResult {
        UpdateResult { operation_id, status: if self.wait { "completed" } else { "acknowledged" } }
    }
}

#[derive(Deserialize)]
struct PointStruct {
    id: PointId,
    vector: Vectors,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Batch {
    ids: Vec<PointId>,
    vectors: BatchVectors,
    payloads: Option<Vec<Option<Payload>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BatchVectors {
    Unnamed(Vec<Vector>),
    Named(BTreeMap<String, Vec<Vector>>),
}

#[derive(Deserialize)]
struct Upsert {
    points: Option<Vec<PointStruct>>,
    batch: Option<Batch>,
}

impl Upsert {
    fn points(self) -> Outcome<Vec<Point>> {
        if let Some(points) = self.points {
            let made = points.into_iter().map(|point| Point {
                id: point.id,
                version: 0,
                payload: point.payload.unwrap_or_default(),
                vector: point.vector,
            });
            return Ok(made.collect());
        }
        let Some(batch) = self.batch else {
            return Err(Fault::Format("Invalid PointInsertOperations format".into()));
        };
        let named = match batch.vectors {
            BatchVectors::Unnamed(list) => BTreeMap::from([(String::new(), list)]),
            BatchVectors::Named(named) => named,
        };
        if let Some(list) = named.values().find(|list| list.len() != batch.ids.len()) {
            return Err(Fault::body(format!(
                "[batch.batch: number of ids and vectors must be equal ({} != {})]",
                batch.ids.len(),
                list.len()
            )));
        }
        let mut payloads = batch.payloads.unwrap_or_default().into_iter();
        let mut named: Vec<_> = named.into_iter().map(|(name, list)| (name, list.into_iter())).collect();
        let made = batch.ids.into_iter().map(|id| Point {
            id,
            version: 0,
            payload: payloads.next().flatten().unwrap_or_default(),
            vector: Vectors(
                named.iter_mut().filter_map(|(name, list)| Some((name.clone(), list.next()?))).collect(),
            ),
        });
        Ok(made.collect())
    }
}

pub(super) async fn upsert(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    timed(|| {
        let mut points = parse::<Upsert>(&body)?.points()?;
        if app.failures.spend(|f| if let Failure::UpsertFails(left) = f { Some(left) } else { None }) {
            return Err(Fault::service("told to take no more points"));
        }
        if app.failures.has(&Failure::UpsertLoses) && points.len() > 1 {
            points.pop();
        }
        app.store().writable(&name, "Update Points")?.upsert(points).map(|op| wait.told(op))
    })
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    timed(|| {
        let selector = parse(&body)?;
        app.store().writable(&name, "Update Points")?.delete(&selector).map(|op| wait.told(op))
    })
}

#[derive(Deserialize)]
struct SetPayload {
    #[serde(default)]
    payload: Payload,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(flatten)]
    selector: Selector,
}

fn change_payload(app: &App, name: &str, (body, wait): (&Bytes, Wait), change: PayloadChange) -> Response {
    timed(|| {
        let mut request: SetPayload = parse(body)?;
        request.payload.extend(request.keys.into_iter().map(|key| (key, Value::Null)));
        let mut store = app.store();
        let collection = store.writable(name, "Update Payloads")?;
        collection.change_payload(&request.selector, change, &request.payload).map(|op| wait.told(op))
    })
}

pub(super) async fn set_payload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    change_payload(&app, &name, (&body, wait), PayloadChange::Merge)
}

pub(super) async fn replace_payload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    change_payload(&app, &name, (&body, wait), PayloadChange::Replace)
}

pub(super) async fn delete_payload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    change_payload(&app, &name, (&body, wait), PayloadChange::DeleteKeys)
}

pub(super) async fn clear_payload(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    change_payload(&app, &name, (&body, wait), PayloadChange::Clear)
}

#[derive(Deserialize)]
struct UpdateVectors {
    points: Vec<PointVectors>,
}

#[derive(Deserialize)]
struct PointVectors {
    id: PointId,
    vector: Vectors,
}

pub(super) async fn update_vectors(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    timed(|| {
        let request: UpdateVectors = parse(&body)?;
        let changes = request.points.into_iter().map(|point| {
            (point.id, point.vector.0.into_iter().map(|(name, vector)| (name, Some(vector))).collect())
        });
        let mut store = app.store();
        let collection = store.writable(&name, "Update Vectors")?;
        collection.change_vectors(changes.collect()).map(|op| wait.told(op))
    })
}

#[derive(Deserialize)]
struct DeleteVectors {
    points: Vec<PointId>,
    vector: Vec<String>,
}

pub(super) async fn delete_vectors(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Asked(wait): Asked<Wait>,
    body: Bytes,
) -> Response {
    timed(|| {
        let DeleteVectors { points, vector } = parse(&body)?;
        let gone: Vec<_> = vector.into_iter().map(|name| (name, None)).collect();
        let mut store = app.store();
        let collection = store.writable(&name, "Update Vectors")?;
        let changes = points.into_iter().map(|id| (id, gone.clone())).collect();
        collection.change_vectors(changes).map(|op| wait.told(op))
    })
}

#[derive(Deserialize)]
struct Retrieve {
    ids: Vec<PointId>,
    with_payload: Option<WithPayload>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<WithVector>,
}

pub(super) async fn retrieve(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| {
        let request: Retrieve = parse(&body)?;
        let store = app.store();
        let collection = store.readable(&name, "retrieve")?;
        let payload = request.with_payload.unwrap_or(WithPayload::All(false));
        let vector = request.with_vector.unwrap_or(WithVector::All(false));
        collection.check_names(&vector)?;
        let found = request.ids.into_iter().filter_map(|id| collection.get(id));
        Ok(found.map(|point| Record::of(point, &payload, &vector)).collect::<Vec<_>>())
    })
}

pub(super) async fn get_one(
    State(app): State<Arc<App>>,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    timed(|| {
        let parsed = PointId::parse(&id)
            .ok_or_else(|| Fault::bad_input(format!("Can not recognize \"{id}\" as point id")))?;
        let store = app.store();
        let point = store.readable(&name, "retrieve")?.get(parsed);
        let point =
            point.ok_or_else(|| Fault::NotFound(format!("Point with id {parsed} does not exists!")))?;
        Ok(Record::of(point, &WithPayload::All(true), &WithVector::All(true)))
    })
}

#[derive(Deserialize)]
struct Count {
    filter: Option<Value>,
    #[serde(default = "yes")]
    exact: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn count(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| {
        let Count { filter, exact } = parse(&body)?;
        let count = app.store().readable(&name, "count")?.count(filter.as_ref(), exact)?;
        Ok(json!({ "count": count }))
    })
}

#[derive(Serialize)]
struct Page {
    points: Vec<Record>,
    next_page_offset: Option<PointId>,
}

pub(super) async fn scroll(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| {
        let request: Scroll = parse(&body)?;
        if !app.has_slices() && body.windows(7).any(|word| word == b"\"slice\"") {
            return Err(crate::filter::unknown());
        }
        if app.failures.spend(|f| if let Failure::ScrollFails(left) = f { Some(left) } else { None }) {
            return Err(Fault::service("told to give no more points"));
        }
        let (mut points, next_page_offset) = app.store().readable(&name, "Scroll")?.scroll(&request)?;
        if app.failures.has(&Failure::ScrollLoses) {
            points.pop();
        }
        Ok(Page { points, next_page_offset })
    })
}

#[derive(Deserialize)]
struct Facet {
    key: String,
    limit: Option<usize>,
    filter: Option<Value>,
}

pub(super) async fn facet(State(app): State<Arc<App>>, Path(name): Path<String>, body: Bytes) -> Response {
    timed(|| {
        let Facet { key, limit, filter } = parse(&body)?;
        let hits = app.store().readable(&name, "facet")?.facet(&key, filter.as_ref(), limit.unwrap_or(10))?;
        let hits = hits.into_iter().map(|(value, count)| {
            Map::from_iter([("value".to_owned(), value), ("count".to_owned(), count.into())])
        });
        Ok(json!({ "hits": hits.collect::<Vec<_>>() }))
    })
}
