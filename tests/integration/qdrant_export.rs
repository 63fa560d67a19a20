//! Exporting a Qdrant into one portable file, and every way in which that goes wrong.

use std::path::PathBuf;

use safe_compose::backup::driver::PortableFormat as _;
use safe_compose::backup::export::{ExportContents, ExportFormat, ExportSink, PendingExport, scan};
use safe_compose::backup::store::BackupRoot;
use serde_json::{Value, json};

use crate::export_format::origin;
use crate::qdrant_stand::{DRIVER, Stand, why};

/// A finished export, and what was said about it.
pub(crate) struct Export {
    pub(crate) contents: ExportContents,
    pub(crate) remarks: Vec<String>,
    _dir: tempfile::TempDir,
}

impl Export {
    pub(crate) fn path(&self) -> &PathBuf {
        &self.contents.path
    }

    fn document(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path()).expect("read")).expect("one document")
    }
}

pub(crate) async fn export(stand: &Stand, kind: ExportFormat) -> anyhow::Result<Export> {
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path()).expect("a root");
    let place = PendingExport::create(&root, "qdrant", jiff::Timestamp::now(), kind).expect("a place");
    let sink = ExportSink::begin(place, origin());
    let exported = match DRIVER.export(stand.target(), &sink).await {
        Ok(exported) => exported,
        Err(error) => {
            drop(sink);
            // The file goes on a thread of its own.
            for _ in 0..200 {
                if files(dir.path()).is_empty() {
                    return Err(error);
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            panic!("a file is left of a failed export: {:?}", files(dir.path()));
        }
    };
    let written = sink.finish(|_| {}).await?;
    let contents = scan(&written.path, &mut |_| {}).expect("sound");
    Ok(Export { contents, remarks: exported.remarks, _dir: dir })
}

fn files(root: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("qdrant")).expect("listed");
    let names = entries.map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("partial") || name.contains("json")).collect()
}

