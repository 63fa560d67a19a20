//! Counting and saving a Qdrant server, and every way in which that goes wrong.
//!
//! After each failure nothing of ours is left on the server, and nothing of its own has changed.

use std::time::Duration;

use safe_compose::backup::driver::qdrant::{QdrantDriver, Timeouts};
use safe_compose::backup::driver::{Driver as _, DriverTarget, RestoreOptions};
use safe_compose::backup::fingerprint::{Difference, Fingerprint};
use safe_compose::backup::manifest::{ArtifactContents, Proof};
use safe_compose::engine::ContainerState;
use safe_compose::secret::Secret;
use serde_json::{Value, json};

use crate::backup_fixture::{names, root};
use crate::qdrant_stand::{DRIVER, PATIENCE, Stand, compare, why};

/// Two collections and an alias.
async fn filled(stand: Stand) -> Stand {
    stand.fill("receitas", 50).await;
    stand.fill("livros", 7).await;
    stand.alias("atual", "receitas").await;
    stand
}

#[tokio::test]
async fn a_server_in_recovery_mode_is_told_from_one_that_has_lost_something() {
    let stand = filled(Stand::double().await).await;
    stand.fail("unreadable:receitas,unreadable:livros");
    let lost = stand.fingerprint().await.collections["receitas"].unreadable.clone().expect("unreadable");
    assert!(lost.contains("told to be unreadable"), "{lost}");
    stand.fail("recovery-mode");
    let reason = why(DRIVER.fingerprint(stand.target()).await);
    assert!(reason.contains("recovery mode") && reason.contains("no data is lost"), "{reason}");
    let (_dir, root) = root();
    assert!(why(stand.back_up(&root).await).contains("recovery mode"));
}

#[tokio::test]
async fn everything_is_counted() {
    let stand = filled(Stand::new().await).await;
    let found = stand.fingerprint().await;
    assert_eq!(found.version, "1.19.0");
    assert_eq!(found.collections.keys().collect::<Vec<_>>(), ["livros", "receitas"]);
    let receitas = &found.collections["receitas"];
    assert_eq!((receitas.points, receitas.unreadable.as_deref()), (Some(50), None));
    assert_eq!(receitas.payload_schema, json!({ "cozinha": { "data_type": "keyword" } }));
    assert_eq!(receitas.config["params"]["vectors"]["texto"]["size"], 4);
    assert_eq!(found.aliases["atual"], "receitas");
    let without = filled(Stand::new().await.without_grpc()).await;
    assert_eq!(compare(&found, &without.fingerprint().await), []);
    assert_eq!(compare(&without.fingerprint().await, &found), []);
}

#[tokio::test]
async fn a_backup_is_whole_private_and_leaves_nothing_on_the_server() {
    for grpc in [true, false] {
        let stand = filled(Stand::new().await).await;
        let stand = if grpc { stand } else { stand.without_grpc() };
        let (_dir, root) = root();
        let saved = stand.back_up(&root).await.expect("saved");
        assert_eq!(saved.remarks, [""; 0]);
        let manifest = &saved.backup.manifest;
        assert_eq!((manifest.server.as_deref(), manifest.proof), (Some("1.19.0"), Proof::Readable));
        let paths: Vec<&str> = manifest.artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "collections/livros.snapshot",
                "collections/livros.versions.json",
                "collections/receitas.snapshot",
                "collections/receitas.versions.json",
                "configuration.json"
            ]
        );
        assert_eq!(
            manifest.artifacts[0].contents,
            ArtifactContents::CollectionSnapshot { collection: "livros".into() }
        );
        assert_eq!(
            names(&saved.backup.directory.join("collections")),
            ["livros.snapshot", "livros.versions.json", "receitas.snapshot", "receitas.versions.json"]
        );
        saved.backup.check().expect("unharmed");
        let text = std::fs::read_to_string(saved.backup.directory.join("configuration.json")).expect("read");
        let note: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(note["collections"]["receitas"]["points_count"], 50);
        assert_eq!(note["aliases"]["atual"], "receitas");
        let by_hand = manifest.manual_restore.join("\n");
        assert!(by_hand.contains("/collections/receitas/snapshots/upload?"), "{by_hand}");
        assert!(by_hand.contains(&manifest.artifacts[2].sha256) && by_hand.contains("atual"), "{by_hand}");
        assert_eq!(stand.left_over(), [""; 0]);
        assert_eq!(stand.count("receitas").await, 50);
    }
}

