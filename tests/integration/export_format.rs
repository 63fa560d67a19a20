//! The file of a portable export: written, read back, and every way in which it can be damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safe_compose::backup::export::{
    CollectionConfig, ExportContents, ExportError, ExportFormat, ExportHeader, ExportOrigin, ExportPart,
    ExportSink, ExportedFile, PendingExport, scan,
};
use safe_compose::backup::store::BackupRoot;
use serde_json::json;

const POINTS: [&str; 3] = [
    r#"{"id":18446744073709551615,"payload":{"n":9223372036854775809,"t":"a\"b\n"},"vector":[0.1,1.0]}"#,
    r#"{"id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","payload":{},"vector":[1e-7,2.0]}"#,
    r#"{"id":1,"payload":null,"vector":[0.0,0.0]}"#,
];

fn collection(name: &str) -> CollectionConfig {
    CollectionConfig {
        name: name.to_owned(),
        config: json!({ "params": { "vectors": { "size": 2, "distance": "Dot" } }, "metadata": { "n": u64::MAX } }),
        payload_schema: json!({ "t": { "data_type": "keyword" } }),
    }
}

pub(crate) fn origin() -> ExportOrigin {
    ExportOrigin {
        tool: "safe-compose 0.0.0".into(),
        created: jiff::Timestamp::UNIX_EPOCH,
        project: "shop".into(),
        service: "qdrant".into(),
    }
}

fn begin(root: &Path, kind: ExportFormat) -> ExportSink {
    let root = BackupRoot::create(root).expect("a root");
    let time = "2026-11-28T03:20:08Z".parse().expect("a time");
    ExportSink::begin(PendingExport::create(&root, "qdrant", time, kind).expect("a place"), origin())
}

/// Two collections, the second one empty.
async fn written(root: &Path, kind: ExportFormat) -> ExportedFile {
    let sink = begin(root, kind);
    let aliases = BTreeMap::from([("collection".to_owned(), "ação/1".to_owned())]);
    sink.send(ExportPart::Header(ExportHeader { server: "1.19.0".into(), aliases })).await.expect("taken");
    for (name, points) in [("ação/1", POINTS.as_slice()), ("vazia", &[])] {
        sink.send(ExportPart::Begin(collection(name))).await.expect("taken");
        for page in points.chunks(2) {
            let text = page.join(std::str::from_utf8(kind.separator()).expect("text")).into_bytes();
            sink.send(ExportPart::Points { text, count: page.len() as u64 }).await.expect("taken");
        }
        sink.send(ExportPart::End).await.expect("taken");
    }
    sink.finish(|_| {}).await.expect("whole")
}

fn read(path: &Path) -> Result<ExportContents, ExportError> {
    scan(path, &mut |_| {})
}

fn files(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("qdrant")).expect("listed");
    let names = entries.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with(".lock")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_written_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    for kind in [ExportFormat::Json, ExportFormat::JsonLines] {
        let written = written(dir.path(), kind).await;
        assert_eq!((written.collections, written.points), (2, 3));
        let ending = kind.ending();
        assert!(
            written.path.ends_with(format!("qdrant/qdrant_backup_20261128_032008.{ending}")),
            "{written:?}"
        );
        assert_eq!(written.bytes, written.path.metadata().expect("there").len());
        let found = read(&written.path).expect("sound");
        assert!(found.has_digest);
        assert_eq!((found.server.as_deref(), found.service.as_deref()), (Some("1.19.0"), Some("qdrant")));
        assert_eq!(found.aliases["collection"], "ação/1");
        let counts: Vec<_> = found.collections.iter().map(|one| (one.name.as_str(), one.points)).collect();
        assert_eq!(counts, [("ação/1", 3), ("vazia", 0)]);
        assert_eq!(found.collections[0].config, collection("a").config);
        assert_eq!(found.collections[0].payload_schema, collection("a").payload_schema);
    }
    let text =
        std::fs::read_to_string(dir.path().join("qdrant/qdrant_backup_20261128_032008.json")).expect("text");
    for point in POINTS {
        assert!(
            text.lines().any(|line| line.trim_end_matches(',') == point),
            "{point} stands on a line of its own"
        );
    }
    serde_json::from_str::<serde_json::Value>(&text).expect("any JSON reader takes it");
}

