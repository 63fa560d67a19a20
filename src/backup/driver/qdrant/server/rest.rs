//! Requests over HTTP: what only REST has, and what gRPC would do where its port is not reachable.
//!
//! No proxy, no compression (so that lengths are those of the files), and no limit of time that a large collection
//! would run into: a stalled transfer is noticed by who reads it.

mod moving;
mod of;
mod points;

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use super::access::Access;
use super::error::{ApiError, Meaning, Request, Result, Right};
use super::pinned;
use super::placement::Placement;
use crate::backup::driver::qdrant::names::in_url;
use crate::secret::Secret;
pub(crate) use moving::AliasChange;
pub(crate) use of::Of;
pub(crate) use points::{Asked, Scrolled};

/// How long a small question may take. Large collections answer slowly while they are loaded.
const QUESTION: Duration = Duration::from_secs(60);

/// How long an exact count may take, for the server and for us. It reads every id.
pub(crate) const COUNT: Duration = Duration::from_secs(600);

/// What the server says about a snapshot that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Lowercase SHA-256; a server that keeps its snapshots in an object store gives none.
    pub(crate) checksum: Option<String>,
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    keyed: bool,
}

impl Rest {
    pub(crate) fn new(address: &str, access: &Access) -> anyhow::Result<Self> {
        static PROVIDER: Once = Once::new();
        // An error means that there is one already, which is as good.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(key) = &access.key {
            headers.insert("api-key", header(key)?);
        }
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(2))
            .tcp_keepalive(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none());
        let scheme = if access.tls { "https" } else { "http" };
        if let Some(certificate) = &access.certificate {
            builder = builder.tls_backend_preconfigured(pinned::config(certificate)?);
        } else if !access.tls {
            // The system's certificates are not needed then, and reading them takes longer than most requests.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build()?,
            base: format!("{scheme}://{address}"),
            keyed: access.key.is_some(),
        })
    }

    fn request(&self, action: impl Into<String>, right: Right) -> Request {
        Request { action: action.into(), right, keyed: self.keyed }
    }

    /// `path` is encoded already.
    fn to(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// `GET /`, which needs no key. Fails when it is not a Qdrant that answers.
    pub(crate) async fn version(&self) -> Result<String> {
        let request = self.request("ask for the server's version", Right::Read);
        let response = send(&request, self.to(Method::GET, "/").timeout(QUESTION)).await?;
        let value = body(&request, response).await?;
        match (value["title"].as_str(), value["version"].as_str()) {
            (Some(title), Some(version)) if title.contains("qdrant") => Ok(version.to_owned()),
            _ => Err(request.senseless("it is not a Qdrant server")),
        }
    }

    pub(crate) async fn collections(&self) -> Result<Vec<String>> {
        let request = self.request("list the collections", Right::Read);
        let result = answer(&request, self.to(Method::GET, "/collections").timeout(QUESTION)).await?;
        strings(&request, &result["collections"], "name")
    }

    /// The info of a collection, as the server prints it.
    pub(crate) async fn info(&self, collection: &str) -> Result<Value> {
        let request = self.request(format!("read collection `{collection}`"), Right::Read);
        let path = format!("/collections/{}", in_url(collection));
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    /// Alias and collection.
    pub(crate) async fn aliases(&self) -> Result<Vec<(String, String)>> {
        let request = self.request("list the aliases", Right::Read);
        let result = answer(&request, self.to(Method::GET, "/aliases").timeout(QUESTION)).await?;
        let names = strings(&request, &result["aliases"], "alias_name")?;
        let collections = strings(&request, &result["aliases"], "collection_name")?;
        Ok(names.into_iter().zip(collections).collect())
    }

    /// The exact count; `timeout` is passed on to the server, which may forbid that.
    pub(crate) async fn count(&self, collection: &str, timeout: Option<Duration>) -> Result<u64> {
        let request = self.request(format!("count collection `{collection}`"), Right::Read);
        let query = timeout.map_or_else(String::new, |timeout| format!("?timeout={}", timeout.as_secs()));
        let path = format!("/collections/{}/points/count{query}", in_url(collection));
        let builder = self.to(Method::POST, &path).timeout(COUNT).json(&json!({ "exact": true }));
        let result = answer(&request, builder).await?;
        result["count"].as_u64().ok_or_else(|| request.senseless("there is no count in it"))
    }

    /// One page of ids, and where the next one begins.
    pub(crate) async fn ids(&self, collection: &str, limit: u64, offset: &Value) -> Result<(u64, Value)> {
        let request = self.request(format!("count collection `{collection}`"), Right::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let page = json!({ "limit": limit, "offset": offset, "with_payload": false, "with_vector": false });
        let mut result = answer(&request, self.to(Method::POST, &path).timeout(COUNT).json(&page)).await?;
        let points =
            result["points"].as_array().ok_or_else(|| request.senseless("there are no points in it"))?;
        Ok((points.len() as u64, result["next_page_offset"].take()))
    }

    /// One page of whole points, and where the next one begins.
    pub(crate) async fn points(
        &self,
        collection: &str,
        limit: u64,
        filter: Option<&Value>,
    ) -> Result<(Vec<Value>, Value)> {
        let request = self.request(format!("look at points of collection `{collection}`"), Right::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let page = json!({ "limit": limit, "filter": filter, "with_payload": true, "with_vector": true });
        let mut result = answer(&request, self.to(Method::POST, &path).timeout(COUNT).json(&page)).await?;
        match result["points"].take() {
            Value::Array(points) => Ok((points, result["next_page_offset"].take())),
            _ => Err(request.senseless("there are no points in it")),
        }
    }

    pub(crate) async fn telemetry(&self, level: u8) -> Result<Value> {
        let request = self.request("ask for the sizes of the collections", Right::Read);
        let path = format!("/telemetry?details_level={level}");
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    pub(crate) async fn cluster(&self) -> Result<Value> {
        let request = self.request("ask whether the server is part of a cluster", Right::Read);
        answer(&request, self.to(Method::GET, "/cluster").timeout(QUESTION)).await
    }

    /// Waits as long as the server needs.
    pub(crate) async fn create_snapshot(&self, of: Of<'_>) -> Result<Descriptor> {
        let request = self.request(format!("make a snapshot of {of}"), Right::Write);
        let path = format!("{}/snapshots?wait=true", of.path());
        descriptor(&request, &answer(&request, self.to(Method::POST, &path)).await?)
    }

    pub(crate) async fn delete_snapshot(&self, of: Of<'_>, snapshot: &str) -> Result<()> {
        let request = self.request(format!("delete snapshot `{snapshot}` of {of}"), Right::Write);
        let path = format!("{}/snapshots/{}?wait=true", of.path(), in_url(snapshot));
        answer(&request, self.to(Method::DELETE, &path).timeout(COUNT)).await.map(drop)
    }

    /// Begins to download a snapshot at byte `from`. `tag` is that of an earlier answer: a file that has changed since
    /// comes from its beginning again, and the status says so.
    pub(crate) async fn download(
        &self,
        what: Download<'_>,
        from: u64,
        tag: Option<&HeaderValue>,
    ) -> Result<Response> {
        let request = self.request(format!("download the snapshot of {}", what.of), Right::Read);
        let path = format!("{}/snapshots/{}", what.of.path(), in_url(what.snapshot));
        let mut builder = self.to(Method::GET, &path);
        if from > 0 {
            builder = builder.header(RANGE, format!("bytes={from}-"));
            if let Some(tag) = tag {
                builder = builder.header(IF_RANGE, tag);
            }
        }
        send(&request, builder).await
    }

    /// Uploads a snapshot, which becomes the collection or the shard, and waits until it is there. The server compares the
    /// checksum before it touches anything.
    pub(crate) async fn upload(&self, of: Of<'_>, upload: Upload<'_>) -> Result<()> {
        let path = format!(
            "{}/snapshots/upload?wait=true&priority=snapshot&checksum={}",
            of.path(),
            in_url(upload.sha256)
        );
        self.send_file(format!("upload {of}"), &path, upload).await
    }

    async fn send_file(&self, action: String, path: &str, upload: Upload<'_>) -> Result<()> {
        let request = self.request(action, Right::Manage);
        let read = |error: std::io::Error| ApiError::Refused {
            action: format!("read `{}`", upload.file.display()),
            message: error.to_string(),
        };
        let file = tokio::fs::File::open(upload.file).await.map_err(read)?;
        let length = file.metadata().await.map_err(read)?.len();
        let stream = ReaderStream::with_capacity(upload.watch(file), 256 * 1024);
        let part = Part::stream_with_length(Body::wrap_stream(stream), length)
            .file_name(upload.name.to_owned())
            .mime_str("application/octet-stream")
            .expect("it is a media type");
        let builder = self.to(Method::POST, path).multipart(Form::new().part("snapshot", part));
        answer(&request, builder).await.map(drop)
    }

    /// The versions of all files of a shard's segments, which a later difference begins from.
    pub(crate) async fn versions(&self, collection: &str, shard: u32) -> Result<Value> {
        let request =
            self.request(format!("ask for the file versions of collection `{collection}`"), Right::Read);
        let path = format!("/collections/{}/shards/{shard}/snapshot/partial/manifest", in_url(collection));
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    /// Begins to download what has changed in a shard since it had these `versions`; `None` when nothing has.
    pub(crate) async fn difference(
        &self,
        collection: &str,
        shard: u32,
        versions: &Value,
    ) -> Result<Option<Response>> {
        let request =
            self.request(format!("download the changes of collection `{collection}`"), Right::Write);
        let path = format!("/collections/{}/shards/{shard}/snapshot/partial/create", in_url(collection));
        let response = self.to(Method::POST, &path).json(versions).send().await;
        let response = response.map_err(|error| request.unreachable(error.without_url()))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            _ => Err(refusal(&request, response).await),
        }
    }

    /// Puts changes over a shard that has what they were made from, and waits until they are there.
    pub(crate) async fn put_difference(
        &self,
        collection: &str,
        shard: u32,
        upload: Upload<'_>,
    ) -> Result<()> {
        let path = format!(
            "/collections/{}/shards/{shard}/snapshot/partial/recover?wait=true&checksum={}",
            in_url(collection),
            in_url(upload.sha256)
        );
        self.send_file(format!("upload changes of collection `{collection}`"), &path, upload).await
    }

    /// Which nodes have which shards of a collection, as this node knows it.
    pub(crate) async fn placement(&self, collection: &str) -> Result<Placement> {
        let request = self.request(format!("ask where collection `{collection}` lies"), Right::Read);
        let path = format!("/collections/{}/cluster", in_url(collection));
        let told = answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await?;
        Placement::of(&told).ok_or_else(|| request.senseless("the shards are not in it"))
    }

    /// Whether there was one to delete.
    pub(crate) async fn delete_collection(&self, collection: &str) -> Result<bool> {
        let request = self.request(format!("delete collection `{collection}`"), Right::Manage);
        let path = format!("/collections/{}?timeout={}", in_url(collection), QUESTION.as_secs());
        let result = answer(&request, self.to(Method::DELETE, &path).timeout(COUNT)).await?;
        Ok(result.as_bool().unwrap_or(true))
    }

    pub(crate) async fn create_collection(&self, collection: &str, body: &Value) -> Result<()> {
        let request = self.request(format!("create collection `{collection}`"), Right::Manage);
        let path = format!("/collections/{}", in_url(collection));
        answer(&request, self.to(Method::PUT, &path).timeout(COUNT).json(body)).await.map(drop)
    }

    /// `body` is `{field_name, field_schema}`.
    pub(crate) async fn create_index(&self, collection: &str, body: &Value) -> Result<()> {
        let action = format!(
            "index `{}` of collection `{collection}`",
            body["field_name"].as_str().unwrap_or_default()
        );
        let request = self.request(action, Right::Write);
        let path = format!("/collections/{}/index?wait=true", in_url(collection));
        answer(&request, self.to(Method::PUT, &path).timeout(COUNT).json(body)).await.map(drop)
    }

    pub(crate) async fn create_alias(&self, alias: &str, collection: &str) -> Result<()> {
        let request = self.request(format!("create alias `{alias}`"), Right::Manage);
        let action = json!({ "create_alias": { "alias_name": alias, "collection_name": collection } });
        self.change_aliases(&request, &json!({ "actions": [action] })).await
    }

    /// Leads an alias elsewhere in one step, so that it is never missing.
    pub(crate) async fn move_alias(&self, alias: &str, collection: &str) -> Result<()> {
        let request = self.request(format!("move alias `{alias}`"), Right::Manage);
        let actions = json!([
            { "delete_alias": { "alias_name": alias } },
            { "create_alias": { "alias_name": alias, "collection_name": collection } }
        ]);
        self.change_aliases(&request, &json!({ "actions": actions })).await
    }

    async fn change_aliases(&self, request: &Request, body: &Value) -> Result<()> {
        let builder = self.to(Method::POST, "/collections/aliases").timeout(QUESTION).json(body);
        answer(request, builder).await.map(drop)
    }
}

/// Which snapshot of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Download<'a> {
    pub(crate) of: Of<'a>,
    pub(crate) snapshot: &'a str,
}

/// What to upload, and under which file name.
#[derive(Clone, Copy)]
pub(crate) struct Upload<'a> {
    pub(crate) file: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) progress: &'a super::upload::Sent,
}

impl Upload<'_> {
    fn watch(&self, file: tokio::fs::File) -> super::upload::Watch {
        self.progress.watch(file)
    }
}

