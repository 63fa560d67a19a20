//! Snapshots, whole and partial, on either server.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::peer::{Body, Peer};

/// A collection of `count` points in `name`; gives its path.
async fn filled(peer: &Peer, name: &str, count: u64) -> String {
    let path = format!("/collections/{}", peer.name(name));
    let body = json!({ "vectors": { "texto": { "size": 4, "distance": "Cosine" } }, "sparse_vectors": { "termos": {} } });
    peer.client.put(&path, body).await.result();
    let schema = json!({ "field_name": "k", "field_schema": "keyword" });
    peer.client.put(&format!("{path}/index?wait=true"), schema).await.result();
    let points: Vec<_> = (0..count)
        .map(|id| {
            json!({ "id": id, "payload": { "k": "a", "n": id, "big": u64::MAX },
                "vector": { "texto": [id, 1, 2, 3], "termos": { "indices": [id], "values": [0.5] } } })
        })
        .collect();
    peer.client.put(&format!("{path}/points?wait=true"), json!({ "points": points })).await.result();
    path
}

async fn points(peer: &Peer, path: &str) -> Value {
    let body = json!({ "limit": 1000, "with_vector": true });
    peer.client.post(&format!("{path}/points/scroll"), body).await.result()["points"].take()
}

async fn count(peer: &Peer, path: &str) -> Value {
    peer.client.post(&format!("{path}/points/count"), json!({ "exact": true })).await.result()["count"].take()
}

/// Take a snapshot of `path` and download it; gives its description and its bytes.
async fn snapshot(peer: &Peer, path: &str) -> (Value, Vec<u8>) {
    let taken = peer.client.send(Method::POST, &format!("{path}/snapshots"), Body::None).await.result();
    let name = taken["name"].as_str().unwrap();
    let download = peer.client.get(&format!("{path}/snapshots/{name}")).await;
    assert_eq!(download.status, 200);
    (taken, download.body)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[tokio::test]
async fn a_snapshot_brings_everything_back() {
    let peer = Peer::new().await;
    let path = filled(&peer, "whole", 30).await;
    let copy = format!("/collections/{}", peer.name("copy"));
    let (taken, archive) = snapshot(&peer, &path).await;
    assert_eq!(taken["size"], archive.len());
    assert_eq!(taken["checksum"], digest(&archive));
    let listed = peer.client.get(&format!("{path}/snapshots")).await.result();
    assert_eq!(listed, json!([taken]));

    // What is written after the snapshot is not in it.
    peer.client.post(&format!("{path}/points/delete?wait=true"), json!({ "points": [1] })).await.result();
    let upload = format!("{copy}/snapshots/upload?wait=true&priority=snapshot&checksum={}", digest(&archive));
    assert_eq!(peer.client.upload(&upload, "r.snapshot", &archive).await.result(), true);
    assert_eq!((count(&peer, &path).await, count(&peer, &copy).await), (json!(29), json!(30)));
    let restored = points(&peer, &copy).await;
    let originals = points(&peer, &path).await;
    for original in originals.as_array().unwrap() {
        assert!(restored.as_array().unwrap().contains(original), "{original}");
    }
    let info = peer.client.get(&copy).await.result();
    assert_eq!(info["payload_schema"], json!({ "k": { "data_type": "keyword", "points": 30 } }));
    let original = peer.client.get(&path).await.result();
    assert_eq!(info["config"], original["config"]);

    let left: Vec<Value> =
        serde_json::from_value(peer.client.get(&format!("{copy}/snapshots")).await.result()).unwrap();
    assert_eq!((left.len(), &left[0]["name"], left[0].get("checksum")), (1, &json!("r.snapshot"), None));
    assert_eq!(peer.client.delete(&format!("{copy}/snapshots/r.snapshot")).await.result(), true);
    let again = peer.client.delete(&format!("{copy}/snapshots/r.snapshot")).await.error();
    assert_eq!(again, (404, "Not found: Snapshot r.snapshot not found".to_owned()));

    // Over an existing collection, what stood there is replaced.
    let upload = format!("{path}/snapshots/upload?wait=true&priority=snapshot");
    assert_eq!(peer.client.upload(&upload, "r.snapshot", &archive).await.result(), true);
    assert_eq!(points(&peer, &path).await, restored);
    peer.clean().await;
}

#[tokio::test]
async fn the_archive_has_the_known_layout() {
    let peer = Peer::new().await;
    let path = filled(&peer, "layout", 5).await;
    let (_, archive) = snapshot(&peer, &path).await;
    assert_eq!(&archive[archive.len() - 1024..], &[0; 1024], "the outer archive ends with two blocks");
    let mut names = Vec::new();
    let mut sparse = 0;
    let mut tar = tar::Archive::new(archive.as_slice());
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        sparse += usize::from(entry.header().entry_type() == tar::EntryType::GNUSparse);
        if name.starts_with("0/segments/") {
            let mut inner = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut inner).unwrap();
            assert_ne!(&inner[inner.len() - 512..], &[0; 512], "a segment has no end-of-archive block");
            let mut last = String::new();
            for entry in tar::Archive::new(inner.as_slice()).entries().unwrap() {
                let entry = entry.unwrap();
                sparse += usize::from(entry.header().entry_type() == tar::EntryType::GNUSparse);
                last = entry.path().unwrap().to_string_lossy().into_owned();
                assert!(last.starts_with("snapshot/files/"), "{last}");
            }
            assert_eq!(last, "snapshot/files/version.info");
        }
        names.push(name);
    }
    assert!(sparse > 0, "preallocated files are sparse");
    assert!(names[0].starts_with("0/segments/") && names[1].starts_with("0/segments/"), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("0/wal/")), "{names:?}");
    let last = [
        "0/replica_state.json",
        "0/shard_config.json",
        "version.info",
        "config.json",
        "shard_key_mapping.json",
        "payload_index.json",
    ];
    assert_eq!(names[names.len() - last.len()..], last);
    peer.clean().await;
}

