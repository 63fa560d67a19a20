//! Putting a Qdrant backup back, and every way in which that goes wrong.

use std::time::Duration;

use safe_compose::backup::driver::{Action, RestoreOptions};
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::store::Backup;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup_fixture::root;
use crate::qdrant_stand::{Stand, compare, why};

pub(crate) fn only(collection: &str) -> RestoreOptions {
    RestoreOptions { collections: vec![collection.into()], ..RestoreOptions::default() }
}

/// A server with two collections and two aliases, and a backup of it.
pub(crate) async fn saved(stand: Stand) -> (Stand, Backup, TempDir) {
    stand.fill("receitas", 50).await;
    stand.fill("livros", 7).await;
    stand.alias("atual", "receitas").await;
    stand.alias("estante", "livros").await;
    let (dir, root) = root();
    let backup = stand.back_up(&root).await.expect("saved").backup;
    (stand, backup, dir)
}

pub(crate) fn alias(alias: &str, collection: &str) -> (String, String) {
    (alias.to_owned(), collection.to_owned())
}

#[tokio::test]
async fn what_was_lost_comes_back_with_its_aliases() {
    for grpc in [true, false] {
        let (stand, backup, _dir) = saved(Stand::new().await).await;
        let stand = if grpc { stand } else { stand.without_grpc() };
        let before = stand.fingerprint().await;
        let point = stand.call("GET", "/collections/receitas/points/7", Value::Null).await;
        stand.delete("receitas").await;
        stand.delete("livros").await;
        assert_eq!(compare(&before, &stand.fingerprint().await).len(), 4);
        let plan = stand.plan(&backup, &RestoreOptions::default()).await.expect("planned");
        assert!(!plan.replaces());
        assert_eq!(plan.steps[1].count, Some(50));
        let restored = stand.restore_as(&backup, &plan, &RestoreOptions::default()).await.expect("restored");
        assert_eq!(restored.aliases, ["estante", "atual"]);
        assert_eq!(restored.remarks, [""; 0]);
        let after = stand.fingerprint().await;
        assert_eq!(compare(&before, &after), []);
        assert_eq!(
            after.collections["receitas"].payload_schema,
            before.collections["receitas"].payload_schema
        );
        assert_eq!(stand.call("GET", "/collections/receitas/points/7", Value::Null).await, point);
        assert_eq!(stand.left_over(), [""; 0], "the uploaded copies are gone");
    }
}

#[tokio::test]
async fn what_is_there_is_replaced_whole() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    stand.write("receitas", 51..=60).await;
    stand.alias("nova", "receitas").await;
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    assert_eq!(plan.steps.iter().map(|step| step.action).collect::<Vec<_>>(), [Action::Replace]);
    let restored = stand.restore_as(&backup, &plan, &only("receitas")).await.expect("restored");
    assert_eq!(stand.count("receitas").await, 50, "never merged");
    assert_eq!(stand.count("livros").await, 7);
    assert_eq!(stand.names().await, ["livros", "receitas"], "nothing is left of the way");
    assert_eq!(restored.aliases, ["atual", "nova"], "those too that are younger than the backup");
    let aliases = [alias("atual", "receitas"), alias("estante", "livros"), alias("nova", "receitas")];
    assert_eq!(stand.aliases().await, aliases);
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn what_is_there_can_stay() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    stand.write("receitas", 51..=60).await;
    stand.delete("livros").await;
    let request = RestoreOptions { skip_existing: true, ..RestoreOptions::default() };
    let restored = stand.restore(&backup, &request).await.expect("restored");
    let actions: Vec<Action> = restored.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Create, Action::Keep]);
    assert_eq!((stand.count("receitas").await, stand.count("livros").await), (60, 7));
}

#[tokio::test]
async fn a_copy_under_another_name_gets_no_alias() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    let request = RestoreOptions { rename: Some("cópia".into()), ..only("receitas") };
    let restored = stand.restore(&backup, &request).await.expect("restored");
    assert_eq!(restored.aliases, [""; 0]);
    assert_eq!((stand.count("cópia").await, stand.count("receitas").await), (50, 50));
    assert_eq!(stand.aliases().await, [alias("atual", "receitas"), alias("estante", "livros")]);
}

#[tokio::test]
async fn an_alias_that_leads_elsewhere_now_is_left() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    stand.delete("receitas").await;
    stand.alias("atual", "livros").await;
    let restored = stand.restore(&backup, &only("receitas")).await.expect("restored");
    assert_eq!(restored.aliases, [""; 0]);
    assert!(restored.remarks[0].contains("alias `atual` points to `receitas`"), "{:?}", restored.remarks);
    assert_eq!(stand.aliases().await, [alias("atual", "livros"), alias("estante", "livros")]);
}

