//! Requests over HTTP: those that only REST has, and all others if gRPC is not reachable.
//!
//! No proxy, no compression (so that lengths are those of the files), and no timeout for large transfers: their readers
//! notice when they stall.

mod exchange;
mod points;
mod snapshot_target;
mod snapshots;
mod transfer;

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::access::ServerAccess;
use super::error::{ApiRequest, Permission, Result, StatusMeaning};
use super::pinned;
use super::placement::Placement;
use crate::backup::driver::qdrant::names::in_url;
use crate::secret::Secret;
use exchange::{answer, body, send, strings};
pub(crate) use points::{ScrollPage, ScrollRequest};
pub(crate) use snapshot_target::SnapshotTarget;
pub(crate) use snapshots::{Descriptor, Download, Upload, UploadContent, tag};
pub(crate) use transfer::AliasChange;

/// The timeout for a small request. Large collections respond slowly while they are loaded.
const QUESTION: Duration = Duration::from_mins(1);

/// The timeout for an exact count, on both sides. It reads every id.
pub(crate) const COUNT: Duration = Duration::from_mins(10);

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    keyed: bool,
}

impl Rest {
    pub(crate) fn new(address: &str, access: &ServerAccess) -> anyhow::Result<Self> {
        crate::tls::install_provider();
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
            // The system's certificates are not needed, and loading them takes longer than most requests.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build()?,
            base: format!("{scheme}://{address}"),
            keyed: access.key.is_some(),
        })
    }

    fn request(&self, action: impl Into<String>, right: Permission) -> ApiRequest {
        ApiRequest { action: action.into(), right, keyed: self.keyed }
    }

    /// `path` is already encoded.
    fn to(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// `GET /`, which needs no key. Fails if the server is not Qdrant.
    pub(crate) async fn version(&self) -> Result<String> {
        let request = self.request("ask for the server's version", Permission::Read);
        let response = send(&request, self.to(Method::GET, "/").timeout(QUESTION)).await?;
        let value = body(&request, response).await?;
        match (value["title"].as_str(), value["version"].as_str()) {
            (Some(title), Some(version)) if title.contains("qdrant") => Ok(version.to_owned()),
            _ => Err(request.senseless("it is not from a Qdrant server")),
        }
    }

    pub(crate) async fn collections(&self) -> Result<Vec<String>> {
        let request = self.request("list the collections", Permission::Read);
        let result = answer(&request, self.to(Method::GET, "/collections").timeout(QUESTION)).await?;
        strings(&request, &result["collections"], "name")
    }

    /// The info of a collection, as the server reports it.
    pub(crate) async fn info(&self, collection: &str) -> Result<Value> {
        let request = self.request(format!("read collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}", in_url(collection));
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    /// Alias and collection.
    pub(crate) async fn aliases(&self) -> Result<Vec<(String, String)>> {
        let request = self.request("list the aliases", Permission::Read);
        let result = answer(&request, self.to(Method::GET, "/aliases").timeout(QUESTION)).await?;
        let names = strings(&request, &result["aliases"], "alias_name")?;
        let collections = strings(&request, &result["aliases"], "collection_name")?;
        Ok(names.into_iter().zip(collections).collect())
    }

    /// The exact count; `timeout` is passed to the server, which may forbid it.
    pub(crate) async fn count(&self, collection: &str, timeout: Option<Duration>) -> Result<u64> {
        let request = self.request(format!("count collection `{collection}`"), Permission::Read);
        let query = timeout.map_or_else(String::new, |timeout| format!("?timeout={}", timeout.as_secs()));
        let path = format!("/collections/{}/points/count{query}", in_url(collection));
        let builder = self.to(Method::POST, &path).timeout(COUNT).json(&json!({ "exact": true }));
        let result = answer(&request, builder).await?;
        result["count"].as_u64().ok_or_else(|| request.senseless("it has no count"))
    }

    /// One page of ids, and the start of the next page.
    pub(crate) async fn ids(&self, collection: &str, limit: u64, offset: &Value) -> Result<(u64, Value)> {
        let request = self.request(format!("count collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let page = json!({ "limit": limit, "offset": offset, "with_payload": false, "with_vector": false });
        let mut result = answer(&request, self.to(Method::POST, &path).timeout(COUNT).json(&page)).await?;
        let points = result["points"].as_array().ok_or_else(|| request.senseless("it has no points"))?;
        Ok((points.len() as u64, result["next_page_offset"].take()))
    }

    /// One page of complete points, and the start of the next page.
    pub(crate) async fn points(
        &self,
        collection: &str,
        limit: u64,
        filter: Option<&Value>,
    ) -> Result<(Vec<Value>, Value)> {
        let request = self.request(format!("sample collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/points/scroll", in_url(collection));
        let page = json!({ "limit": limit, "filter": filter, "with_payload": true, "with_vector": true });
        let mut result = answer(&request, self.to(Method::POST, &path).timeout(COUNT).json(&page)).await?;
        match result["points"].take() {
            Value::Array(points) => Ok((points, result["next_page_offset"].take())),
            _ => Err(request.senseless("it has no points")),
        }
    }

    pub(crate) async fn telemetry(&self, level: u8) -> Result<Value> {
        let request = self.request("ask for the sizes of the collections", Permission::Read);
        let path = format!("/telemetry?details_level={level}");
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    pub(crate) async fn cluster(&self) -> Result<Value> {
        let request = self.request("ask whether the server is part of a cluster", Permission::Read);
        answer(&request, self.to(Method::GET, "/cluster").timeout(QUESTION)).await
    }

    /// Which nodes have which shards of a collection, according to this node.
    pub(crate) async fn placement(&self, collection: &str) -> Result<Placement> {
        let request =
            self.request(format!("ask for the shards of collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/cluster", in_url(collection));
        let report = answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await?;
        Placement::of(&report).ok_or_else(|| request.senseless("it has no shards"))
    }

    /// Returns whether it existed.
    pub(crate) async fn delete_collection(&self, collection: &str) -> Result<bool> {
        let request = self.request(format!("delete collection `{collection}`"), Permission::Manage);
        let path = format!("/collections/{}?timeout={}", in_url(collection), QUESTION.as_secs());
        let result = answer(&request, self.to(Method::DELETE, &path).timeout(COUNT)).await?;
        Ok(result.as_bool().unwrap_or(true))
    }

    pub(crate) async fn create_collection(&self, collection: &str, body: &Value) -> Result<()> {
        let request = self.request(format!("create collection `{collection}`"), Permission::Manage);
        let path = format!("/collections/{}", in_url(collection));
        answer(&request, self.to(Method::PUT, &path).timeout(COUNT).json(body)).await.map(drop)
    }

    /// `body` is `{field_name, field_schema}`.
    pub(crate) async fn create_index(&self, collection: &str, body: &Value) -> Result<()> {
        let action = format!(
            "index `{}` of collection `{collection}`",
            body["field_name"].as_str().unwrap_or_default()
        );
        let request = self.request(action, Permission::Write);
        let path = format!("/collections/{}/index?wait=true", in_url(collection));
        answer(&request, self.to(Method::PUT, &path).timeout(COUNT).json(body)).await.map(drop)
    }

    pub(crate) async fn create_alias(&self, alias: &str, collection: &str) -> Result<()> {
        let request = self.request(format!("create alias `{alias}`"), Permission::Manage);
        let action = json!({ "create_alias": { "alias_name": alias, "collection_name": collection } });
        self.change_aliases(&request, &json!({ "actions": [action] })).await
    }

    /// Moves an alias in one step, so that it always exists.
    pub(crate) async fn move_alias(&self, alias: &str, collection: &str) -> Result<()> {
        let request = self.request(format!("move alias `{alias}`"), Permission::Manage);
        let actions = json!([
            { "delete_alias": { "alias_name": alias } },
            { "create_alias": { "alias_name": alias, "collection_name": collection } }
        ]);
        self.change_aliases(&request, &json!({ "actions": actions })).await
    }

    async fn change_aliases(&self, request: &ApiRequest, body: &Value) -> Result<()> {
        let builder = self.to(Method::POST, "/collections/aliases").timeout(QUESTION).json(body);
        answer(request, builder).await.map(drop)
    }
}

fn header(key: &Secret) -> anyhow::Result<HeaderValue> {
    let mut value = HeaderValue::from_str(key.expose().trim())
        .map_err(|_| anyhow::anyhow!("the API key has characters that a header cannot contain"))?;
    value.set_sensitive(true);
    Ok(value)
}
