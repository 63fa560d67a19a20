//! Servers that are the nodes of one cluster: saved together, and put back wherever their shards lie then.

use std::os::unix::fs::MetadataExt as _;

use safe_compose::backup::driver::{Action, Driver as _, RestoreOptions};
use safe_compose::backup::manifest::ArtifactContents;
use safe_compose::backup::store::Backup;
use serde_json::{Value, json};

use crate::backup_fixture::root;
use crate::qdrant_stand::{DRIVER, Stand, compare, why};

/// A collection in three shards, each with so many copies, and forty points.
async fn fill(stand: &Stand, name: &str, copies: u64) {
    let body = json!({ "vectors": { "size": 4, "distance": "Cosine" }, "shard_number": 3,
        "replication_factor": copies });
    stand.call("PUT", &format!("/collections/{name}"), body).await;
    let index = json!({ "field_name": "cozinha", "field_schema": "keyword" });
    stand.call("PUT", &format!("/collections/{name}/index?wait=true"), index).await;
    write(stand, name, 1, 40).await;
}

async fn write(stand: &Stand, name: &str, first: u64, last: u64) {
    let point = |id: u64| json!({ "id": id, "vector": [id, 1, 0.5, 0.25], "payload": { "n": id, "cozinha": "mineira" } });
    let points: Vec<Value> = (first..=last).map(point).collect();
    stand.call("PUT", &format!("/collections/{name}/points?wait=true"), json!({ "points": points })).await;
}

/// Which shards a backup has of a collection.
fn shards(backup: &Backup, name: &str) -> Vec<u32> {
    let shard = |contents: &ArtifactContents| match contents {
        ArtifactContents::ShardSnapshot { collection, shard } if collection == name => Some(*shard),
        _ => None,
    };
    backup.manifest.artifacts.iter().filter_map(|artifact| shard(&artifact.contents)).collect()
}

fn nothing_is_left_over(nodes: &[Stand]) {
    for node in nodes {
        assert_eq!(node.left_over(), [""; 0]);
    }
}

#[tokio::test]
async fn a_cluster_is_saved_by_any_node_and_comes_back() {
    let nodes = Stand::cluster(3).await;
    fill(&nodes[0], "receitas", 2).await;
    nodes[0].alias("atual", "receitas").await;
    let before = nodes[0].fingerprint().await;
    let (_dir, root) = root();
    let saved = nodes[1].back_up(&root).await.expect("saved");
    assert_eq!(saved.remarks, [""; 0]);
    assert_eq!(shards(&saved.backup, "receitas"), [0, 1, 2]);
    saved.backup.check().expect("unharmed");
    nothing_is_left_over(&nodes);

    nodes[2].delete("receitas").await;
    let restored = nodes[0].restore(&saved.backup, &RestoreOptions::default()).await.expect("restored");
    assert_eq!((restored.remarks.len(), restored.aliases.as_slice()), (0, ["atual".to_owned()].as_slice()));
    for node in &nodes {
        assert_eq!(node.count("receitas").await, 40);
        assert_eq!(compare(&before, &node.fingerprint().await), []);
    }
    nothing_is_left_over(&nodes);
}

#[tokio::test]
async fn a_collection_of_a_cluster_is_replaced_without_a_moment_without_its_data() {
    let nodes = Stand::cluster(2).await;
    fill(&nodes[0], "receitas", 1).await;
    nodes[0].alias("atual", "receitas").await;
    let (_dir, root) = root();
    let backup = nodes[0].back_up(&root).await.expect("saved").backup;
    write(&nodes[0], "receitas", 41, 60).await;
    let plan = nodes[1].plan(&backup, &RestoreOptions::default()).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Replace);
    let restored = nodes[1].restore_as(&backup, &plan, &RestoreOptions::default()).await.expect("restored");
    assert_eq!(restored.remarks, [""; 0]);
    assert_eq!(nodes[0].count("receitas").await, 40);
    assert_eq!(nodes[0].names().await, ["receitas"]);
    assert_eq!(nodes[0].aliases().await, [("atual".to_owned(), "receitas".to_owned())]);
    let info = nodes[0].call("GET", "/collections/receitas", Value::Null).await;
    assert_eq!(info["payload_schema"]["cozinha"]["data_type"], "keyword");
    nothing_is_left_over(&nodes);
}