#[tokio::test]
async fn collections_come_back_empty_from_their_configuration_alone() {
    let (stand, mut backup, _dir) = saved(Stand::new().await).await;
    let before = stand.fingerprint().await;
    stand.delete("receitas").await;
    // As it is made of a record: there is no file.
    backup.directory = "/nonexistent".into();
    backup.manifest.artifacts.clear();
    let request = RestoreOptions { schema_only: true, ..RestoreOptions::default() };
    let restored = stand.restore(&backup, &request).await.expect("restored");
    let actions: Vec<Action> = restored.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Keep, Action::Create], "nothing empty takes the place of something");
    assert_eq!(restored.aliases, ["atual"]);
    let after = stand.fingerprint().await;
    assert_eq!(after.collections["receitas"].points, Some(0));
    assert_eq!(after.collections["receitas"].config, before.collections["receitas"].config);
    assert_eq!(after.collections["receitas"].payload_schema, before.collections["receitas"].payload_schema);
    assert_eq!(after.collections["livros"].points, Some(7));
}

#[tokio::test]
async fn what_cannot_end_well_is_refused_before_anything_is_touched() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    let before = stand.fingerprint().await;
    let refused = async |backup: &Backup, request: RestoreOptions| why(stand.plan(backup, &request).await);

    let error = refused(&backup, only("nenhuma")).await;
    assert_eq!(error, "the backup has no collection `nenhuma`; it has `livros`, `receitas`");
    let error =
        refused(&backup, RestoreOptions { rename: Some("x".into()), ..RestoreOptions::default() }).await;
    assert!(
        error.contains("only a single collection or database can be restored under another name, and 2"),
        "{error}"
    );
    let error = refused(&backup, RestoreOptions { rename: Some("estante".into()), ..only("receitas") }).await;
    assert!(error.contains("`estante` is an alias of collection `livros`"), "{error}");

    let mut of_other = backup.clone();
    for (version, word) in [("1.20.1", "older"), ("1.17.3", "restore into 1.17"), ("2.0.0", "older")] {
        of_other.manifest.server = Some(version.into());
        let error = refused(&of_other, RestoreOptions::default()).await;
        assert!(error.contains(version) && error.contains(word), "{error}");
    }
    for version in ["1.18.2", "1.19.5"] {
        of_other.manifest.server = Some(version.into());
        stand.plan(&of_other, &RestoreOptions::default()).await.expect("fits");
    }

    let mut by_hand = backup.clone();
    let Fingerprint::Qdrant(recorded) = &mut by_hand.manifest.fingerprint else { panic!("of a Qdrant") };
    let config = &mut recorded.collections.get_mut("receitas").expect("there").config;
    config["params"]["sharding_method"] = json!("custom");
    let error = refused(&by_hand, RestoreOptions::default()).await;
    assert!(error.contains("qdrant#10135"), "{error}");
    stand.plan(&by_hand, &only("livros")).await.expect("the other one is well");

    let file = backup.directory.join("collections/receitas.snapshot");
    let mut bytes = std::fs::read(&file).expect("read");
    bytes[70_000] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let error = refused(&backup, RestoreOptions::default()).await;
    assert!(error.contains("`receitas` is damaged"), "{error}");
    assert_eq!(compare(&before, &stand.fingerprint().await), []);
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn a_backup_of_files_is_no_backup_of_a_server() {
    let (stand, mut backup, _dir) = saved(Stand::new().await).await;
    backup.manifest.fingerprint = Fingerprint::Volume { entries: 1, bytes: 1 };
    let error = why(stand.plan(&backup, &RestoreOptions::default()).await);
    assert!(error.contains("is not a backup of a Qdrant server"), "{error}");
}

#[tokio::test]
async fn a_new_collection_that_did_not_come_out_whole_is_taken_back() {
    for (failure, word) in [("upload-empty", "has 0 of 50 points"), ("upload-500", "failed to upload")] {
        let (stand, backup, _dir) = saved(Stand::double().await).await;
        stand.delete("receitas").await;
        stand.fail(failure);
        let error = why(stand.restore(&backup, &only("receitas")).await);
        assert!(
            error.starts_with("collection `receitas` was not restored") && error.contains(word),
            "{error}"
        );
        stand.fail("");
        assert_eq!(stand.names().await, ["livros"], "{failure}");
        assert_eq!(stand.left_over(), [""; 0], "{failure}");
        stand.restore(&backup, &only("receitas")).await.expect("the next time");
        assert_eq!(stand.count("receitas").await, 50);
    }
}

#[tokio::test]
async fn what_is_there_stays_when_the_backup_is_not_whole_beside_it() {
    for failure in ["upload-empty", "upload-500"] {
        let (stand, backup, _dir) = saved(Stand::double().await).await;
        stand.write("receitas", 51..=60).await;
        stand.fail(failure);
        let error = why(stand.restore(&backup, &only("receitas")).await);
        assert!(error.contains("the collection was not touched"), "{error}");
        stand.fail("");
        assert_eq!(stand.names().await, ["livros", "receitas"], "{failure}");
        assert_eq!(stand.count("receitas").await, 60, "{failure}");
        assert_eq!(stand.aliases().await, [alias("atual", "receitas"), alias("estante", "livros")]);
        assert_eq!(stand.left_over(), [""; 0], "{failure}");
    }
}

