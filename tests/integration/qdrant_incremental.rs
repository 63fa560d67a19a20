//! Backups that cost what has changed: nothing, a few files, or all of it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use safe_compose::backup::driver::{Driver as _, RestoreOptions};
use safe_compose::backup::fingerprint::{Difference, Fingerprint};
use safe_compose::backup::manifest::ArtifactContents;
use safe_compose::backup::store::Backup;
use safe_compose::backup::test_restore::TestRestoreResult;
use serde_json::{Value, json};

use crate::backup_fixture::{names, root};
use crate::qdrant_stand::{DRIVER, Stand, compare, why};

async fn is_unchanged(stand: &Stand, backup: &Backup) -> bool {
    DRIVER.is_unchanged_since(stand.target(), backup).await.expect("it answers")
}

/// How many snapshots the server has made of a collection.
async fn snapshots(stand: &Stand, collection: &str) -> u64 {
    let told = stand.call("GET", "/telemetry?details_level=3", Value::Null).await;
    let counters = told["collections"]["snapshots"].as_array().expect("counters").clone();
    let one = counters.iter().find(|one| one["id"] == collection).expect("it is there");
    one["total_snapshot_creations"].as_u64().expect("a count")
}

fn inode(backup: &Backup, path: &str) -> u64 {
    backup.directory.join(path).metadata().expect("a file").ino()
}

fn deltas(backup: &Backup) -> usize {
    backup
        .manifest
        .artifacts
        .iter()
        .filter(|one| matches!(one.contents, ArtifactContents::CollectionIncrement { .. }))
        .count()
}

async fn set_payload(stand: &Stand, collection: &str, point: u64, payload: Value) {
    let body = json!({ "payload": payload, "points": [point] });
    stand.call("POST", &format!("/collections/{collection}/points/payload?wait=true"), body).await;
}

async fn payload(stand: &Stand, collection: &str, point: u64) -> Value {
    stand.call("GET", &format!("/collections/{collection}/points/{point}"), Value::Null).await["payload"]
        .clone()
}

/// Makes a collection of many segments, so that a change of one point is a change of a small part.
async fn fill_in_segments(stand: &Stand, collection: &str, points: u64) {
    let body = json!({
        "vectors": { "texto": { "size": 4, "distance": "Cosine" }, "imagem": { "size": 3, "distance": "Euclid" } },
        "sparse_vectors": { "termos": {} },
        "optimizers_config": { "default_segment_number": 8 }
    });
    stand.call("PUT", &format!("/collections/{collection}"), body).await;
    stand.write(collection, 1..=points).await;
}

/// What a backup contains, restored under another name.
async fn count_of(stand: &Stand, backup: &Backup) -> u64 {
    let options = RestoreOptions {
        collections: vec!["receitas".into()],
        rename: Some("copia".into()),
        ..RestoreOptions::default()
    };
    stand.restore(backup, &options).await.expect("restored");
    let count = stand.count("copia").await;
    stand.delete("copia").await;
    count
}

async fn delete_points(stand: &Stand, collection: &str, ids: std::ops::RangeInclusive<u64>) {
    let body = json!({ "points": ids.collect::<Vec<_>>() });
    stand.call("POST", &format!("/collections/{collection}/points/delete?wait=true"), body).await;
}

#[tokio::test]
async fn unchanged_costs_nothing_and_every_change_shows() {
    let stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    stand.fill("livros", 7).await;
    stand.alias("atual", "receitas").await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    assert!(is_unchanged(&stand, &first).await);
    stand.count("receitas").await;
    assert!(is_unchanged(&stand, &first).await, "a question changes nothing");

    stand.alias("outra", "livros").await;
    assert!(!is_unchanged(&stand, &first).await);
    let second = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((snapshots(&stand, "receitas").await, snapshots(&stand, "livros").await), (1, 1));
    for path in ["collections/receitas.snapshot", "collections/livros.snapshot"] {
        assert_eq!(inode(&first, path), inode(&second, path), "{path}");
    }
    assert!(is_unchanged(&stand, &second).await);

    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    assert!(!is_unchanged(&stand, &second).await);
    let third = stand.back_up(&root).await.expect("saved").backup;
    assert!(is_unchanged(&stand, &third).await);
    stand.fill("nova", 1).await;
    assert!(!is_unchanged(&stand, &third).await);
    stand.delete("nova").await;
    assert!(is_unchanged(&stand, &third).await);
    stand.delete("livros").await;
    stand.fill("livros", 7).await;
    assert!(!is_unchanged(&stand, &third).await, "made again, with other segments");
}