#[tokio::test]
async fn an_empty_server_makes_an_empty_backup() {
    let stand = Stand::new().await;
    let (_dir, root) = root();
    let saved = stand.back_up(&root).await.expect("saved");
    assert_eq!(saved.backup.manifest.artifacts.len(), 1);
}

#[tokio::test]
async fn odd_names_have_files_and_addresses_of_their_own() {
    let stand = Stand::new().await;
    let odd = ["Receitas", "receitas", "com espaço", "ção%20", "a#b&c=d", "com.ponto", "'aspas'"];
    for (at, name) in odd.iter().enumerate() {
        stand.fill(name, at as u64 + 1).await;
    }
    let (_dir, root) = root();
    let saved = stand.back_up(&root).await.expect("saved");
    let collections = saved.backup.manifest.collections();
    assert_eq!(collections.len(), odd.len());
    for name in odd {
        assert!(collections.contains(name), "{name}");
        stand.delete(name).await;
    }
    stand.restore(&saved.backup, &RestoreOptions::default()).await.expect("restored");
    for (at, name) in odd.iter().enumerate() {
        assert_eq!(stand.count(name).await, at as u64 + 1, "{name}");
    }
    assert_eq!(stand.left_over(), [""; 0]);
}

/// Backs up while the server misbehaves, and looks that nothing came of it.
async fn failing(list: &str) -> String {
    let stand = filled(Stand::double().await).await;
    let (dir, root) = root();
    stand.fail(list);
    let error = why(stand.back_up(&root).await);
    stand.fail("");
    assert_eq!(stand.left_over(), [""; 0], "{list}");
    assert_eq!((stand.count("receitas").await, stand.count("livros").await), (50, 7), "{list}");
    assert_eq!(stand.aliases().await, [("atual".to_owned(), "receitas".to_owned())], "{list}");
    let listing = root.list(None).expect("listed");
    assert!(listing.backups.is_empty() && listing.damaged.is_empty() && listing.interrupted.is_empty());
    drop(dir);
    error
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_the_server_says_is_no_backup() {
    let error = failing("wrong-checksum").await;
    assert!(error.contains("SHA-256") && error.contains("`livros`"), "{error}");
    let error = failing("flip-download").await;
    assert!(error.contains("differs from the server's"), "{error}");
    let error = failing("cut-download-quietly:3000").await;
    assert!(error.contains("stopped after 3000"), "{error}");
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_made_is_no_backup() {
    let error = failing("snapshot-500").await;
    assert!(error.contains("failed to create a snapshot of collection `livros`"), "{error}");
}

#[tokio::test]
async fn a_collection_that_cannot_be_read_is_not_passed_over() {
    let error = failing("unreadable:receitas").await;
    assert!(error.contains("collection `receitas` cannot be read, so it cannot be backed up"), "{error}");
}

#[tokio::test]
async fn a_server_that_refuses_is_named_with_every_way_tried() {
    let stand = filled(Stand::double().await).await;
    let (_dir, root) = root();
    stand.fail("refuse");
    let error = why(stand.back_up(&root).await);
    assert!(error.contains("cannot reach port 6333 of container `shop-qdrant-1`"), "{error}");
    assert!(error.contains("its published port 127.0.0.1:"), "{error}");
    assert!(why(DRIVER.fingerprint(stand.target()).await).contains("6333"));
    stand.fail("");
    stand.back_up(&root).await.expect("well again");
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_again() {
    let stand = filled(Stand::double().await).await;
    let (_dir, root) = root();
    stand.fail("cut-download:50000");
    let patient = QdrantDriver::with_timeouts(Timeouts { pause: Duration::from_secs(1), ..PATIENCE });
    let mut staging = root.stage("qdrant", jiff::Timestamp::now()).expect("staged");
    let mended = async {
        while stand.left_over().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stand.fail("");
    };
    let (dump, ()) = tokio::join!(patient.dump(stand.target(), None, &mut staging), mended);
    assert_eq!(dump.expect("resumed").artifacts.len(), 5);
    assert_eq!(stand.left_over(), [""; 0]);
    drop(staging);
    let error = failing("cut-download:50000").await;
    assert!(error.contains("the download of collection `livros` stopped"), "{error}");
}

#[tokio::test]
async fn a_download_that_stalls_is_begun_again_or_given_up() {
    let error = failing("stall-download:30").await;
    assert!(error.contains("stopped") && error.contains("no data received"), "{error}");
}

#[tokio::test]
async fn points_that_are_written_meanwhile_are_a_remark() {
    let stand = filled(Stand::double().await).await;
    let (_dir, root) = root();
    stand.fail("count-changes");
    let saved = stand.back_up(&root).await.expect("saved");
    assert!(
        saved.remarks.iter().any(|remark| remark.contains("50 points before, 51 after")),
        "{:?}",
        saved.remarks
    );
    stand.fail("");
    let Fingerprint::Qdrant(recorded) = &saved.backup.manifest.fingerprint else {
        panic!("of a Qdrant");
    };
    assert_eq!(recorded.collections["receitas"].points_after, Some(51));
    stand.delete("receitas").await;
    let restored =
        stand.restore(&saved.backup, &RestoreOptions::default()).await.expect("either count will do");
    assert_eq!(restored.remarks, [""; 0]);
}

#[tokio::test]
async fn trouble_shows_in_the_fingerprint_and_in_the_comparison() {
    let stand = filled(Stand::double().await).await;
    let before = stand.fingerprint().await;
    stand.fail("red:livros,unreadable:receitas");
    let now = stand.fingerprint().await;
    assert!(now.collections["receitas"].unreadable.is_some());
    let found = compare(&before, &now);
    assert!(matches!(&found[..], [Difference::Red { .. }, Difference::Unreadable { .. }]), "{found:?}");
    stand.fail("");
    assert_eq!(compare(&before, &stand.fingerprint().await), []);
    stand.fail("lose-collection:receitas");
    let found = compare(&before, &stand.fingerprint().await);
    assert!(
        matches!(
            &found[..],
            [Difference::MissingCollection { points: Some(50), .. }, Difference::MissingAlias { .. }]
                | [Difference::MissingCollection { points: Some(50), .. }]
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_red_collection_is_saved_with_a_remark() {
    let stand = filled(Stand::double().await).await;
    let (_dir, root) = root();
    stand.fail("red:livros");
    let saved = stand.back_up(&root).await.expect("saved");
    assert!(saved.remarks[0].contains("`livros` has status red"), "{:?}", saved.remarks);
}

#[tokio::test]
async fn keys_are_used_and_their_lack_is_explained() {
    let keys = |config: &mut qdrant_double::Config| {
        config.api_key = Some("master".into());
        config.read_only_api_key = Some("looker".into());
    };
    for grpc in [true, false] {
        let stand = filled(Stand::double_with(keys).await).await;
        let mut stand = if grpc { stand } else { stand.without_grpc() };
        let (_dir, root) = root();
        stand.back_up(&root).await.expect("the container has the key");

        stand.container().environment.clear();
        let error = why(stand.back_up(&root).await);
        assert!(
            error.contains("requires an API key") && error.contains("SAFE_COMPOSE_QDRANT_API_KEY"),
            "{error}"
        );
        // Waiting it out would end with another message.
        let waited = DRIVER.wait_ready(stand.target(), Duration::from_hours(1)).await;
        assert!(why(waited).contains("requires an API key"));

        let mut key = |key: &str| {
            let variable = "QDRANT__SERVICE__API_KEY".to_owned();
            stand.container().environment.insert(variable, Secret::new(key));
        };
        key("wrong-key");
        let error = why(stand.back_up(&root).await);
        assert!(error.contains("rejected the API key") && !error.contains("wrong-key"), "{error}");

        let mut key = |key: &str| {
            let variable = "QDRANT__SERVICE__API_KEY".to_owned();
            stand.container().environment.insert(variable, Secret::new(key));
        };
        key("looker");
        assert_eq!(stand.fingerprint().await.collections.len(), 2, "reading is enough to count");
        stand.write("livros", 8..=8).await;
        let error = why(stand.back_up(&root).await);
        assert!(error.contains("a read-only key lacks") && error.contains("`livros`"), "{error}");
        assert!(!error.contains("looker"), "{error}");

        stand.container().environment.clear();
        let given = Secret::new("master");
        let target = DriverTarget { api_key: Some(&given), ..stand.target() };
        DRIVER.fingerprint(target).await.expect("the key that was given");
    }
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let stand = filled(Stand::double().await).await;
    stand.fail("refuse");
    let failures = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stand.fail("");
    };
    let (waited, ()) = tokio::join!(DRIVER.wait_ready(stand.target(), Duration::from_secs(20)), failures);
    waited.expect("it came");
    stand.fail("refuse");
    let error = why(DRIVER.wait_ready(stand.target(), Duration::from_millis(700)).await);
    assert!(error.starts_with("`qdrant` did not answer within"), "{error}");
    assert!(error.contains("published port"), "{error}");
}

#[tokio::test]
async fn a_server_that_has_stopped_is_not_waited_for() {
    let mut stand = Stand::double().await;
    stand.fail("refuse");
    let mut stopped = stand.container().clone();
    stopped.state = ContainerState::Exited;
    stopped.exit_code = 101;
    stand.engine = safe_compose::engine::memory::MemoryEngine::new().with_container(stopped);
    let error = why(DRIVER.wait_ready(stand.target(), Duration::from_hours(1)).await);
    assert_eq!(error, "container `shop-qdrant-1` has stopped with exit code 101");
}

/// Ctrl-C drops the work where it stands.
#[test]
fn an_interrupted_backup_cleans_up_behind_itself() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("one");
    let server =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("two");
    let stand = server.block_on(async { filled(Stand::double().await).await });
    stand.fail("stall-download:30");
    let (_dir, root) = root();
    runtime.block_on(async {
        let patient = QdrantDriver::new();
        let mut staging = root.stage("qdrant", jiff::Timestamp::now()).expect("staged");
        let made = async {
            while !stand.left_over().iter().any(|path| path.ends_with(".snapshot")) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        tokio::select! {
            _ = patient.dump(stand.target(), None, &mut staging) => panic!("it hangs"),
            () = made => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert_eq!(stand.left_over(), [""; 0]);
    server.block_on(async { assert_eq!(stand.count("receitas").await, 50) });
}

#[tokio::test]
async fn collections_may_come_and_go_while_a_backup_is_made() {
    let stand = filled(Stand::double().await).await;
    let (_dir, root) = root();
    stand.fail("stall:0.1");
    let changes = async {
        while stand.server_files("snapshots/livros").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stand.delete("receitas").await;
        stand.fill("nova", 3).await;
    };
    let (saved, ()) = tokio::join!(stand.back_up(&root), changes);
    stand.fail("");
    let saved = saved.expect("saved");
    assert_eq!(saved.backup.manifest.collections().into_iter().collect::<Vec<_>>(), ["livros", "nova"]);
    assert!(saved.remarks.iter().any(|remark| remark.contains("`receitas` was deleted during")));
    let Fingerprint::Qdrant(recorded) = &saved.backup.manifest.fingerprint else { panic!("of a Qdrant") };
    assert!(recorded.aliases.is_empty(), "its alias went with it");
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn strict_collections_are_counted_too() {
    let stand = filled(Stand::new().await).await;
    let strict = json!({ "strict_mode_config": {
        "enabled": true, "search_allow_exact": false, "max_query_limit": 7, "max_timeout": 5
    } });
    stand.call("PATCH", "/collections/receitas", strict).await;
    let found = stand.fingerprint().await;
    assert_eq!(
        found.collections["receitas"].points,
        Some(50),
        "{:?}",
        found.collections["receitas"].unreadable
    );
    let (_dir, root) = root();
    let saved = stand.back_up(&root).await.expect("saved");
    stand.delete("receitas").await;
    stand
        .restore(&saved.backup, &RestoreOptions { skip_existing: true, ..RestoreOptions::default() })
        .await
        .expect("restored");
    assert_eq!(compare(&found, &stand.fingerprint().await), []);
    stand.delete("receitas").await;
    let schema = RestoreOptions { schema_only: true, ..RestoreOptions::default() };
    stand.restore(&saved.backup, &schema).await.expect("created");
    let config = &stand.fingerprint().await.collections["receitas"].config;
    assert_eq!(config["strict_mode_config"]["max_query_limit"], 7);
}
