//! Putting a portable file back, and every way in which that goes wrong.

use std::path::Path;
use std::time::Duration;

use safe_compose::backup::driver::{Action, PortableFormat as _, RestoreOptions, RestorePlan, Restored};
use safe_compose::backup::export::{ExportContents, ExportFormat, scan};
use serde_json::{Value, json};

use crate::qdrant_export::{encoded, export, fill_oddly, points};
use crate::qdrant_stand::{DRIVER, Stand, why};
use crate::support::clearance;

async fn plan(stand: &Stand, from: &ExportContents, request: &RestoreOptions) -> anyhow::Result<RestorePlan> {
    DRIVER.plan_import(stand.target(), from, request).await
}

async fn import(stand: &Stand, from: &ExportContents, request: &RestoreOptions) -> anyhow::Result<Restored> {
    let plan = plan(stand, from, request).await?;
    import_as(stand, from, &plan, request).await
}

async fn import_as(
    stand: &Stand,
    from: &ExportContents,
    plan: &RestorePlan,
    request: &RestoreOptions,
) -> anyhow::Result<Restored> {
    DRIVER.import(stand.target(), from, plan, request, &clearance()).await
}

fn only(collection: &str) -> RestoreOptions {
    RestoreOptions { collections: vec![collection.to_owned()], ..RestoreOptions::default() }
}

fn file(dir: &Path, text: &str) -> ExportContents {
    let path = dir.join("a.json");
    std::fs::write(&path, text).expect("written");
    scan(&path, &mut |_| {}).expect("understood")
}

async fn info(stand: &Stand, name: &str) -> Value {
    stand.call("GET", &format!("/collections/{}", encoded(name)), Value::Null).await
}

/// A server with two collections and an alias, and an export of it.
async fn exported(stand: Stand) -> (Stand, crate::qdrant_export::Export) {
    fill_oddly(&stand, "ação 12#%").await;
    stand.fill("receitas", 50).await;
    stand.alias("atual", "receitas").await;
    let export = export(&stand, ExportFormat::Json).await.expect("exported");
    (stand, export)
}

#[tokio::test]
async fn what_was_exported_comes_back_as_it_was() {
    for kind in [ExportFormat::Json, ExportFormat::JsonLines] {
        let (stand, _) = exported(Stand::new().await).await;
        let strict = json!({ "strict_mode_config": { "enabled": true, "max_query_limit": 10_000, "upsert_max_batchsize": 1 } });
        stand.call("PATCH", "/collections/receitas", strict).await;
        let names = ["ação 12#%", "receitas"];
        let mut before = Vec::new();
        for name in names {
            before.push((info(&stand, name).await, points(&stand, name).await));
        }
        let export = export(&stand, kind).await.expect("exported");
        let fresh = Stand::new().await;
        let restored = import(&fresh, &export.contents, &RestoreOptions::default()).await.expect("restored");
        assert_eq!((restored.aliases, restored.remarks), (vec!["atual".to_owned()], Vec::new()));
        assert_eq!(fresh.names().await, names);
        for (name, (old, old_points)) in names.iter().zip(before) {
            let now = info(&fresh, name).await;
            assert_eq!(now["config"], old["config"], "{name}");
            assert_eq!(now["payload_schema"], old["payload_schema"], "{name}");
            assert_eq!(points(&fresh, name).await, old_points, "{name}");
        }
        assert_eq!(fresh.aliases().await, [("atual".to_owned(), "receitas".to_owned())]);
        assert_eq!(fresh.left_over(), [""; 0]);
    }
}

#[tokio::test]
async fn what_is_there_is_replaced_with_its_aliases_or_left_alone() {
    let (stand, export) = exported(Stand::new().await).await;
    stand.write("receitas", 51..=60).await;
    stand.alias("nova", "receitas").await;
    let skip = RestoreOptions { skip_existing: true, ..RestoreOptions::default() };
    let kept = plan(&stand, &export.contents, &skip).await.expect("planned");
    assert!(kept.steps.iter().all(|step| step.action == Action::Keep), "{kept:?}");
    let beside = RestoreOptions { rename: Some("copia".into()), ..only("receitas") };
    import(&stand, &export.contents, &beside).await.expect("restored");
    assert_eq!((stand.count("copia").await, stand.count("receitas").await), (50, 60));
    let replaced = plan(&stand, &export.contents, &only("receitas")).await.expect("planned");
    assert!(replaced.replaces() && replaced.steps[0].count == Some(50));
    let restored = import(&stand, &export.contents, &only("receitas")).await.expect("restored");
    assert_eq!(stand.count("receitas").await, 50);
    assert_eq!(restored.aliases, ["atual", "nova"]);
    assert_eq!(stand.names().await, ["ação 12#%", "copia", "receitas"]);
    assert_eq!(stand.left_over(), [""; 0]);
}

