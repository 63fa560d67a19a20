//! A server that breaks off in every way.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::backup::driver::DriverTarget;
use crate::backup::driver::qdrant::fixtures;
use crate::engine::PublishedPort;
use crate::engine::memory::MemoryEngine;
use crate::fs::Digest;
use crate::progress::Silent;

const TIMEOUT: Timeouts =
    Timeouts { stall: Duration::from_millis(300), pause: Duration::from_millis(5), settle: Duration::ZERO };

/// What a server answers to one request for the snapshot.
#[derive(Clone, Copy)]
enum Answer {
    /// Everything from where it was asked for.
    Rest,
    /// That many bytes from there, and then the connection is closed.
    Cut(usize),
    /// That many, and then nothing.
    Stall(usize),
    /// All of it from the beginning, whatever was asked for.
    FullSnapshot,
    /// The file is another one now: its tag has changed, and so a range is not kept to.
    Changed,
    Status(u16),
}

struct Seen {
    requests: Vec<String>,
    answers: Vec<Answer>,
    bytes: Vec<u8>,
}

/// A server that answers the first requests for a snapshot as told, and the others with an error.
async fn server(bytes: &[u8], answers: &[Answer]) -> (Client, Arc<Mutex<Seen>>) {
    let seen =
        Arc::new(Mutex::new(Seen { requests: Vec::new(), answers: answers.to_vec(), bytes: bytes.to_vec() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let host_port = listener.local_addr().expect("bound").port();
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared)));
        }
    });
    let mut container = fixtures::container();
    container.ports.push(PublishedPort {
        container_port: 6333,
        host: "127.0.0.1".parse().expect("an address"),
        host_port,
    });
    let (engine, store) = (MemoryEngine::new(), fixtures::store(container));
    let target = DriverTarget {
        engine: &engine,
        local: true,
        store: &store,
        stores: &[],
        progress: &Silent,
        api_key: None,
        quiesce: None,
    };
    (Client::connect(target).await.expect("connected"), seen)
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    if head.starts_with("get / ") {
        let body = r#"{"title":"qdrant - vector search engine","version":"1.19.0"}"#;
        let _ = stream
            .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes())
            .await;
        return;
    }
    let (answer, bytes) = {
        let mut seen = seen.lock().expect("not poisoned");
        seen.requests.push(head.clone());
        let answer = if seen.answers.is_empty() { Answer::Status(500) } else { seen.answers.remove(0) };
        (answer, seen.bytes.clone())
    };
    let asked: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("range: bytes="))
        .and_then(|range| range.trim_end_matches('-').parse().ok())
        .unwrap_or(0);
    let (from, count) = match answer {
        Answer::Rest => (asked, bytes.len()),
        Answer::Cut(count) | Answer::Stall(count) => (asked, count),
        Answer::FullSnapshot | Answer::Changed => (0, bytes.len()),
        Answer::Status(status) => {
            let _ = stream
                .write_all(format!("HTTP/1.1 {status} No\r\ncontent-length: 2\r\n\r\nno").as_bytes())
                .await;
            return;
        }
    };
    let rest = &bytes[from..];
    let status = if from > 0 {
        format!("206 Partial\r\ncontent-range: bytes {from}-{}/{}", bytes.len() - 1, bytes.len())
    } else {
        "200 OK".to_owned()
    };
    let head = format!("HTTP/1.1 {status}\r\netag: \"one\"\r\ncontent-length: {}\r\n\r\n", rest.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&rest[..count.min(rest.len())]).await;
    let _ = stream.flush().await;
    if matches!(answer, Answer::Stall(_)) {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let _ = stream.shutdown().await;
}

fn bytes() -> Vec<u8> {
    (0..300_000_u32).map(|at| u8::try_from(at % 251).expect("small")).collect()
}

struct Fetched {
    result: anyhow::Result<String>,
    written: Option<Vec<u8>>,
    requests: Vec<String>,
}