/// Every kind of vector and of id, and numbers that no floating point has.
pub(crate) async fn fill_oddly(stand: &Stand, name: &str) {
    let path = format!("/collections/{}", encoded(name));
    let body = json!({
        "vectors": {
            "texto": { "size": 4, "distance": "Cosine" },
            "meia": { "size": 2, "distance": "Dot", "datatype": "float16" },
            "bytes": { "size": 2, "distance": "Euclid", "datatype": "uint8" },
            "varios": { "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } }
        },
        "sparse_vectors": { "termos": { "modifier": "idf" } },
        "quantization_config": { "scalar": { "type": "int8", "always_ram": true } }
    });
    stand.call("PUT", &path, body).await;
    for (field, kind) in
        [("n", json!("integer")), ("t", json!({ "type": "text", "tokenizer": "word", "lowercase": true }))]
    {
        let index = json!({ "field_name": field, "field_schema": kind });
        stand.call("PUT", &format!("{path}/index?wait=true"), index).await;
    }
    let points = json!([
        {
            "id": 18_446_744_073_709_551_615_u64,
            "vector": {
                "texto": [0.1, 0.2, 0.3, 0.4], "meia": [0.333_333_34, 1.5], "bytes": [7, 255],
                "varios": [[1.5, 2.0], [3.0, 4.25]], "termos": { "indices": [4_294_967_295_u64, 7], "values": [0.1, 2.5] }
            },
            "payload": {
                "z": 18_446_744_073_709_551_615_u64, "n": -9_223_372_036_854_775_808_i64, "a": 9_007_199_254_740_993_i64,
                "t": "aspas \" barra \\ quebra \n ação 🍲", "deep": { "list": [1, 2.5, null, true, { "x": [] }] }
            }
        },
        { "id": 0, "vector": { "texto": [1.0, 0.0, 0.0, 0.0] }, "payload": {} },
        { "id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "vector": { "termos": { "indices": [1], "values": [1.0] } }, "payload": { "n": 1 } },
        { "id": "00000000-0000-0000-0000-000000000000", "vector": {}, "payload": { "x": 0.1 } },
    ]);
    stand.call("PUT", &format!("{path}/points?wait=true"), json!({ "points": points })).await;
}

pub(crate) fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// All points of a collection, in the order of their ids.
pub(crate) async fn points(stand: &Stand, name: &str) -> Vec<Value> {
    let body = json!({ "limit": 10_000, "with_payload": true, "with_vector": true });
    let found = stand.call("POST", &format!("/collections/{}/points/scroll", encoded(name)), body).await;
    found["points"].as_array().expect("a list").clone()
}

/// In the order of the server: numbers first.
fn sorted(mut points: Vec<Value>) -> Vec<Value> {
    points.sort_by_key(|point| {
        (point["id"].as_u64().is_none(), point["id"].as_u64(), point["id"].as_str().map(str::to_owned))
    });
    points
}

#[tokio::test]
async fn everything_a_server_has_is_in_the_file() {
    let stand = Stand::new().await;
    fill_oddly(&stand, "ação 12#%").await;
    stand.fill("receitas", 50).await;
    stand.alias("atual", "receitas").await;
    let export = export(&stand, ExportFormat::Json).await.expect("exported");
    assert_eq!(export.remarks, [""; 0]);
    let document = export.document();
    assert_eq!(document["aliases"], json!({ "atual": "receitas" }));
    let mut names = Vec::new();
    for collection in document["collections"].as_array().expect("a list") {
        let name = collection["name"].as_str().expect("a name");
        names.push(name.to_owned());
        let info = stand.call("GET", &format!("/collections/{}", encoded(name)), Value::Null).await;
        assert_eq!(collection["config"], info["config"], "{name}");
        let fields = |schema: &Value| {
            schema.as_object().expect("fields").keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(fields(&collection["payload_schema"]), fields(&info["payload_schema"]), "{name}");
        let found = sorted(collection["points"].as_array().expect("points").clone());
        assert_eq!(found, points(&stand, name).await, "{name}");
    }
    assert_eq!(names, ["ação 12#%", "receitas"]);
    let text = std::fs::read_to_string(export.path()).expect("text");
    for exact in [
        "\"id\":18446744073709551615",
        "\"z\":18446744073709551615",
        "-9223372036854775808",
        "9007199254740993",
    ] {
        assert!(text.contains(exact), "{exact}");
    }
}

/// Servers with slices and without, numbers and UUIDs: every point once.
#[tokio::test]
async fn a_large_collection_is_read_in_parts() {
    for version in ["1.19.0", "1.18.2"] {
        let stand = Stand::double_with(|config| config.version = version.to_owned()).await;
        let path = "/collections/grande";
        stand.call("PUT", path, json!({ "vectors": { "size": 2, "distance": "Dot" } })).await;
        for chunk in 0..9_u64 {
            let id = |n: u64| match n % 3 {
                0 => json!(n),
                1 => json!(n << 40),
                _ => json!(format!("{:08x}-0000-4000-8000-{n:012x}", n * 681_000)),
            };
            let points: Vec<Value> = (chunk * 700..(chunk + 1) * 700)
                .map(|n| json!({ "id": id(n), "vector": [n, 1], "payload": { "n": n } }))
                .collect();
            stand.call("PUT", &format!("{path}/points?wait=true"), json!({ "points": points })).await;
        }
        for kind in [ExportFormat::Json, ExportFormat::JsonLines] {
            let export = export(&stand, kind).await.expect("exported");
            assert_eq!(export.contents.collections[0].points, 6300, "{version} {kind:?}");
            if kind == ExportFormat::Json {
                let found =
                    sorted(export.document()["collections"][0]["points"].as_array().expect("points").clone());
                assert_eq!(found, points(&stand, "grande").await, "{version}");
            }
        }
        // A collection of UUIDs only, and one of the two ends of the numbers.
        stand
            .call(
                "POST",
                &format!("{path}/points/delete?wait=true"),
                json!({ "filter": { "must": [{ "key": "n", "range": { "gte": 0.0 } }] } }),
            )
            .await;
        let uuids: Vec<Value> = (0..4100_u64)
            .map(|n| json!({ "id": format!("{:08x}-0000-4000-8000-{n:012x}", n * 1_047_000), "vector": [n, 1] }))
            .collect();
        for batch in
            [uuids, vec![json!({ "id": 0, "vector": [1, 1] }), json!({ "id": u64::MAX, "vector": [1, 1] })]]
        {
            stand.call("PUT", &format!("{path}/points?wait=true"), json!({ "points": batch })).await;
            let export = export(&stand, ExportFormat::Json).await.expect("exported");
            assert_eq!(export.contents.collections[0].points, stand.count("grande").await, "{version}");
        }
    }
}

#[tokio::test]
async fn strict_mode_is_obeyed() {
    let stand = Stand::new().await;
    stand.fill("receitas", 60).await;
    let strict = json!({ "strict_mode_config": { "enabled": true, "max_query_limit": 7, "search_allow_exact": false } });
    stand.call("PATCH", "/collections/receitas", strict).await;
    let export = export(&stand, ExportFormat::Json).await.expect("exported");
    assert_eq!(export.contents.collections[0].points, 60);
}

#[tokio::test]
async fn points_of_many_megabytes_come_one_by_one() {
    let stand = Stand::new().await;
    stand.call("PUT", "/collections/longa", json!({ "vectors": { "size": 1, "distance": "Dot" } })).await;
    for id in 0..18 {
        let text = "x".repeat(if id < 16 { 10 } else { 5_000_000 });
        let points = json!([{ "id": id, "vector": [1.0], "payload": { "t": text } }]);
        stand.call("PUT", "/collections/longa/points?wait=true", json!({ "points": points })).await;
    }
    let export = export(&stand, ExportFormat::JsonLines).await.expect("exported");
    assert_eq!(export.contents.collections[0].points, 18);
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_leaves_no_file() {
    let stand = Stand::double().await;
    stand.fill("receitas", 200).await;
    stand
        .call("PATCH", "/collections/receitas", json!({ "strict_mode_config": { "max_query_limit": 10 } }))
        .await;
    for failure in ["scroll-500:0", "scroll-500:7", "refuse", "scroll-loses", "unreadable:receitas"] {
        stand.fail(failure);
        let error = why(export(&stand, ExportFormat::Json).await.map(drop));
        let said = match failure {
            "refuse" => "cannot",
            "scroll-loses" => "the export is incomplete",
            "unreadable:receitas" => "cannot be read, and so not be exported",
            _ => "told to give no more points",
        };
        assert!(error.contains(said), "{failure}: {error}");
        stand.fail("");
        assert!(export(&stand, ExportFormat::Json).await.is_ok(), "{failure}, and then not");
    }
}

#[tokio::test]
async fn a_page_that_fails_once_is_asked_for_again() {
    let stand = Stand::double().await;
    stand.fill("receitas", 200).await;
    stand
        .call("PATCH", "/collections/receitas", json!({ "strict_mode_config": { "max_query_limit": 10 } }))
        .await;
    stand.fail("scroll-500:5");
    let mended = async {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        stand.fail("");
    };
    let (export, ()) = tokio::join!(export(&stand, ExportFormat::Json), mended);
    assert_eq!(export.expect("exported").contents.collections[0].points, 200);
}