#[tokio::test]
async fn only_the_configuration_can_be_had() {
    let (_, export) = exported(Stand::new().await).await;
    let fresh = Stand::new().await;
    let request = RestoreOptions { schema_only: true, ..RestoreOptions::default() };
    import(&fresh, &export.contents, &request).await.expect("restored");
    assert_eq!((fresh.names().await.len(), fresh.count("receitas").await), (2, 0));
}

#[tokio::test]
async fn a_file_of_a_script_is_restored() {
    let dir = tempfile::tempdir().expect("a directory");
    let from = file(
        dir.path(),
        r#"{"aliases":[{"alias_name":"x","collection_name":"a"}],"collections":[
            {"points":[{"id":1,"vector":[1,2],"payload":{"n":18446744073709551615}},{"id":2,"vectors":[3.5,4]}],
             "name":"a","config":{"size":2,"distance":"Distance.DOT"},"payload_schema":{"n":"integer"}}]}"#,
    );
    let stand = Stand::new().await;
    let restored = import(&stand, &from, &RestoreOptions::default()).await.expect("restored");
    assert_eq!(restored.aliases, ["x"]);
    let found = points(&stand, "a").await;
    assert_eq!(found[0]["payload"]["n"], u64::MAX);
    assert_eq!(found[1]["vector"], json!([3.5, 4.0]));
    let now = info(&stand, "a").await;
    assert_eq!(now["payload_schema"]["n"]["data_type"], "integer");
    assert_ne!(now["config"]["optimizer_config"]["indexing_threshold"], 0, "indexing is on again");
}

#[tokio::test]
async fn a_count_that_does_not_fit_restores_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let twice = file(
        dir.path(),
        r#"{"collections":[{"name":"a","config":{"size":1,"distance":"Dot"},"points":[{"id":1,"vector":[1]},{"id":1,"vector":[2]}]}]}"#,
    );
    let stand = Stand::new().await;
    let error = why(import(&stand, &twice, &RestoreOptions::default()).await);
    assert!(error.contains("it has 1 points instead of 2"), "{error}");
    assert_eq!(stand.names().await, [""; 0]);
}

#[tokio::test]
async fn a_server_that_fails_in_the_middle_keeps_what_it_had() {
    let (stand, export) = exported(Stand::double().await).await;
    stand.write("receitas", 51..=60).await;
    for (failure, said) in [
        ("upsert-500:0", "told to take no more points"),
        ("upsert-loses", "it has 49 points instead of 50"),
        ("snapshot-500", "the server failed"),
        ("upload-empty", ""),
        ("upload-500", ""),
    ] {
        // What fails only after the old one is gone is another test.
        let request = match failure {
            "upload-empty" | "upload-500" => {
                RestoreOptions { rename: Some("copia".into()), ..only("receitas") }
            }
            _ => only("receitas"),
        };
        stand.fail(failure);
        let error = why(import(&stand, &export.contents, &request).await);
        stand.fail("");
        assert!(error.contains(said), "{failure}: {error}");
        assert_eq!(stand.names().await, ["ação 12#%", "receitas"], "{failure}: {error}");
        assert_eq!(stand.count("receitas").await, 60, "{failure}");
        assert_eq!(stand.left_over(), [""; 0], "{failure}");
    }
    import(&stand, &export.contents, &only("receitas")).await.expect("and then not");
    assert_eq!(stand.count("receitas").await, 50);
}