#[tokio::test]
async fn what_a_cluster_held_goes_into_a_server_that_stands_alone() {
    let nodes = Stand::cluster(3).await;
    fill(&nodes[0], "receitas", 1).await;
    let before = nodes[0].fingerprint().await;
    let (_dir, root) = root();
    let backup = nodes[0].back_up(&root).await.expect("saved").backup;
    let alone = Stand::new().await;
    alone.restore(&backup, &RestoreOptions::default()).await.expect("restored");
    assert_eq!(compare(&before, &alone.fingerprint().await), []);
}

#[tokio::test]
async fn a_backup_of_a_cluster_is_tried_out_in_one_scratch_server() {
    let mut nodes = Stand::cluster_of_doubles(3).await;
    fill(&nodes[0], "receitas", 1).await;
    let (_dir, root) = root();
    let backup = nodes[0].back_up(&root).await.expect("saved").backup;
    let node = nodes.remove(0).with_scratch(|_| {});
    assert_eq!(node.try_out(&backup).await.expect("tried").reasons, [""; 0]);
    let mut partial = backup;
    partial.manifest.artifacts.swap_remove(0);
    let trial = node.try_out(&partial).await.expect("tried");
    assert!(trial.reasons.concat().contains("has 2 of 3 shards"), "{:?}", trial.reasons);
}

#[tokio::test]
async fn a_shard_that_no_node_within_reach_has_fails_the_backup() {
    let mut nodes = Stand::cluster(3).await;
    fill(&nodes[0], "receitas", 2).await;
    fill(&nodes[0], "livros", 1).await;
    nodes[0].stores.retain(|store| store.id != "qdrant-2");
    let (_dir, root) = root();
    let reason = why(nodes[0].back_up(&root).await);
    assert!(reason.contains("no reachable node has an active replica of shard"), "{reason}");
    assert!(reason.contains("`livros`") && reason.contains("is not a service of this project"), "{reason}");
    assert!(root.latest("qdrant").expect("listed").is_none());
    nothing_is_left_over(&nodes);
    nodes[0].delete("livros").await;
    let saved = nodes[0].back_up(&root).await.expect("every shard has another copy");
    assert_eq!(shards(&saved.backup, "receitas"), [0, 1, 2]);
}

#[tokio::test]
async fn a_backup_without_one_of_its_shards_is_refused_and_nothing_is_touched() {
    let nodes = Stand::cluster(2).await;
    fill(&nodes[0], "receitas", 1).await;
    let (_dir, root) = root();
    let mut backup = nodes[0].back_up(&root).await.expect("saved").backup;
    let second =
        |contents: &ArtifactContents| matches!(contents, ArtifactContents::ShardSnapshot { shard: 1, .. });
    backup.manifest.artifacts.retain(|artifact| !second(&artifact.contents));
    let reason = why(nodes[0].restore(&backup, &RestoreOptions::default()).await);
    assert!(reason.contains("has 2 of 3 shards of collection `receitas`"), "{reason}");
    assert_eq!(nodes[0].count("receitas").await, 40);
}

#[tokio::test]
async fn a_snapshot_of_a_lone_server_does_not_go_into_a_cluster() {
    let alone = Stand::new().await;
    alone.fill("receitas", 5).await;
    let (_dir, root) = root();
    let backup = alone.back_up(&root).await.expect("saved").backup;
    let nodes = Stand::cluster(2).await;
    let reason = why(nodes[0].plan(&backup, &RestoreOptions::default()).await);
    assert!(reason.contains("part of a cluster") && reason.contains("`export-data`"), "{reason}");
    assert_eq!(nodes[0].names().await, [""; 0]);
}

#[tokio::test]
async fn the_nodes_of_a_cluster_know_each_other() {
    let nodes = Stand::cluster(2).await;
    let mut known = DRIVER.cluster(nodes[1].target()).await.expect("asked");
    known.sort();
    assert_eq!(known, ["qdrant-1", "qdrant-2"]);
    let alone = Stand::new().await;
    assert_eq!(DRIVER.cluster(alone.target()).await.expect("asked"), [""; 0]);
}

#[tokio::test]
async fn a_node_that_dies_at_any_moment_of_a_backup_fails_it_and_the_next_one_is_whole() {
    let nodes = Stand::cluster_of_doubles(2).await;
    fill(&nodes[0], "receitas", 1).await;
    let mut failed = 0;
    for after in 0.. {
        let (_dir, root) = root();
        nodes[1].fail(&format!("die-before:{after}"));
        let saved = nodes[0].back_up(&root).await;
        nodes[1].fail("");
        match saved {
            Ok(saved) => {
                assert_eq!(shards(&saved.backup, "receitas"), [0, 1, 2]);
                break;
            }
            Err(_) => failed += 1,
        }
        assert!(root.latest("qdrant").expect("listed").is_none());
        assert!(after < 100, "it never ends well");
    }
    assert!(failed > 3, "it has failed only {failed} times");
}