async fn fetched(served: &[u8], answers: &[Answer], descriptor: Descriptor) -> Fetched {
    let (client, seen) = server(served, answers).await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("a.snapshot");
    let cancellation = Cancellation::never();
    let cx = DownloadContext { task: &Silent, timeouts: &TIMEOUT, cancellation: &cancellation };
    let result = fetch(&client, "a".into(), &descriptor, &file, &cx).await.map(|fetched| fetched.sha256);
    let requests = seen.lock().expect("not poisoned").requests.clone();
    Fetched { result, written: std::fs::read(file).ok(), requests }
}

fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor { name: "s".into(), size: bytes.len() as u64, checksum: Some(Digest::of(bytes).to_string()) }
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    let bytes = bytes();
    let answers = [Answer::Cut(70_000), Answer::Stall(50_000), Answer::Status(502), Answer::Rest];
    let found = fetched(&bytes, &answers, descriptor(&bytes)).await;
    assert_eq!(found.result.expect("whole"), Digest::of(&bytes).to_string());
    assert_eq!(found.written.expect("there"), bytes);
    let ranges: Vec<Option<&str>> = found
        .requests
        .iter()
        .map(|head| head.lines().find_map(|line| line.strip_prefix("range: ")))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=70000-"), Some("bytes=120000-"), Some("bytes=120000-")]);
    assert!(found.requests[1].contains("if-range: \"one\""));
    assert!(found.requests.iter().all(|head| head.contains("accept-encoding: identity")));
}

#[tokio::test]
async fn a_server_without_ranges_sends_it_again_from_the_beginning() {
    let bytes = bytes();
    for again in [Answer::FullSnapshot, Answer::Changed] {
        let found = fetched(&bytes, &[Answer::Cut(70_000), again], descriptor(&bytes)).await;
        assert_eq!(found.result.expect("whole"), Digest::of(&bytes).to_string());
        assert_eq!(found.written.expect("there"), bytes);
    }
}

#[tokio::test]
async fn it_gives_up_when_nothing_moves() {
    let bytes = bytes();
    let found = fetched(
        &bytes,
        &[Answer::Cut(70_000), Answer::Cut(0), Answer::Cut(0), Answer::Cut(0)],
        descriptor(&bytes),
    )
    .await;
    let error = found.result.expect_err("no end").to_string();
    assert_eq!(error, "the download of collection `a` stopped after 70000 of 300000 bytes");
    assert_eq!(found.requests.len(), 4);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_never_becomes_the_snapshot() {
    for status in [401, 403, 404] {
        let bytes = bytes();
        let found = fetched(&bytes, &[Answer::Status(status)], descriptor(&bytes)).await;
        assert!(found.result.is_err());
        assert_eq!((found.requests.len(), found.written.unwrap_or_default()), (1, Vec::new()), "{status}");
    }
}

#[tokio::test]
async fn damage_is_fetched_once_more_and_then_given_up() {
    let bytes = bytes();
    let mut other = descriptor(&bytes);
    other.checksum = Some("00".into());
    let found = fetched(&bytes, &[Answer::Rest, Answer::Rest, Answer::Rest], other).await;
    let error = found.result.expect_err("another digest").to_string();
    assert!(error.contains("the server reports 00"), "{error}");
    assert_eq!((found.requests.len(), found.written), (2, None));
    let longer = Descriptor { size: 299_999, checksum: None, name: "s".into() };
    let found = fetched(&bytes, &[Answer::Rest, Answer::Rest], longer).await;
    let error = found.result.expect_err("another size").to_string();
    assert!(error.contains("has 300000 bytes, and the server reports 299999"), "{error}");
}

#[tokio::test]
async fn without_a_checksum_the_size_has_to_do() {
    let bytes = bytes();
    let found = fetched(&bytes, &[Answer::Rest], Descriptor { checksum: None, ..descriptor(&bytes) }).await;
    assert_eq!(found.result.expect("whole"), Digest::of(&bytes).to_string());
}