#[tokio::test]
async fn broken_archives_are_refused_and_leave_nothing() {
    let peer = Peer::new().await;
    let path = filled(&peer, "sound", 5).await;
    let (_, archive) = snapshot(&peer, &path).await;
    let copy = format!("/collections/{}", peer.name("broken"));
    let upload = format!("{copy}/snapshots/upload?wait=true&priority=snapshot");
    let zero = "0".repeat(64);
    let refused =
        peer.client.upload(&format!("{upload}&checksum={zero}"), "r.snapshot", &archive).await.error();
    assert_eq!(refused, (400, format!("Checksum mismatch: expected {}, actual {zero}", digest(&archive))));
    let (status, text) =
        peer.client.upload(&upload, "r.snapshot", &archive[..archive.len() / 2]).await.error();
    assert_eq!(status, 500);
    assert!(text.starts_with("Service internal error: File IO error: failed to unpack `"), "{text}");
    let (status, text) =
        peer.client.upload(&upload, "r.snapshot", &b"not a tar archive".repeat(99)).await.error();
    let beginning = "Service internal error: File IO error: Malformed tar archive, reached unknown entry";
    assert!(status == 500 && text.starts_with(beginning), "{text}");
    let (status, text) = peer.client.upload(&upload, "r.snapshot", b"").await.error();
    assert!(status == 500 && text.contains("config.json`: No such file or directory"), "{text}");
    let (status, _) =
        peer.client.upload(&format!("{upload}&priority=nonsense"), "r.snapshot", b"").await.error();
    assert_eq!(status, 400);
    assert_eq!(peer.client.get(&format!("{copy}/exists")).await.result(), json!({ "exists": false }));
    peer.clean().await;
}

#[tokio::test]
async fn an_incompatible_collection_is_not_replaced() {
    let peer = Peer::new().await;
    let path = filled(&peer, "source", 5).await;
    let (_, archive) = snapshot(&peer, &path).await;
    let other = format!("/collections/{}", peer.name("other"));
    peer.client.put(&other, json!({ "vectors": { "size": 9, "distance": "Dot" } })).await.result();
    let (status, text) =
        peer.client.upload(&format!("{other}/snapshots/upload?wait=true"), "r", &archive).await.error();
    assert_eq!(status, 400);
    assert!(text.starts_with("Wrong input: Snapshot is not compatible with existing collection"), "{text}");
    assert_eq!(peer.client.get(&other).await.result()["config"]["params"]["vectors"]["size"], 9);
    peer.clean().await;
}

#[tokio::test]
async fn a_download_can_be_resumed() {
    let peer = Peer::new().await;
    let path = filled(&peer, "resumed", 5).await;
    let (taken, archive) = snapshot(&peer, &path).await;
    let file = format!("{path}/snapshots/{}", taken["name"].as_str().unwrap());
    let whole = peer.client.with_header("accept-encoding", "identity").get(&file).await;
    assert_eq!(whole.header("content-length"), Some(archive.len().to_string().as_str()));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let etag = whole.header("etag").unwrap().to_owned();
    let rest = peer.client.with_header("range", "bytes=1000-").get(&file).await;
    assert_eq!((rest.status, rest.header("etag")), (206, Some(etag.as_str())));
    let range = format!("bytes 1000-{}/{}", archive.len() - 1, archive.len());
    assert_eq!(rest.header("content-range"), Some(range.as_str()));
    assert!(rest.body == archive[1000..]);
    let beyond = peer.client.with_header("range", &format!("bytes={}-", archive.len())).get(&file).await;
    assert_eq!(beyond.status, 416);
    let missing = peer.client.get(&format!("{path}/snapshots/nope")).await;
    assert_eq!((missing.status, missing.text()), (404, "Not found: Snapshot nope not found".to_owned()));
    peer.clean().await;
}

