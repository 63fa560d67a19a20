//! The server under test, and a client that shows everything an answer holds.

use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use qdrant_double::{Config, Server};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, multipart};
use serde_json::Value;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A directory that goes away with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("qdrant-double-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn config(&self) -> Config {
        Config::below(&self.0)
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One answer, completely read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `result` of an answer that says `ok`.
    pub(crate) fn result(&self) -> Value {
        let mut json = self.json();
        assert_eq!((self.status, &json["status"]), (200, &Value::from("ok")), "{json}");
        json["result"].take()
    }

    /// The status code and the text of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        (
            self.status,
            json["status"]["error"].as_str().unwrap_or_else(|| panic!("no error in {json}")).to_owned(),
        )
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A REST client for one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another test of this process may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: base.into(), headers: HeaderMap::new() }
    }

    pub(crate) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let name: HeaderName = name.parse().unwrap();
        client.headers.insert(name, HeaderValue::from_str(value).unwrap());
        client
    }

    pub(crate) async fn try_send(&self, method: Method, path: &str, body: Body) -> reqwest::Result<Answer> {
        let request = self.http.request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Text(text) => request.body(text),
            Body::File { name, bytes } => request.multipart(
                multipart::Form::new().part("snapshot", multipart::Part::bytes(bytes).file_name(name)),
            ),
        };
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        self.try_send(method, path, body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Body::Json(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Body::Json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Body::Json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::None).await
    }

    pub(crate) async fn upload(&self, path: &str, name: &str, bytes: &[u8]) -> Answer {
        let body = Body::File { name: name.to_owned(), bytes: bytes.to_vec() };
        self.send(Method::POST, path, body).await
    }
}

pub(crate) enum Body {
    None,
    Json(Value),
    Text(String),
    File { name: String, bytes: Vec<u8> },
}

/// The server a contract test talks to: the stand-in in this process, or the real one the environment names.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) grpc: String,
    pub(crate) prefix: String,
    server: Option<(Server, Scratch)>,
}

impl Peer {
    pub(crate) async fn new() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("contract-{}-{number}-", std::process::id());
        if let Some(url) = variable("QDRANT_CONTRACT_URL") {
            let grpc = variable("QDRANT_CONTRACT_GRPC_URL").unwrap_or_default();
            return Self { client: Client::new(url), grpc, prefix, server: None };
        }
        let scratch = Scratch::new();
        let server = Server::start(scratch.config()).await.unwrap();
        let (client, grpc) = (Client::new(server.http_url()), server.grpc_url());
        Self { client, grpc, prefix, server: Some((server, scratch)) }
    }

    /// The name of a collection of this test's own.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Delete what the test has made.
    pub(crate) async fn clean(self) {
        let listed = self.client.get("/collections").await.result();
        for collection in listed["collections"].as_array().unwrap() {
            let name = collection["name"].as_str().unwrap();
            if name.starts_with(&self.prefix) {
                self.client.delete(&format!("/collections/{name}")).await.result();
            }
        }
        if let Some((server, _scratch)) = self.server {
            server.stop().await.unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' own switches")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