/// Counter and segments come back with a snapshot; only the files tell.
#[tokio::test]
async fn a_snapshot_that_was_put_over_a_collection_is_a_change() {
    let stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let (_dir, root) = root();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    assert!(is_unchanged(&stand, &backup).await);
    stand.upload("receitas", &backup.directory.join("collections/receitas.snapshot")).await;
    assert_eq!(stand.count("receitas").await, 50);
    assert!(!is_unchanged(&stand, &backup).await);
}

#[tokio::test]
async fn without_a_look_at_the_files_nothing_is_proven() {
    let mut stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let (_dir, root) = root();
    stand.container().mounts.clear();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    assert!(!is_unchanged(&stand, &backup).await);
    let again = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((snapshots(&stand, "receitas").await, deltas(&again)), (2, 0), "a restore would not be seen");
}

/// The versions of the segments go back with a restore, and the server sends only files with higher ones.
#[tokio::test]
async fn a_restore_ends_a_chain() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    delete_points(&stand, "receitas", 1..=400).await;
    assert_eq!(stand.count("receitas").await, 400);
    let safety = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(count_of(&stand, &safety).await, 400);
    stand.restore(&first, &RestoreOptions::default()).await.expect("restored");
    assert!(!is_unchanged(&stand, &safety).await);
    let second = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(deltas(&second), 0);
    assert_eq!(count_of(&stand, &second).await, 800);
    assert!(is_unchanged(&stand, &second).await);
}

#[tokio::test]
async fn a_restore_by_somebody_else_ends_a_chain() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    delete_points(&stand, "receitas", 1..=400).await;
    let second = stand.back_up(&root).await.expect("saved").backup;
    stand.upload("receitas", &first.directory.join("collections/receitas.snapshot")).await;
    stand.write("receitas", 801..=801).await;
    assert!(!is_unchanged(&stand, &second).await);
    let third = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((deltas(&third), count_of(&stand, &third).await), (0, 801));
}

/// The counter is that of the last 64th write after a restart, and stands still until the next write.
#[tokio::test]
async fn what_was_written_between_two_restarts_shows() {
    let mut stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let (_dir, root) = root();
    stand.kill_and_start().await;
    let backup = stand.back_up(&root).await.expect("saved").backup;
    stand.kill_and_start().await;
    assert!(is_unchanged(&stand, &backup).await, "a restart is no write");
    delete_points(&stand, "receitas", 1..=17).await;
    stand.kill_and_start().await;
    assert!(!is_unchanged(&stand, &backup).await);
    let next = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((deltas(&next), count_of(&stand, &next).await), (0, 33));
}

#[tokio::test]
async fn a_restart_ends_a_chain_but_proves_no_change() {
    let mut stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    stand.stop_and_start().await;
    assert!(is_unchanged(&stand, &first).await);
    let linked = stand.back_up(&root).await.expect("saved").backup;
    let path = "collections/receitas.snapshot";
    assert_eq!(inode(&linked, path), inode(&first, path));
    assert_eq!(
        names(&linked.directory.join("collections")),
        ["receitas.snapshot"],
        "no increment starts here"
    );
    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    let full = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(deltas(&full), 0);
    set_payload(&stand, "receitas", 3, json!({ "n": 34 })).await;
    assert_eq!(deltas(&stand.back_up(&root).await.expect("saved").backup), 1);
}