#[tokio::test]
async fn what_fails_after_the_switch_has_a_way_out() {
    for failure in ["upload-500", "flip-download"] {
        let (stand, export) = exported(Stand::double().await).await;
        stand.fail(failure);
        let error = why(import(&stand, &export.contents, &only("receitas")).await);
        stand.fail("");
        let names = stand.names().await;
        let beside = names.iter().find(|name| name.starts_with("receitas__restore_")).expect(&error);
        assert_eq!(stand.count(beside).await, 50);
        assert!(error.contains("No data is lost") && error.contains(beside), "{error}");
        assert!(!names.contains(&"receitas".to_owned()));
    }
}

#[tokio::test]
async fn a_server_that_is_gone_in_the_middle_is_told() {
    let (stand, export) = exported(Stand::double().await).await;
    let plan = plan(&stand, &export.contents, &only("receitas")).await.expect("planned");
    stand.fail("stall:0.1");
    let request = only("receitas");
    let gone = async {
        tokio::time::sleep(Duration::from_millis(450)).await;
        stand.fail("refuse");
    };
    let (restored, ()) = tokio::join!(import_as(&stand, &export.contents, &plan, &request), gone);
    let error = why(restored);
    assert!(error.contains("cannot"), "{error}");
    stand.fail("");
    assert_eq!(stand.count("receitas").await, 50, "what was there is there: {error}");
}

/// Ctrl-C at many moments: the collection is the old one or the new one, whole, and nothing lies about.
#[test]
fn an_interrupted_import_leaves_the_old_or_the_new() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("one");
    let servers = runtime();
    let mut counts = std::collections::BTreeSet::new();
    for step in 0..10 {
        let (stand, export) = servers.block_on(async { exported(Stand::double().await).await });
        servers.block_on(stand.write("receitas", 51..=60));
        let request = only("receitas");
        let plan = servers.block_on(plan(&stand, &export.contents, &request)).expect("planned");
        stand.fail("stall:0.02");
        let interrupted = runtime();
        interrupted.block_on(async {
            // The last one is let go to its end.
            let limit = if step == 9 { Duration::from_mins(1) } else { Duration::from_millis(120 * step) };
            let _ = tokio::time::timeout(limit, import_as(&stand, &export.contents, &plan, &request)).await;
        });
        interrupted.shutdown_timeout(Duration::from_secs(5));
        stand.fail("");
        servers.block_on(async {
            assert_eq!(stand.names().await, ["ação 12#%", "receitas"], "step {step}");
            let count = stand.count("receitas").await;
            assert!(count == 60 || count == 50, "step {step}: {count}");
            counts.insert(count);
            assert_eq!(stand.aliases().await, [("atual".to_owned(), "receitas".to_owned())]);
        });
        assert_eq!(stand.left_over(), [""; 0], "step {step}");
    }
    assert_eq!(counts.len(), 2, "both ends were met");
}

#[tokio::test]
async fn what_cannot_end_well_is_refused_before_anything_is_touched() {
    let (stand, export) = exported(Stand::new().await).await;
    for (request, said) in [
        (only("nenhuma"), "no collection `nenhuma`; it has `ação 12#%`, `receitas`"),
        (
            RestoreOptions { rename: Some("x".into()), ..RestoreOptions::default() },
            "only a single collection or database can be restored under another name",
        ),
        (
            RestoreOptions { rename: Some("atual".into()), ..only("receitas") },
            "is an alias of collection `receitas`",
        ),
    ] {
        let error = why(plan(&stand, &export.contents, &request).await);
        assert!(error.contains(said), "{error}");
    }
    let mut sharded = export.contents.clone();
    sharded.collections[1].config["params"]["sharding_method"] = json!("custom");
    let error = why(plan(&stand, &sharded, &only("receitas")).await);
    assert!(error.contains("custom sharding"), "{error}");
    // Damaged between the check and the reading.
    let mut bytes = std::fs::read(export.path()).expect("read");
    let at = bytes.windows(8).position(|word| word == b"mineira\"").expect("a payload");
    bytes[at] = b'M';
    std::fs::write(export.path(), bytes).expect("written");
    let request = RestoreOptions { rename: Some("copia".into()), ..only("receitas") };
    let error = why(import(&stand, &export.contents, &request).await);
    assert!(error.contains("changed since it was written"), "{error}");
}