fn header(key: &Secret) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(key.expose().trim())
        .map_err(|_| anyhow::anyhow!("the API key has letters that no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sends, and turns every status that is no success into an error.
async fn send(request: &Request, builder: RequestBuilder) -> Result<Response> {
    let response = builder.send().await.map_err(|error| request.unreachable(error.without_url()))?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(request, response).await) }
}

async fn refusal(request: &Request, response: Response) -> ApiError {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    request.error(Meaning::of_http(status.as_u16()), &message(status, &text))
}

/// The server's own words: `{"status": {"error": …}}`, or plain text where its middleware answers.
fn message(status: StatusCode, text: &str) -> String {
    let said = serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|value| value["status"]["error"].as_str().map(str::to_owned))
        .unwrap_or_else(|| text.to_owned());
    let said: String = said.chars().filter(|letter| !letter.is_control()).take(500).collect();
    if said.trim().is_empty() { format!("it answered {status}") } else { said }
}

async fn body(request: &Request, response: Response) -> Result<Value> {
    let bytes = response.bytes().await.map_err(|error| request.unreachable(error.without_url()))?;
    serde_json::from_slice(&bytes).map_err(|error| request.senseless(error))
}

/// The `result` of an answer.
async fn answer(request: &Request, builder: RequestBuilder) -> Result<Value> {
    let response = send(request, builder).await?;
    // With `wait=true` an acceptance is no answer.
    if response.status() == StatusCode::ACCEPTED {
        return Err(request.senseless("it puts the work off instead of doing it"));
    }
    let mut value = body(request, response).await?;
    match value.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(request.senseless("there is no result in it")),
    }
}

fn strings(request: &Request, list: &Value, key: &str) -> Result<Vec<String>> {
    let name = |one: &Value| one[key].as_str().map(str::to_owned);
    list.as_array()
        .and_then(|list| list.iter().map(name).collect())
        .ok_or_else(|| request.senseless(format!("there is no list with `{key}` in it")))
}

fn descriptor(request: &Request, value: &Value) -> Result<Descriptor> {
    match (value["name"].as_str(), value["size"].as_u64()) {
        (Some(name), Some(size)) => Ok(Descriptor {
            name: name.to_owned(),
            size,
            checksum: value["checksum"].as_str().map(|sum| sum.trim().to_lowercase()),
        }),
        _ => Err(request.senseless("a snapshot has neither name nor size")),
    }
}

/// What tells one version of a file from another.
pub(crate) fn tag(response: &Response) -> Option<HeaderValue> {
    response.headers().get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).cloned()
}