/// The server changes the points that exist, and does not count the operation.
#[tokio::test]
async fn an_operation_that_fails_halfway_is_a_change() {
    let stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let (_dir, root) = root();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    let body = json!({ "payload": { "n": 99 }, "points": [3, 1000] });
    let answer = stand.ask("POST", "/collections/receitas/points/payload?wait=true", body).await;
    assert_ne!(answer["status"], "ok", "{answer}");
    assert_eq!(payload(&stand, "receitas", 3).await["n"], 99);
    assert!(!is_unchanged(&stand, &backup).await);
    stand.back_up(&root).await.expect("saved");
}

#[tokio::test]
async fn a_backup_that_failed_its_test_restore_is_no_ground_for_the_next() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    let mut second = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(deltas(&second), 1);
    let failed = TestRestoreResult {
        image: "qdrant/qdrant:v1.19.0".into(),
        server: Some("1.19.0".into()),
        contents: None,
        reasons: vec!["points are missing".into()],
    };
    second.record_test_restore(&failed).expect("recorded");
    assert!(!is_unchanged(&stand, &second).await);
    let name = |found: Option<Backup>| found.map(|backup| backup.name());
    assert_eq!(name(root.latest("qdrant").expect("listed")), Some(first.name()));
    assert_eq!(name(root.newest("qdrant").expect("listed")), Some(first.name()));
    assert_eq!(root.find("qdrant", "latest").expect("found").name(), first.name());
    let third = stand.back_up(&root).await.expect("saved").backup;
    let tar =
        |backup: &Backup| std::fs::metadata(backup.directory.join("collections/receitas.changes-01.tar"));
    assert!(tar(&third).is_ok_and(|tar| tar.ino() != tar_inode(&second)), "it starts from the first one");
}

fn tar_inode(backup: &Backup) -> u64 {
    inode(backup, "collections/receitas.changes-01.tar")
}

/// The commands in the manifest need a shell, `tar` and `curl`, and no server that merges.
#[tokio::test]
async fn a_chain_is_restored_by_hand() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    stand.back_up(&root).await.expect("saved");
    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    stand.back_up(&root).await.expect("saved");
    delete_points(&stand, "receitas", 1..=1).await;
    let backup = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(deltas(&backup), 2);
    stand.delete("receitas").await;
    let script = backup.manifest.manual_restore.join("\n").replace("http://localhost:6333", &stand.url(""));
    run_script(&backup.directory, &script).await;
    assert_eq!(stand.count("receitas").await, 799);
    assert_eq!(payload(&stand, "receitas", 3).await["n"], 33);
    backup.check().expect("nothing is left in it");
}