#[tokio::test]
async fn what_is_not_finished_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let sink = begin(dir.path(), ExportFormat::Json);
    sink.send(ExportPart::Header(ExportHeader::default())).await.expect("taken");
    sink.send(ExportPart::Begin(collection("a"))).await.expect("taken");
    assert_eq!(sink.failure().await.map(|error| error.to_string()), None);
    assert_eq!(files(dir.path()), [""; 0]);
    // What a crash leaves goes with the next one.
    std::fs::write(dir.path().join("qdrant/.partial-file-Ab12Cd"), "x").expect("written");
    written(dir.path(), ExportFormat::Json).await;
    assert_eq!(files(dir.path()), ["qdrant_backup_20261128_032008.json"]);
}

/// Every cut and every flipped bit is found.
#[tokio::test]
async fn damage_is_found_wherever_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    for kind in [ExportFormat::Json, ExportFormat::JsonLines] {
        let path = written(dir.path(), kind).await.path;
        let whole = std::fs::read(&path).expect("read");
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).expect("written");
            assert!(read(&path).is_err(), "{kind:?} cut to {end} of {} bytes", whole.len());
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&path, &flipped).expect("written");
            // The digest in capitals is the same digest, and a bit that zstd does not use is no damage.
            if let Ok(found) = read(&path) {
                std::fs::write(&path, &whole).expect("written");
                assert_eq!(found, read(&path).expect("whole"), "{kind:?} flipped at {at}");
            }
        }
        std::fs::write(&path, [whole.as_slice(), b"\n{}"].concat()).expect("written");
        assert!(read(&path).is_err(), "{kind:?} goes on");
        std::fs::write(&path, &whole).expect("written");
        assert!(read(&path).is_ok());
    }
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn files_of_scripts_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = r#"{"collections":[{"name":"a","config":{"params":{"vectors":{"size":1,"distance":"Dot"}}},"points":[{"id":1,"vector":[1]},{"id":2,"vectors":[2],"payload":{"x":1}}]}]}"#;
    let found = read(&file(dir.path(), "a.json", text)).expect("understood");
    assert!(!found.has_digest);
    assert_eq!((found.collections[0].name.as_str(), found.collections[0].points), ("a", 2));
    let lines = "{\"collection\":{\"name\":\"a\",\"vector_size\":1,\"distance\":\"Dot\"}}\n{\"id\":1,\"vector\":[1]}\n{\"count\":1}\n";
    let found = read(&file(dir.path(), "a.jsonl", lines)).expect("understood");
    assert_eq!(found.collections[0].points, 1);
}

#[test]
fn what_cannot_be_restored_is_told_before_anything_is_done() {
    let dir = tempfile::tempdir().expect("a directory");
    let head = r#""name":"a","config":{"size":1,"distance":"Dot"}"#;
    for (text, why) in [
        (
            format!("{{\"collections\":[{{{head},\"points\":[{{\"id\":-1}}]}}]}}"),
            "neither an unsigned integer",
        ),
        (
            format!("{{\"collections\":[{{{head},\"points\":[],\"count\":1}}]}}"),
            "it should have 1 points of collection `a`",
        ),
        (format!("{{\"collections\":[{{{head}}},{{{head}}}]}}"), "two collections `a`"),
        ("{\"collections\":[{\"name\":\"a\",\"points\":[]}]}".to_owned(), "the vectors of collection"),
        ("{\"collections\":[]}".to_owned(), "neither collections nor points"),
        ("{}".to_owned(), "neither collections nor points"),
        (String::new(), "truncated"),
        ("{\"format\":\"another\",\"collections\":[]}".to_owned(), "unknown format `another`"),
        (
            "{\"format\":\"safe-compose-export\",\"format_version\":2,\"parts\":[]}".to_owned(),
            "format version 2",
        ),
        (
            format!(
                "{{\"format\":\"safe-compose-export\",\"format_version\":1,\"collections\":[{{{head}}}]}}"
            ),
            "its last line, with the digest, is missing",
        ),
    ] {
        let flaw = read(&file(dir.path(), "a.json", &text)).expect_err(&text);
        assert!(flaw.to_string().contains(why), "{text}: {flaw}");
    }
    assert!(matches!(read(&file(dir.path(), "a.txt", "{}")), Err(ExportError::Ending)));
    assert!(matches!(read(&dir.path().join("none.json")), Err(ExportError::Fs(_))));
}
