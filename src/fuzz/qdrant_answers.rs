//! Answers of Qdrant: the telemetry, the info of a collection, the versions of segments, the placement of shards, and points.

use serde_json::Value;

use crate::backup::driver::qdrant::server::placement::Placement;
use crate::backup::driver::qdrant::server::rest::ScrollPage;
use crate::backup::driver::qdrant::state::write_position::{self, ShardPositions};
use crate::backup::driver::qdrant::state::{
    body, equal, fingerprint, segment_files, segment_versions, vectors,
};
use crate::backup::export::point;
use crate::backup::fingerprint::QdrantFingerprint;

pub(super) fn run(bytes: &[u8]) {
    if let Ok(page) = ScrollPage::points(bytes) {
        for one in page.points {
            let _ = point::to_upsert(one.get(), &mut Vec::new());
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        segment_files::read(text);
    }
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    // The client unwraps what answers are wrapped in.
    for answer in [&answer, &answer["result"]] {
        telemetry(answer);
        collection(answer);
        let _ = (segment_versions::of(answer), segment_versions::of_files(answer), Placement::of(answer));
        assert!(
            !answer.is_object()
                || segment_versions::only_grow(answer, &Value::Object(serde_json::Map::new()))
        );
    }
}

fn telemetry(answer: &Value) {
    let mut reports = ShardPositions::new();
    let files = segment_files::SegmentFileIds::none();
    for report in answer["collections"]["collections"].as_array().into_iter().flatten() {
        let Some(name) = report["id"].as_str() else { continue };
        for node in [None, Some(1)] {
            let shards = write_position::shards(report, node, &files, Some("start"));
            for shard in shards.iter().flatten() {
                write_position::versions_of(report, shard, &answer["versions"]);
            }
            reports.insert(name.to_owned(), shards);
        }
    }
    let joined = write_position::join([reports.clone()]);
    assert!(joined.keys().all(|name| reports.contains_key(name)));
}

fn collection(info: &Value) {
    let counted = fingerprint::uncounted(info);
    let _ = (body::body(&info["config"]), body::indexes(&info["payload_schema"]));
    let found = vectors::Vectors::of(&info["config"]);
    assert!(found.are_in(&found));
    let print = QdrantFingerprint {
        version: "1.19.0".to_owned(),
        collections: [("one".to_owned(), counted)].into(),
        aliases: [].into(),
    };
    assert_eq!(equal::differences(&print, &print), [""; 0]);
    let written = crate::fs::to_json(&print);
    assert_eq!(serde_json::from_slice::<QdrantFingerprint>(&written).expect("read"), print);
}