#[tokio::test]
async fn without_waiting_the_snapshot_appears_later() {
    let peer = Peer::new().await;
    let path = filled(&peer, "later", 5).await;
    let taken = peer.client.send(Method::POST, &format!("{path}/snapshots?wait=false"), Body::None).await;
    assert_eq!((taken.status, &taken.json()["status"]), (202, &json!("accepted")));
    assert!(taken.json().get("result").is_none());
    for _ in 0..100 {
        if peer.client.get(&format!("{path}/snapshots")).await.result() != json!([]) {
            return peer.clean().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the snapshot did not appear");
}

#[tokio::test]
async fn snapshots_survive_their_collection() {
    let peer = Peer::new().await;
    let path = filled(&peer, "mortal", 5).await;
    let (taken, _) = snapshot(&peer, &path).await;
    peer.client.delete(&path).await.result();
    assert_eq!(peer.client.get(&format!("{path}/snapshots")).await.status, 404);
    peer.client.put(&path, json!({ "vectors": { "size": 1, "distance": "Dot" } })).await.result();
    assert_eq!(peer.client.get(&format!("{path}/snapshots")).await.result(), json!([taken]));
    peer.clean().await;
}

/// Manifest, full snapshot, changes, partial snapshot; restored in that order, the changes are there.
#[tokio::test]
async fn a_partial_snapshot_holds_the_changes() {
    let peer = Peer::new().await;
    let path = filled(&peer, "changing", 40).await;
    let copy = format!("/collections/{}", peer.name("followed"));
    let manifest_path = format!("{path}/shards/0/snapshot/partial/manifest");
    let create_path = format!("{path}/shards/0/snapshot/partial/create");
    // A snapshot flushes: the manifest of a flushed shard is stable.
    snapshot(&peer, &path).await;
    let manifest = peer.client.get(&manifest_path).await.result();
    let (_, archive) = snapshot(&peer, &path).await;
    let unchanged = peer.client.post(&create_path, manifest.clone()).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));

    let change = json!({ "payload": { "changed": true }, "points": [3] });
    peer.client.post(&format!("{path}/points/payload?wait=true"), change).await.result();
    peer.client.post(&format!("{path}/points/delete?wait=true"), json!({ "points": [4] })).await.result();
    let fresh = json!({ "points": [{ "id": 1000, "vector": { "texto": [1, 0, 0, 0] } }] });
    peer.client.put(&format!("{path}/points?wait=true"), fresh).await.result();
    let partial = peer.client.post(&create_path, manifest).await;
    assert_eq!((partial.status, partial.header("content-length")), (200, None));
    let mut last = String::new();
    for entry in tar::Archive::new(partial.body.as_slice()).entries().unwrap() {
        last = entry.unwrap().path().unwrap().to_string_lossy().into_owned();
    }
    assert_eq!(last, "shard_config.json");

    let upload = format!("{copy}/snapshots/upload?wait=true&priority=snapshot");
    peer.client.upload(&upload, "r.snapshot", &archive).await.result();
    assert_eq!(count(&peer, &copy).await, 40);
    let recover = format!("{copy}/shards/0/snapshot/partial/recover?wait=true");
    assert_eq!(peer.client.upload(&recover, "p.tar", &partial.body).await.result(), Value::Null);
    assert_eq!(points(&peer, &copy).await, points(&peer, &path).await);
    assert_eq!(count(&peer, &copy).await, 40);
    let missing = peer.client.get(&format!("{path}/shards/7/snapshot/partial/manifest")).await.error();
    assert_eq!(missing, (404, "Not found: shard 7 not found".to_owned()));
    peer.clean().await;
}

#[tokio::test]
async fn a_shard_is_streamed_and_restored() {
    let peer = Peer::new().await;
    let path = filled(&peer, "streamed", 20).await;
    let stream = peer.client.get(&format!("{path}/shards/0/snapshot")).await;
    assert_eq!((stream.status, stream.header("content-length")), (200, None));
    let before = points(&peer, &path).await;
    peer.client.post(&format!("{path}/points/delete?wait=true"), json!({ "filter": {} })).await.result();
    assert_eq!(count(&peer, &path).await, 0);
    let upload = format!("{path}/shards/0/snapshots/upload?wait=true&priority=snapshot");
    peer.client.upload(&upload, "s.snapshot", &stream.body).await.result();
    assert_eq!(points(&peer, &path).await, before);
    peer.clean().await;
}

#[tokio::test]
async fn a_location_must_lie_in_the_snapshots_directory() {
    let peer = Peer::new().await;
    let path = filled(&peer, "located", 3).await;
    let recover = format!("{path}/snapshots/recover");
    let (status, text) = peer.client.put(&recover, json!({ "location": "file:///etc/passwd" })).await.error();
    assert_eq!(status, 403);
    assert!(
        text.starts_with("Forbidden: Snapshot file path must be inside the snapshots directory \""),
        "{text}"
    );
    let missing = peer.client.put(&recover, json!({ "location": "file:///nowhere" })).await.error();
    assert_eq!(missing, (400, "Bad request: Snapshot file \"/nowhere\" does not exist".to_owned()));
    let (status, _) = peer.client.put(&recover, json!({ "location": "ftp://x/y" })).await.error();
    assert_eq!(status, 400);
    peer.clean().await;
}