#[tokio::test]
async fn a_restore_whose_node_dies_at_any_moment_loses_nothing_and_can_be_done_again() {
    let nodes = Stand::cluster_of_doubles(2).await;
    fill(&nodes[0], "receitas", 1).await;
    nodes[0].alias("atual", "receitas").await;
    let (_dir, root) = root();
    let backup = nodes[0].back_up(&root).await.expect("saved").backup;
    let mut failed = 0;
    for after in 0.. {
        write(&nodes[0], "receitas", 41, 60).await;
        let before = nodes[0].count("receitas").await;
        nodes[1].fail(&format!("die-before:{after}"));
        let restored = nodes[0].restore(&backup, &RestoreOptions::default()).await;
        nodes[1].fail("");
        if restored.is_ok() {
            break;
        }
        failed += 1;
        assert!(after < 200, "it never ends well");
        // Whoever comes by the alias is always served: by the old, by the new, or by what lies beside.
        let now = nodes[0].count("atual").await;
        assert!(now == before || now == 40, "{now} after {after}");
        nodes[0].restore(&backup, &RestoreOptions::default()).await.expect("the second try goes on");
        assert_eq!(nodes[0].count("receitas").await, 40, "{after}");
        assert_eq!(nodes[0].names().await, ["receitas"], "{after}");
        assert_eq!(nodes[0].aliases().await, [("atual".to_owned(), "receitas".to_owned())], "{after}");
    }
    assert!(failed > 10, "it has failed only {failed} times");
    assert_eq!(nodes[0].count("receitas").await, 40);
}

/// How many names each shard's file has on the disk.
fn links(backup: &Backup, name: &str) -> Vec<u64> {
    let shards = backup.manifest.shards(name).into_values();
    shards.map(|shard| backup.directory.join(&shard.path).metadata().expect("it is there").nlink()).collect()
}

async fn is_unchanged(stand: &Stand, backup: &Backup) -> bool {
    DRIVER.is_unchanged_since(stand.target(), backup).await.expect("it answers")
}

#[tokio::test]
async fn an_unchanged_cluster_is_known_and_only_what_has_changed_is_saved_again() {
    let nodes = Stand::cluster(2).await;
    fill(&nodes[0], "receitas", 1).await;
    fill(&nodes[0], "clientes", 2).await;
    let (_dir, root) = root();
    let first = nodes[0].back_up(&root).await.expect("saved").backup;
    for node in &nodes {
        assert!(is_unchanged(node, &first).await, "any node proves it for all");
    }
    // Whichever node has the points.
    write(&nodes[1], "receitas", 41, 60).await;
    for node in &nodes {
        assert!(!is_unchanged(node, &first).await);
    }
    let second = nodes[0].back_up(&root).await.expect("saved").backup;
    assert!(is_unchanged(&nodes[1], &second).await);
    assert!(!is_unchanged(&nodes[1], &first).await);
    assert_eq!(links(&second, "receitas"), [1, 1, 1], "it was written to");
    assert_eq!(links(&second, "clientes"), [2, 2, 2], "it is the same files");
    second.check().expect("unharmed");

    for name in ["receitas", "clientes"] {
        nodes[0].delete(name).await;
    }
    nodes[1].restore(&second, &RestoreOptions::default()).await.expect("restored");
    assert_eq!((nodes[0].count("receitas").await, nodes[1].count("clientes").await), (60, 40));
    assert!(!is_unchanged(&nodes[0], &second).await, "what was put back is other files");
}

#[tokio::test]
async fn a_node_that_does_not_answer_proves_nothing() {
    let nodes = Stand::cluster_of_doubles(2).await;
    fill(&nodes[0], "receitas", 2).await;
    let (_dir, root) = root();
    let backup = nodes[0].back_up(&root).await.expect("saved").backup;
    assert!(is_unchanged(&nodes[0], &backup).await);
    for after in 0..4 {
        nodes[1].fail(&format!("die-before:{after}"));
        let proven = DRIVER.is_unchanged_since(nodes[0].target(), &backup).await;
        let died = !nodes[1].is_failing().is_empty();
        nodes[1].fail("");
        assert!(!proven.unwrap_or(false) || !died, "it was not asked beyond {after} requests");
    }
    assert!(is_unchanged(&nodes[0], &backup).await);
}
