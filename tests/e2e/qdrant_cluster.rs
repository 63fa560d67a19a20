//! Two servers of one cluster in a project, from `up` to `down -v` and back. The stand-in is no cluster across containers,
//! so this runs where Qdrant's own image is.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::requirements::unavailable;
use crate::support::{Compose, Qdrant, Scratch, machine};

const STACK: &str = r#"
services:
  qdrant-1:
    image: "QDRANT_IMAGE"
    command: ["./qdrant", "--uri", "http://qdrant-1:6335"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true", QDRANT__CLUSTER__ENABLED: "true" }
    ports: ["127.0.0.1::6333"]
    volumes: ["one:/qdrant/storage"]
  qdrant-2:
    image: "QDRANT_IMAGE"
    command: ["./qdrant", "--uri", "http://qdrant-2:6335", "--bootstrap", "http://qdrant-1:6335"]
    environment: { QDRANT__TELEMETRY_DISABLED: "true", QDRANT__CLUSTER__ENABLED: "true" }
    volumes: ["two:/qdrant/storage"]
    depends_on: [qdrant-1]
volumes: { one: {}, two: {} }
"#;

/// The cluster, once both nodes are in it.
fn server(scratch: &Scratch) -> Qdrant {
    let qdrant = Qdrant::at(&scratch.published("qdrant-1", 6333));
    let deadline = Instant::now() + Duration::from_mins(1);
    while qdrant.call("GET", "/cluster", &json!(null))["peers"].as_object().map_or(0, serde_json::Map::len)
        < 2
    {
        assert!(Instant::now() < deadline, "the nodes do not find each other");
        sleep(Duration::from_millis(200));
    }
    qdrant
}

#[test]
fn the_nodes_of_a_cluster_have_one_backup_and_come_back_from_it() {
    if !machine::qdrant_image().is_some_and(|image| image.starts_with("qdrant/qdrant")) {
        return unavailable("a cluster needs Qdrant's own image");
    }
    let Some(scratch) = Scratch::new(Compose::V2, STACK) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    let qdrant = server(&scratch);
    let body = json!({ "vectors": { "size": 2, "distance": "Dot" }, "shard_number": 4 });
    qdrant.call("PUT", "/collections/recipes", &body);
    let points: Vec<_> = (1..=60).map(|id| json!({ "id": id, "vector": [id, 1] })).collect();
    qdrant.call("PUT", "/collections/recipes/points?wait=true", &json!({ "points": points }));

    scratch
        .safe(&["down"])
        .exits(0)
        .says("backed up the cluster of `qdrant-1`, `qdrant-2`: 1 collection, 60 points");
    assert_eq!((scratch.backups("qdrant-1").len(), scratch.backups("qdrant-2").len()), (1, 0));
    scratch
        .safe(&["up", "-d"])
        .exits(0)
        .says("`qdrant-1`: all data present since the last stop")
        .says("`qdrant-2`: all data present since the last stop");

    server(&scratch);
    scratch
        .safe(&["down"])
        .exits(0)
        .says("the cluster of `qdrant-1`, `qdrant-2` is unchanged since its backup")
        .never_says("backed up");
    assert_eq!(scratch.backups("qdrant-1").len(), 1);
    scratch.safe(&["up", "-d"]).exits(0);

    let qdrant = server(&scratch);
    qdrant.delete("recipes");
    scratch.safe(&["verify"]).exits(76).says("recipes");
    scratch.safe(&["restore", "latest", "--service", "qdrant-2"]).exits(0).says("restored 1 collection");
    assert_eq!(qdrant.count("recipes"), Some(60));
    scratch.safe(&["verify"]).exits(0);
    // Of one cluster there is one newest backup, whichever node is meant.
    qdrant.delete("recipes");
    scratch.safe(&["restore"]).exits(0).says("restored 1 collection");
    assert_eq!(qdrant.count("recipes"), Some(60));
}
