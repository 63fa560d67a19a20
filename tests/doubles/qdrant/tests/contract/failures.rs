//! Every failure the stand-in can be told, each seen to happen and to end.

use std::time::{Duration, Instant};

use qdrant_double::{Failure, Failures, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::peer::{Body, Client, Scratch};

struct Rig {
    server: Server,
    client: Client,
    scratch: Scratch,
}

impl Rig {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let server = Server::start(scratch.config()).await.unwrap();
        let client = Client::new(server.http_url());
        client.put("/collections/c", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await.result();
        let points: Vec<_> = (0..500).map(|id| json!({ "id": id, "vector": [id] })).collect();
        client.put("/collections/c/points?wait=true", json!({ "points": points })).await.result();
        Self { server, client, scratch }
    }

    async fn take(&self) -> Value {
        self.client.send(Method::POST, "/collections/c/snapshots", Body::None).await.result()
    }

    async fn count(&self, name: &str) -> Value {
        let path = format!("/collections/{name}/points/count");
        self.client.post(&path, json!({ "exact": true })).await.result()["count"].take()
    }

    /// Tell over the network, as someone outside the process would.
    async fn tell(&self, list: &str) {
        let answer = self.client.send(Method::POST, "/__double/fail", Body::Text(list.to_owned())).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    async fn restart(self) -> Self {
        self.server.stop().await.unwrap();
        let server = Server::start(self.scratch.config()).await.unwrap();
        Self { client: Client::new(server.http_url()), server, scratch: self.scratch }
    }
}

#[tokio::test]
async fn connections_are_refused() {
    let rig = Rig::new().await;
    rig.server.failures().set(vec![Failure::Refuse]);
    assert!(rig.client.try_send(Method::GET, "/", Body::None).await.is_err(), "the open connection is reset");
    assert!(Client::new(rig.server.http_url()).try_send(Method::GET, "/", Body::None).await.is_err());
    let grpc =
        qdrant_client::Qdrant::from_url(&rig.server.grpc_url()).skip_compatibility_check().build().unwrap();
    assert!(grpc.health_check().await.is_err());
    rig.server.failures().set(Vec::new());
    assert_eq!(rig.client.get("/").await.status, 200);
}

#[tokio::test]
async fn answers_are_late() {
    let rig = Rig::new().await;
    rig.tell("stall:0.3").await;
    let begun = Instant::now();
    rig.client.get("/collections").await.result();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    rig.client.delete("/__double/fail").await;
    let begun = Instant::now();
    rig.client.get("/collections").await.result();
    assert!(begun.elapsed() < Duration::from_millis(300));
}

#[tokio::test]
async fn downloads_are_spoilt() {
    let rig = Rig::new().await;
    let taken = rig.take().await;
    let path = format!("/collections/c/snapshots/{}", taken["name"].as_str().unwrap());
    let client = rig.client.with_header("accept-encoding", "identity");
    let good = client.get(&path).await.body;

    rig.tell("cut-download:2000").await;
    assert!(client.try_send(Method::GET, &path, Body::None).await.is_err(), "the connection breaks off");
    let rest = client.with_header("range", "bytes=2000-").try_send(Method::GET, &path, Body::None).await;
    assert!(rest.is_err());

    rig.tell("cut-download-quietly:2000").await;
    let short = client.get(&path).await;
    assert_eq!((short.status, short.header("content-length"), short.body.len()), (200, Some("2000"), 2000));

    rig.tell("flip-download").await;
    let flipped = client.get(&path).await.body;
    let differing: Vec<_> = good.iter().zip(&flipped).filter(|(a, b)| a != b).collect();
    assert_eq!((flipped.len(), differing.len()), (good.len(), 1));
    assert_eq!((differing[0].0 ^ differing[0].1).count_ones(), 1);

    rig.tell("stall-download:0.3").await;
    let begun = Instant::now();
    assert!(client.get(&path).await.body == good);
    assert!(begun.elapsed() >= Duration::from_millis(300));

    rig.tell("").await;
    assert!(client.get(&path).await.body == good);
}

#[tokio::test]
async fn descriptions_lie() {
    let rig = Rig::new().await;
    let honest = rig.take().await;
    rig.tell("wrong-checksum").await;
    let listed = rig.client.get("/collections/c/snapshots").await.result();
    assert_eq!(listed[0]["name"], honest["name"]);
    assert_ne!(listed[0]["checksum"], honest["checksum"]);
    assert_eq!(listed[0]["checksum"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn snapshots_and_uploads_fail() {
    let rig = Rig::new().await;
    let taken = rig.take().await;
    let archive =
        rig.client.get(&format!("/collections/c/snapshots/{}", taken["name"].as_str().unwrap())).await.body;
    rig.tell("snapshot-500,upload-500").await;
    let failed = rig.client.post("/collections/c/snapshots", json!({})).await.error();
    assert_eq!(failed, (500, "Service internal error: No space left on device (os error 28)".to_owned()));
    let upload = "/collections/d/snapshots/upload?wait=true";
    assert_eq!(rig.client.upload(upload, "r", &archive).await.error().0, 500);
    assert_eq!(rig.client.get("/collections/d").await.status, 404);

    rig.tell("upload-empty").await;
    assert_eq!(rig.client.upload(upload, "r", &archive).await.result(), true);
    assert_eq!(rig.count("d").await, 0);
    rig.tell("").await;
    assert_eq!(rig.client.upload(upload, "r", &archive).await.result(), true);
    assert_eq!(rig.count("d").await, 500);
}

#[tokio::test]
async fn a_point_is_written_behind_the_back() {
    let rig = Rig::new().await;
    rig.tell("count-changes").await;
    rig.take().await;
    assert_eq!(rig.count("c").await, 501);
    rig.tell("").await;
    rig.take().await;
    assert_eq!(rig.count("c").await, 501);
}

#[tokio::test]
async fn collections_sicken() {
    let rig = Rig::new().await;
    rig.tell("red:c").await;
    let info = rig.client.get("/collections/c").await.result();
    assert_eq!((&info["status"], info["optimizer_status"]["error"].is_string()), (&json!("red"), true));

    rig.tell("unreadable:c").await;
    assert_eq!(rig.client.get("/collections").await.result(), json!({ "collections": [{ "name": "c" }] }));
    let (status, text) =
        rig.client.post("/collections/c/points/count", json!({ "exact": true })).await.error();
    assert_eq!(status, 500);
    let head = "Service internal error: 1 of 1 read operations failed:\n  Service internal error: Failed to count,  ";
    assert!(text.starts_with(head), "{text}");
    let (_, text) = rig.client.send(Method::POST, "/collections/c/snapshots", Body::None).await.error();
    assert!(text.starts_with("Service internal error: Failed to get_snapshot_creator,  "), "{text}");
    let shards = rig.client.get("/collections/c/cluster").await.result();
    assert_eq!(shards["local_shards"][0]["points_count"], 0);
    assert_eq!(rig.client.get("/collections/c").await.status, 500);
    let told = rig.client.get("/telemetry?details_level=10").await.result();
    let local = &told["collections"]["collections"][0]["shards"][0]["local"];
    assert_eq!((&local["variant_name"], &local["status"]), (&json!("dummy shard"), &json!("green")));

    rig.tell("").await;
    assert_eq!(rig.client.get("/collections/c").await.result()["status"], "green");
}

#[tokio::test]
async fn collections_and_storages_are_lost() {
    let rig = Rig::new().await;
    rig.client.put("/collections/d", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await.result();
    rig.tell("lose-collection:c").await;
    assert_eq!(rig.client.get("/collections/c").await.status, 404);
    let rig = rig.restart().await;
    assert_eq!(rig.client.get("/collections").await.result(), json!({ "collections": [{ "name": "d" }] }));
    rig.server.fail("lose-on-restart").unwrap();
    assert_eq!(rig.client.get("/collections/d").await.status, 200);
    let rig = rig.restart().await;
    assert_eq!(rig.client.get("/collections").await.result(), json!({ "collections": [] }));
}

#[tokio::test]
async fn the_start_is_slow() {
    let scratch = Scratch::new();
    let mut config = scratch.config();
    config.failures = Failures::parse("slow-start:0.3").unwrap();
    let begun = Instant::now();
    let server = Server::start(config).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nonsense_is_not_accepted() {
    let rig = Rig::new().await;
    let answer = rig.client.send(Method::POST, "/__double/fail", Body::Text("nonsense".into())).await;
    assert_eq!((answer.status, answer.text().as_str()), (400, "unknown failure `nonsense`\n"));
}