#[tokio::test]
async fn a_damaged_file_never_reaches_a_collection() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    // Between the plan and the restore.
    let file = backup.directory.join("collections/receitas.snapshot");
    let mut bytes = std::fs::read(&file).expect("read");
    bytes[70_000] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let error = why(stand.restore_as(&backup, &plan, &only("receitas")).await);
    assert!(error.contains("not touched") && error.to_lowercase().contains("checksum"), "{error}");
    assert_eq!(
        (stand.names().await, stand.count("receitas").await),
        (vec!["livros".into(), "receitas".into()], 50)
    );
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn a_collection_that_has_come_since_the_plan_is_not_overwritten() {
    let (stand, backup, _dir) = saved(Stand::new().await).await;
    stand.delete("livros").await;
    let plan = stand.plan(&backup, &only("livros")).await.expect("planned");
    stand.fill("livros", 3).await;
    let error = why(stand.restore_as(&backup, &plan, &only("livros")).await);
    assert!(error.contains("was created after"), "{error}");
    assert_eq!(stand.count("livros").await, 3);
}

#[tokio::test]
async fn a_key_that_may_only_read_restores_nothing() {
    let keys = |config: &mut qdrant_double::Config| {
        config.api_key = Some("master".into());
        config.read_only_api_key = Some("looker".into());
    };
    let (mut stand, backup, _dir) = saved(Stand::double_with(keys).await).await;
    let variable = "QDRANT__SERVICE__API_KEY".to_owned();
    stand.container().environment.insert(variable, safe_compose::secret::Secret::new("looker"));
    let error =
        why(stand.restore(&backup, &RestoreOptions { rename: Some("x".into()), ..only("livros") }).await);
    assert!(error.contains("full access to the server"), "{error}");
    assert_eq!(stand.names().await, ["livros", "receitas"]);
}

/// The old one is gone when the new one fails to come.
#[tokio::test]
async fn what_fails_after_the_switch_has_a_way_out() {
    let (stand, backup, _dir) = saved(Stand::double().await).await;
    let plan = stand.plan(&backup, &only("receitas")).await.expect("planned");
    let request = only("receitas");
    // Late answers, so that the moment between the deletion and the upload can be met.
    stand.fail("stall:0.3");
    let restoring = stand.restore_as(&backup, &plan, &request);
    let switched = async {
        while stand.server_files("storage/collections/receitas").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while !stand.server_files("storage/collections/receitas").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stand.fail("upload-500");
    };
    let (restored, ()) = tokio::join!(restoring, switched);
    let error = why(restored);
    stand.fail("");
    let names = stand.names().await;
    let [livros, beside] = names.as_slice() else { panic!("{names:?}: {error}") };
    assert!(livros == "livros" && beside.starts_with("receitas__restore_"), "{names:?}");
    assert_eq!(stand.count(beside).await, 50);
    assert!(error.contains("No data is lost") && error.contains(beside), "{error}");
    // The way out that the message names.
    let restored = stand.restore(&backup, &only("receitas")).await.expect("once more");
    assert_eq!((stand.count("receitas").await, restored.aliases), (50, vec!["atual".to_owned()]));
    assert_eq!(stand.left_over(), [""; 0]);
}

/// Ctrl-C at many moments: the collection is the old one or the new one, whole, and nothing lies about.
#[test]
fn an_interrupted_restore_leaves_the_old_or_the_new() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("one");
    let servers = runtime();
    let mut counts = std::collections::BTreeSet::new();
    for step in 0..12 {
        let (stand, backup, _dir) = servers.block_on(async { saved(Stand::double().await).await });
        servers.block_on(stand.write("receitas", 51..=60));
        let request = only("receitas");
        let plan = servers.block_on(stand.plan(&backup, &request)).expect("planned");
        stand.fail("stall:0.04");
        let interrupted = runtime();
        interrupted.block_on(async {
            // The last one is not interrupted.
            let limit = if step < 11 { Duration::from_millis(150 * step) } else { Duration::MAX };
            let _ = tokio::time::timeout(limit, stand.restore_as(&backup, &plan, &request)).await;
        });
        // Enough to clean up; a switch under way was waited for before.
        interrupted.shutdown_timeout(Duration::from_secs(5));
        stand.fail("");
        servers.block_on(async {
            assert_eq!(stand.names().await, ["livros", "receitas"], "step {step}");
            let count = stand.count("receitas").await;
            assert!(count == 60 || count == 50, "step {step}: {count}");
            counts.insert(count);
            assert_eq!(stand.aliases().await, [alias("atual", "receitas"), alias("estante", "livros")]);
        });
        assert_eq!(stand.left_over(), [""; 0], "step {step}");
    }
    assert_eq!(counts.len(), 2, "both ends were met");
}
