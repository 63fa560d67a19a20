//! The recorded exchanges of a real 1.19.0 server, replayed in order against the stand-in.
//!
//! Every answer must have the recorded status, the recorded keys and types all the way down, and the recorded
//! values except at the places in [`IGNORED`].

use std::path::Path;

use qdrant_double::Server;
use reqwest::Method;
use serde_json::{Value, json};

use crate::peer::{Body, Client, Scratch};

/// Places whose values differ from run to run: a suffix of the path of keys. Types are compared all the same.
const IGNORED: [&str; 30] = [
    "time",
    "commit",
    "result.id",
    "startup",
    "last_responded",
    "init_time_ms",
    "peer_id",
    "system.distribution",
    "system.disk_size",
    "system.cpu_flags",
    "vectors_size_bytes",
    "payloads_size_bytes",
    // The real server counts deleted points here until it has optimised.
    "local.num_vectors",
    "num_vectors_by_name.*",
    // How many points fall into which segment is chance on the real server.
    "info.uuid",
    "info.num_vectors",
    "info.num_points",
    "info.num_indexed_vectors",
    "info.num_deleted_vectors",
    "vector_data.*.num_vectors",
    "vector_data.*.num_indexed_vectors",
    "index_schema.*.points",
    "payload_field_indices.#.points_count",
    "payload_field_indices.#.points_values_count",
    "vector_index_searches.#.index_name",
    "result.name",
    "creation_time",
    "size",
    "checksum",
    "result.#.name",
];

/// Subtrees that are measurements of one machine.
const SKIPPED: [&str; 3] = ["result.requests", "result.memory", "result.hardware"];

struct Replay {
    client: Client,
    snapshot: String,
    archive: Vec<u8>,
    manifest: Value,
    partial: Vec<u8>,
}

#[tokio::test]
async fn the_recording_is_matched() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/qdrant/exchanges.json"),
    )
    .unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let exchanges = recorded["exchanges"].as_array().unwrap();

    let scratch = Scratch::new();
    let server = Server::start(scratch.config()).await.unwrap();
    let client = Client::new(server.http_url());
    let mut replay = Replay {
        client,
        snapshot: String::new(),
        archive: Vec::new(),
        manifest: Value::Null,
        partial: Vec::new(),
    };
    let guarded_scratch = Scratch::new();
    let mut config = guarded_scratch.config();
    config.api_key = Some("geheim".into());
    config.read_only_api_key = Some("looker".into());
    let guarded = Server::start(config).await.unwrap();
    let guarded_client = Client::new(guarded.http_url());

    let mut problems = Vec::new();
    for exchange in exchanges {
        let name = exchange["name"].as_str().unwrap();
        let keyed =
            ["no-key", "wrong-key", "readonly-list", "readonly-snapshot", "no-key-readyz"].contains(&name);
        let client = if keyed { &guarded_client } else { &replay.client }.clone();
        replay.step(name, exchange, &client, &mut problems).await;
    }
    assert!(problems.is_empty(), "{} differences:\n{}", problems.len(), problems.join("\n"));
    assert_eq!(exchanges.len(), 55);
}

impl Replay {
    async fn step(&mut self, name: &str, exchange: &Value, client: &Client, problems: &mut Vec<String>) {
        let request = &exchange["request"];
        let recorded = &exchange["response"];
        let mut path = request["path"].as_str().unwrap().to_owned();
        for (old, new) in [
            ("receitas-2766004443578591-2026-11-23-22-18-51.snapshot", &self.snapshot),
            ("d1f82592cdcc5245c92b2f7b2fcce83e386966388c8ff822c5bfdf49bd1d7000", &digest(&self.archive)),
        ] {
            path = path.replace(old, new);
        }
        let body = match name {
            "partial-unchanged" | "partial-changed" => Body::Json(self.manifest.clone()),
            _ if !request["multipart"].is_null() => {
                let file = request["multipart"]["snapshot"].as_str().unwrap().to_owned();
                let bytes = match name {
                    "upload-truncated" => self.archive[..self.archive.len() / 2].to_vec(),
                    "upload-garbage" => b"this is not a tar archive".repeat(100),
                    "partial-recover" => self.partial.clone(),
                    _ => self.archive.clone(),
                };
                Body::File { name: file, bytes }
            }
            _ if !request["json"].is_null() => Body::Json(request["json"].clone()),
            _ => Body::None,
        };
        let mut client = client.clone();
        for (header, value) in request["headers"].as_object().into_iter().flatten() {
            client = client.with_header(header, value.as_str().unwrap());
        }
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let answer = client.send(method, &path, body).await;

        let status = recorded["status"].as_u64().unwrap();
        if u64::from(answer.status) != status {
            problems.push(format!("{name}: status {} instead of {status}: {}", answer.status, answer.text()));
            return;
        }
        for header in ["content-type", "accept-ranges"] {
            let expected = recorded["headers"][header].as_str();
            if answer.header(header) != expected {
                problems
                    .push(format!("{name}: {header} {:?} instead of {expected:?}", answer.header(header)));
            }
        }
        match name {
            "snapshot-download" => self.archive.clone_from(&answer.body),
            "partial-changed" => self.partial.clone_from(&answer.body),
            "manifest" => self.manifest = answer.result(),
            "snapshot-create" => {
                let result = answer.result();
                result["name"].as_str().unwrap().clone_into(&mut self.snapshot);
            }
            _ => {}
        }
        match name {
            "manifest" => same_manifest(&recorded["json"]["result"], &self.manifest, problems),
            "snapshot-download-range" => {
                let expected = recorded["text"].as_str().unwrap();
                if answer.body.len() != expected.len() || !answer.body.starts_with(b"0/segments/") {
                    problems.push(format!("{name}: {}", answer.text()));
                }
            }
            "upload-truncated" => {
                let (_, text) = answer.error();
                let (head, tail) = ("Service internal error: File IO error: failed to unpack `", ".tar`");
                let inside = "/tmp/col-copia-recovery-";
                if !text.starts_with(head) || !text.contains(inside) || !text.ends_with(tail) {
                    problems.push(format!("{name}: {text}"));
                }
            }
            "upload-garbage" | "recover-file-outside" | "upload-wrong-checksum" => {
                let expected = recorded["json"]["status"]["error"].as_str().unwrap();
                let (_, text) = answer.error();
                let words = |text: &str| text.split(['"', ':']).next().unwrap().to_owned();
                if words(&text) != words(expected) {
                    problems.push(format!("{name}: {text} instead of {expected}"));
                }
            }
            _ if recorded.get("json").is_some() => {
                compare(name, "", &recorded["json"], &answer.json(), problems);
            }
            "partial-unchanged" => {}
            _ if recorded.get("text").is_some() => {
                let expected = recorded["text"].as_str().unwrap();
                if answer.text() != expected {
                    problems.push(format!("{name}: {} instead of {expected}", answer.text()));
                }
            }
            _ => {}
        }
    }
}

