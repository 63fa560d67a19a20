//! Talking to the Qdrant of a scratch project, as an application would.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A stack of one server with its data in a named volume.
pub const NAMED: &str = r#"
services:
  qdrant:
    image: "QDRANT_IMAGE"
    command: ["./qdrant"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true" }
    ports: ["127.0.0.1::6333"]
    volumes: ["data:/qdrant/storage"]
volumes:
  data:
"#;

/// A server at an address.
pub struct Qdrant {
    url: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Qdrant {
    /// Waits until the server answers at `host:port`.
    pub fn at(address: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Between two calls nobody would see that the server has closed a connection.
        let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = builder.timeout(Duration::from_secs(30)).build().expect("a client");
        let server = Self { url: format!("http://{address}"), runtime, client };
        let start = Instant::now();
        while server.try_call("GET", "/collections", None).is_none() {
            assert!(start.elapsed() < Duration::from_mins(1), "no Qdrant answers at {address}");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async { request.send().await.ok()?.json().await.ok() })
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_call(method, path, Some(body)).expect("an answer");
        assert_eq!(answer["status"], "ok", "{method} {path}: {answer}");
        answer["result"].clone()
    }

    /// Makes a collection with points `1..=points`.
    pub fn fill(&self, collection: &str, points: u64) {
        self.call(
            "PUT",
            &format!("/collections/{collection}"),
            &json!({ "vectors": { "size": 4, "distance": "Dot" } }),
        );
        let points: Vec<Value> = (1..=points)
            .map(|id| json!({ "id": id, "vector": [id, 1, 0.5, 0.25], "payload": { "n": id } }))
            .collect();
        self.call(
            "PUT",
            &format!("/collections/{collection}/points?wait=true"),
            &json!({ "points": points }),
        );
    }

    pub fn alias(&self, alias: &str, collection: &str) {
        let action = json!({ "create_alias": { "collection_name": collection, "alias_name": alias } });
        self.call("POST", "/collections/aliases", &json!({ "actions": [action] }));
    }

    /// Exact count; `None` when there is no such collection.
    pub fn count(&self, collection: &str) -> Option<u64> {
        let answer = self.try_call(
            "POST",
            &format!("/collections/{collection}/points/count"),
            Some(&json!({ "exact": true })),
        )?;
        answer["result"]["count"].as_u64()
    }

    pub fn delete(&self, collection: &str) {
        self.try_call("DELETE", &format!("/collections/{collection}"), None).expect("an answer");
    }

    /// Names of the snapshots that lie on the server.
    pub fn snapshots(&self, collection: &str) -> Vec<Value> {
        let answer =
            self.try_call("GET", &format!("/collections/{collection}/snapshots"), None).expect("an answer");
        answer["result"].as_array().cloned().unwrap_or_default()
    }
}