#[expect(clippy::disallowed_methods, reason = "people use a shell")]
async fn run_script(directory: &Path, script: &str) {
    let (directory, script) = (directory.to_owned(), format!("set -e\n{script}"));
    let ran = tokio::task::spawn_blocking(move || {
        std::process::Command::new("sh").current_dir(directory).args(["-c", &script]).output()
    });
    let output = ran.await.expect("not cancelled").expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_change_costs_what_it_is_and_each_backup_is_whole_by_itself() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    let second = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((snapshots(&stand, "receitas").await, deltas(&second)), (1, 1));
    stand.write("receitas", 801..=801).await;
    let third = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!(deltas(&third), 2);
    assert_eq!(
        names(&third.directory.join("collections")),
        ["receitas.changes-01.tar", "receitas.changes-02.tar", "receitas.snapshot", "receitas.versions.json"]
    );
    assert_eq!(
        inode(&first, "collections/receitas.snapshot"),
        inode(&third, "collections/receitas.snapshot")
    );
    // The others are gone, and it is whole all the same.
    for earlier in [&first, &second] {
        std::fs::remove_dir_all(&earlier.directory).expect("removed");
    }
    third.check().expect("whole");
    stand.delete("receitas").await;
    stand.restore(&third, &RestoreOptions::default()).await.expect("restored");
    assert_eq!(stand.count("receitas").await, 801);
    assert_eq!(payload(&stand, "receitas", 3).await["n"], 33);
    let Fingerprint::Qdrant(recorded) = &third.manifest.fingerprint else { panic!("not of a Qdrant") };
    assert_eq!(compare(recorded, &stand.fingerprint().await), []);
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn changes_that_are_large_are_saved_as_a_whole() {
    let stand = Stand::new().await;
    stand.fill("receitas", 200).await;
    let (_dir, root) = root();
    stand.back_up(&root).await.expect("saved");
    stand.write("receitas", 1..=3000).await;
    let second = stand.back_up(&root).await.expect("saved").backup;
    assert_eq!((snapshots(&stand, "receitas").await, deltas(&second)), (2, 0));
}

#[tokio::test]
async fn whatever_is_odd_about_changes_ends_in_a_whole_snapshot() {
    let stand = Stand::double().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    stand.back_up(&root).await.expect("saved");
    for (at, failure) in
        ["changes-500", "cut-stream:0", "cut-stream:100000", "cut-stream:5120"].iter().enumerate()
    {
        set_payload(&stand, "receitas", 3, json!({ "n": at })).await;
        stand.fail(failure);
        let saved = stand.back_up(&root).await.expect("saved");
        assert_eq!(deltas(&saved.backup), 0, "{failure}");
        saved.backup.check().expect("whole");
        stand.fail("");
    }
    set_payload(&stand, "receitas", 3, json!({ "n": 99 })).await;
    assert_eq!(deltas(&stand.back_up(&root).await.expect("saved").backup), 1, "it is sound again");
}

#[tokio::test]
async fn a_damaged_backup_is_no_ground_for_the_next() {
    let stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let (_dir, root) = root();
    let first = stand.back_up(&root).await.expect("saved").backup;
    let path = first.directory.join("collections/receitas.snapshot");
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let second = stand.back_up(&root).await.expect("saved");
    assert!(
        second.remarks.iter().any(|remark| remark.contains("gets a full backup")),
        "{:?}",
        second.remarks
    );
    second.backup.check().expect("whole");
    assert_eq!(snapshots(&stand, "receitas").await, 2);
}

#[tokio::test]
async fn a_damaged_or_missing_link_is_not_restored() {
    let stand = Stand::new().await;
    fill_in_segments(&stand, "receitas", 800).await;
    let (_dir, root) = root();
    stand.back_up(&root).await.expect("saved");
    set_payload(&stand, "receitas", 3, json!({ "n": 33 })).await;
    let backup = stand.back_up(&root).await.expect("saved").backup;
    let path = backup.directory.join("collections/receitas.changes-01.tar");
    let sound = std::fs::read(&path).expect("read");
    let mut flipped = sound.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&path, flipped).expect("written");
    let error = why(stand.restore(&backup, &RestoreOptions::default()).await);
    assert!(error.contains("is damaged"), "{error}");
    std::fs::write(&path, sound).expect("written");
    let mut headless = backup.clone();
    headless
        .manifest
        .artifacts
        .retain(|one| !matches!(one.contents, ArtifactContents::CollectionSnapshot { .. }));
    assert!(stand.restore(&headless, &RestoreOptions::default()).await.expect("nothing").steps.is_empty());
    let request = RestoreOptions { collections: vec!["receitas".into()], ..RestoreOptions::default() };
    assert!(why(stand.restore(&headless, &request).await).contains("no collection"));
    stand.restore(&backup, &RestoreOptions::default()).await.expect("sound again");
}

#[tokio::test]
async fn vectors_that_have_become_zero_are_found() {
    let stand = Stand::new().await;
    stand.fill("receitas", 50).await;
    let before = stand.fingerprint().await;
    assert_eq!(compare(&before, &stand.fingerprint().await), []);
    let zero = json!({ "points": [{ "id": 1, "vector": { "imagem": [0, 0, 0] } }, { "id": 2, "vector": { "imagem": [0, 0, 0] } }] });
    stand.call("PUT", "/collections/receitas/points/vectors?wait=true", zero).await;
    let found = compare(&before, &stand.fingerprint().await);
    assert!(matches!(found.as_slice(), [Difference::ZeroVectors { .. }]), "{found:?}");
}