/// Files have names of their own in the stand-in; the shape of the manifest is the same.
fn same_manifest(expected: &Value, found: &Value, problems: &mut Vec<String>) {
    let shape = |value: &Value| {
        let segments = value.as_object().unwrap();
        segments
            .iter()
            .map(|(id, segment)| {
                assert_eq!(segment["segment_id"], id.as_str());
                let files = segment["file_versions"].as_object().unwrap();
                let some =
                    files.iter().any(|(name, version)| name.ends_with("page_0.dat") && version.is_u64());
                let none = files.iter().any(|(_, version)| version.is_null());
                let tracker = files.keys().any(|name| name.starts_with("mutable_id_tracker"));
                (segment.as_object().unwrap().keys().cloned().collect::<Vec<_>>(), some, none, tracker)
            })
            .collect::<Vec<_>>()
    };
    if shape(expected) != shape(found) {
        problems.push(format!("manifest: {:?} instead of {:?}", shape(found), shape(expected)));
    }
}

fn compare(name: &str, path: &str, expected: &Value, found: &Value, problems: &mut Vec<String>) {
    if SKIPPED.contains(&path) {
        return;
    }
    match (expected, found) {
        (Value::Object(_), Value::Object(_)) if path.ends_with("replicate_states") => {
            // The keys are peer ids.
            let states = |value: &Value| value.as_object().unwrap().values().cloned().collect::<Vec<_>>();
            compare(name, &step(path, "*"), &states(expected).into(), &states(found).into(), problems);
        }
        (Value::Object(expected), Value::Object(found)) => {
            for key in expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key))) {
                let step = step(path, key);
                match (expected.get(key), found.get(key)) {
                    (Some(expected), Some(found)) => compare(name, &step, expected, found, problems),
                    (None, _) => problems.push(format!("{name}: {step} is not in the recording")),
                    (_, None) => problems.push(format!("{name}: {step} is missing")),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                problems.push(format!("{name}: {path} has {} elements, not {}", found.len(), expected.len()));
            }
            for (expected, found) in expected.iter().zip(found) {
                compare(name, &step(path, "#"), expected, found, problems);
            }
        }
        _ if std::mem::discriminant(expected) != std::mem::discriminant(found) => {
            problems.push(format!("{name}: {path} is {found}, not {expected}"));
        }
        _ if expected != found && !ignored(path) => {
            problems.push(format!("{name}: {path} is {found}, not {expected}"));
        }
        _ => {}
    }
}

fn step(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn ignored(path: &str) -> bool {
    let steps: Vec<_> = path.split('.').collect();
    IGNORED.iter().any(|pattern| {
        let pattern: Vec<_> = pattern.split('.').collect();
        pattern.len() <= steps.len()
            && pattern
                .iter()
                .rev()
                .zip(steps.iter().rev())
                .all(|(wanted, step)| *wanted == "*" || wanted == step)
    })
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn the_comparison_sees_differences() {
    let compare = |expected: Value, found: Value| {
        let mut problems = Vec::new();
        compare("x", "", &expected, &found, &mut problems);
        problems.len()
    };
    assert_eq!(compare(json!({ "time": 1.0, "a": [1] }), json!({ "time": 2.0, "a": [1] })), 0);
    assert_eq!(compare(json!({ "time": 1.0 }), json!({ "time": "soon" })), 1);
    assert_eq!(compare(json!({ "a": [1] }), json!({ "a": [2] })), 1);
    assert_eq!(compare(json!({ "a": [1] }), json!({ "a": [] })), 1);
    assert_eq!(compare(json!({ "a": 1 }), json!({ "b": 1 })), 2);
}
