//! What the stand-in keeps on disk, and who may ask it.

use qdrant_double::Server;
use serde_json::{Value, json};

use crate::peer::{Client, Scratch};

async fn fill(client: &Client, count: u64) {
    client.put("/collections/c", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await.result();
    for id in 0..count {
        let points = json!({ "points": [{ "id": id, "vector": [id], "payload": { "n": id } }] });
        client.put("/collections/c/points?wait=true", points).await.result();
    }
    client.post("/collections/c/points/delete?wait=true", json!({ "points": [0] })).await.result();
    let alias = json!({ "actions": [{ "create_alias": { "collection_name": "c", "alias_name": "a" } }] });
    client.post("/collections/aliases", alias).await.result();
}

async fn everything(client: &Client) -> Value {
    let scroll = json!({ "limit": 1000, "with_vector": true });
    json!({
        "points": client.post("/collections/c/points/scroll", scroll).await.result(),
        "aliases": client.get("/aliases").await.result(),
        "config": client.get("/collections/c").await.result()["config"],
    })
}

async fn counter(client: &Client) -> u64 {
    let told = client.get("/telemetry?details_level=10").await.result();
    let shard = &told["collections"]["collections"][0]["shards"][0]["local"];
    shard["update_queue"]["op_num"].as_u64().expect("a number")
}

/// As on the real server: it is saved with every 64th write only, and the log that is replayed does not count.
#[tokio::test]
async fn the_counter_goes_back_at_a_start_and_stands_until_the_next_write() {
    let scratch = Scratch::new();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    fill(&client, 70).await;
    assert_eq!(counter(&client).await, 71);
    server.kill().await;
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(counter(&client).await, 65);
    client.post("/collections/c/points/delete?wait=true", json!({ "points": [1] })).await.result();
    assert_eq!(counter(&client).await, 72);
    server.kill().await;
}

#[tokio::test]
async fn data_survives_a_kill_and_a_stop() {
    let scratch = Scratch::new();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    fill(&client, 10).await;
    let before = everything(&client).await;
    let peer = client.get("/collections/c/cluster").await.result()["peer_id"].clone();
    server.kill().await;

    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(everything(&client).await, before);
    assert_eq!(client.get("/collections/c/cluster").await.result()["peer_id"], peer);
    server.stop().await.unwrap();

    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(everything(&client).await, before);
    server.kill().await;

    std::fs::remove_dir_all(scratch.path().join("storage")).unwrap();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(client.get("/collections").await.result(), json!({ "collections": [] }));
    server.kill().await;
}

#[tokio::test]
async fn the_layout_is_the_known_one() {
    let scratch = Scratch::new();
    let server = Server::start(scratch.config()).await.unwrap();
    fill(&Client::new(server.http_url()), 3).await;
    server.stop().await.unwrap();
    let storage = scratch.path().join("storage");
    for file in [
        "raft_state.json",
        "aliases/data.json",
        "collections/c/config.json",
        "collections/c/version.info",
        "collections/c/payload_index.json",
        "collections/c/0/replica_state.json",
        "collections/c/0/shard_config.json",
        "collections/c/0/wal/open-1",
    ] {
        assert!(storage.join(file).is_file(), "{file}");
    }
    for segment in std::fs::read_dir(storage.join("collections/c/0/segments")).unwrap() {
        let segment = segment.unwrap().path();
        for file in ["segment.json", "version.info", "mutable_id_tracker.mappings"] {
            assert!(segment.join(file).is_file(), "{file}");
        }
    }

    // Without its configuration a collection is passed over; without its version a segment is deleted.
    std::fs::rename(storage.join("collections/c/config.json"), storage.join("kept")).unwrap();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(client.get("/collections").await.result(), json!({ "collections": [] }));
    server.stop().await.unwrap();
    std::fs::rename(storage.join("kept"), storage.join("collections/c/config.json")).unwrap();
    for segment in std::fs::read_dir(storage.join("collections/c/0/segments")).unwrap() {
        std::fs::remove_file(segment.unwrap().path().join("version.info")).unwrap();
    }
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    assert_eq!(client.post("/collections/c/points/count", json!({})).await.result(), json!({ "count": 0 }));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn keys_open_what_they_should() {
    let scratch = Scratch::new();
    let mut config = scratch.config();
    config.api_key = Some("geheim".into());
    config.read_only_api_key = Some("looker".into());
    let server = Server::start(config).await.unwrap();
    let nobody = Client::new(server.http_url());
    let manager = nobody.with_header("api-key", "geheim");
    let bearer = nobody.with_header("authorization", "Bearer geheim");
    let reader = nobody.with_header("api-key", "looker");
    fill(&manager, 2).await;
    for path in ["/", "/healthz", "/livez", "/readyz"] {
        assert_eq!(nobody.get(path).await.status, 200, "{path}");
    }
    let refused = nobody.get("/collections").await;
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (401, "Must provide an API key or an Authorization bearer token")
    );
    assert_eq!(bearer.get("/collections").await.status, 200);
    assert_eq!(reader.get("/collections/c/snapshots").await.status, 200);
    assert_eq!(reader.post("/collections/c/points/count", json!({})).await.status, 200);
    let forbidden = (403, "Forbidden: Global manage access is required".to_owned());
    assert_eq!(reader.post("/collections/c/snapshots", json!({})).await.error(), forbidden);
    assert_eq!(reader.get("/collections/c/shards/0/snapshot").await.error(), forbidden);
    assert_eq!(reader.upload("/collections/d/snapshots/upload", "r", b"").await.error(), forbidden);
    assert_eq!(reader.delete("/collections/c").await.error(), forbidden);

    let grpc = qdrant_client::Qdrant::from_url(&server.grpc_url()).skip_compatibility_check();
    let refused = grpc.clone().build().unwrap().list_collections().await.unwrap_err().to_string();
    assert!(refused.contains("Must provide an API key"), "{refused}");
    let allowed = grpc.clone().api_key("looker").build().unwrap();
    assert_eq!(allowed.list_collections().await.unwrap().collections.len(), 1);
    let refused = allowed.create_snapshot("c").await.unwrap_err().to_string();
    assert!(refused.contains("Global manage access is required"), "{refused}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_unusable_storage_is_reported_in_the_servers_words() {
    let scratch = Scratch::new();
    // A file where the directory should be fails for root as well.
    std::fs::write(scratch.path().join("storage"), b"").unwrap();
    let error = Server::start(scratch.config()).await.unwrap_err().to_string();
    assert!(error.starts_with("Service internal error: Failed to write file: "), "{error}");
    assert!(error.contains("at path \"") && error.ends_with("/.atomicwrite\""), "{error}");
}

/// The stand-in reads only its own archives, and says so instead of pretending.
#[tokio::test]
async fn a_real_archive_is_refused() {
    let scratch = Scratch::new();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/qdrant/receitas.snapshot");
    let archive = std::fs::read(path).unwrap();
    let (status, text) = client.upload("/collections/c/snapshots/upload", "r", &archive).await.error();
    assert!(status == 500 && text.contains("was not written by this stand-in"), "{text}");
    assert_eq!(client.get("/collections").await.result(), json!({ "collections": [] }));
    server.stop().await.unwrap();
}
