//! Holder containers on an engine in memory, and how the guard accounts for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::Invocation;
use safe_compose::compose::model::{Model, VolumeDeclaration};
use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::{Container, ContainerState, Engine as _, EngineError, HOLDER_LABEL, Volume};
use safe_compose::guard::{HazardContext, assess};
use safe_compose::inventory::Inventory;
use safe_compose::policy::{Effect, Subject};
use safe_compose::protect::{self, ProtectError, ProtectOutcome, Protection};
use safe_compose::settings::Settings;

use crate::support::clearance;

fn volume(name: &str) -> Volume {
    let labels = [("com.docker.compose.project", "shop"), ("com.docker.compose.volume", "data")];
    Volume {
        name: name.into(),
        driver: "local".into(),
        options: BTreeMap::new(),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        created: Some("2026-01-01T00:00:00Z".into()),
        mountpoint: PathBuf::new(),
        identity: None,
    }
}

fn engine() -> MemoryEngine {
    MemoryEngine::new().with_volume(volume("shop_data")).with_volume(volume("shop_wal"))
}

/// A holder of `shop_data`, as the engine has it.
async fn holder() -> Container {
    let engine = engine();
    protect::protect(&engine, "shop_data", "shop").await.expect("protected");
    engine.holders().await.expect("asked").remove(0)
}

#[tokio::test]
async fn protecting_again_does_nothing_and_a_stopped_holder_is_started() {
    let engine = engine();
    assert_eq!(protect::protect(&engine, "shop_data", "shop").await.expect("made"), ProtectOutcome::Created);
    assert_eq!(
        protect::protect(&engine, "shop_data", "shop").await.expect("there"),
        ProtectOutcome::AlreadyProtected
    );
    assert_eq!(engine.count(EngineMethod::CreateHolder), 1);

    let name = protect::holder_name("shop_data");
    engine.set_state(&name, ContainerState::Exited);
    let holders = engine.holders().await.expect("asked");
    assert_eq!(protect::protection(&holders, "shop_data"), Protection::Stopped);
    assert_eq!(
        protect::protect(&engine, "shop_data", "shop").await.expect("started"),
        ProtectOutcome::Started
    );

    engine.set_state(&name, ContainerState::Paused);
    assert_eq!(
        protect::protect(&engine, "shop_data", "shop").await.expect("there"),
        ProtectOutcome::AlreadyProtected
    );
    let holders = engine.holders().await.expect("asked");
    assert_eq!(protect::protection(&holders, "shop_data"), Protection::Holding);
    assert_eq!(protect::protection(&holders, "shop_wal"), Protection::None);
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].labels[protect::PROJECT_LABEL], "shop");
}

#[tokio::test]
async fn a_failed_protection_creates_no_container() {
    let engine = engine();
    let error = protect::protect(&engine, "nosuch", "shop").await.expect_err("no such volume");
    assert!(matches!(error, ProtectError::NoVolume(name) if name == "nosuch"));

    let other = MemoryEngine::new().with_volume(volume("shop_data")).with_architecture("s390x");
    let error = protect::protect(&other, "shop_data", "shop").await.expect_err("no program");
    assert!(matches!(error, ProtectError::Architecture(machine) if machine == "s390x"));

    engine.fail(EngineMethod::CreateHolder);
    let error = protect::protect(&engine, "shop_data", "shop").await.expect_err("set to fail");
    assert!(matches!(error, ProtectError::Engine(EngineError::Unreachable { .. })));
    assert!(engine.containers().is_empty() && other.containers().is_empty());
}

#[tokio::test]
async fn unprotecting_one_volume_keeps_the_others_protected() {
    let engine = engine();
    for volume in ["shop_data", "shop_wal"] {
        protect::protect(&engine, volume, "shop").await.expect("protected");
    }
    protect::unprotect(&engine, "shop_data", &clearance()).await.expect("unprotected");
    let holders = engine.holders().await.expect("asked");
    assert_eq!(protect::protection(&holders, "shop_data"), Protection::None);
    assert_eq!(protect::protection(&holders, "shop_wal"), Protection::Holding);
    assert!(engine.volume("shop_data").await.expect("asked").is_some(), "the volume stays");
}

#[tokio::test]
async fn a_container_without_our_label_is_neither_started_nor_removed() {
    let mut foreign = holder().await;
    foreign.labels.clear();
    let engine = engine().with_container(foreign.clone());
    let refused = |result: Result<(), EngineError>| matches!(result, Err(EngineError::Refused { .. }));
    assert!(refused(engine.start_holder(&foreign.id).await));
    assert!(refused(engine.remove_holder(&foreign.id, &clearance()).await));
    assert_eq!(engine.containers().len(), 1);
    assert_eq!(engine.containers_with_volume("shop_data").await.expect("asked").len(), 1);
}

#[tokio::test]
async fn a_holder_does_not_count_as_a_user_of_its_volume() {
    let engine = engine();
    protect::protect(&engine, "shop_data", "shop").await.expect("protected");
    assert!(engine.containers_with_volume("shop_data").await.expect("asked").is_empty());
    assert!(engine.project_containers("shop").await.expect("asked").is_empty());
}

#[tokio::test]
async fn only_a_container_outside_of_every_project_that_mounts_the_volume_is_a_holder() {
    let sound = holder().await;
    assert_eq!(sound.held_volume(), Some("shop_data"));
    let project = |name: &str| {
        let mut labels = sound.labels.clone();
        labels.insert("com.docker.compose.project".into(), name.into());
        Container { labels, ..sound.clone() }
    };
    assert_eq!(project("").held_volume(), Some("shop_data"), "a blanked label is none");
    assert_eq!(project("shop").held_volume(), None, "`down` removes it first");
    assert_eq!(Container { mounts: Vec::new(), ..sound.clone() }.held_volume(), None);
    assert_eq!(Container { state: ContainerState::Removing, ..sound.clone() }.held_volume(), None);
    assert_eq!(Container { labels: BTreeMap::new(), ..sound.clone() }.held_volume(), None);
    let other = BTreeMap::from([(HOLDER_LABEL.to_owned(), "shop_wal".to_owned())]);
    assert_eq!(Container { labels: other, ..sound }.held_volume(), None);
}

/// What `down -v` does to each of the two volumes.
fn fates(grammar: Grammar, protected: &[&str]) -> BTreeMap<String, (Effect, String)> {
    let reading = Invocation::parse(vec!["down".into(), "-v".into()]).expect("words").read(grammar);
    let volumes = [volume("shop_data"), volume("shop_wal")];
    let declare = |name: &str| VolumeDeclaration { name: name.into(), ..VolumeDeclaration::default() };
    let model = Model {
        name: Some("shop".into()),
        volumes: [("data", "shop_data"), ("wal", "shop_wal")].map(|(k, n)| (k.to_owned(), declare(n))).into(),
        ..Model::default()
    };
    let settings = Settings::default();
    let identity = safe_compose::engine::Identity {
        id: "E".into(),
        name: "host".into(),
        version: "20.10.24".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        local: true,
        root: PathBuf::from("/var/lib/docker"),
        containerd_images: false,
    };
    let inventory = Inventory::take(identity, "shop", Some(&model), &[], &settings);
    let plan = assess(&HazardContext {
        grammar,
        reading: &reading,
        label_mode: false,
        model: Some(&model),
        whole_model: Some(&model),
        inventory: &inventory,
        containers: &[],
        volumes: &volumes,
        protected: protected.iter().map(|&name| name.to_owned()).collect::<BTreeSet<String>>(),
        settings: &settings,
        disposable: false,
        probe: &safe_compose::guard::Probe::default(),
    });
    plan.impacts
        .into_iter()
        .filter_map(|impact| match impact.subject {
            Subject::Volume { name, .. } => Some((name, (impact.effect, impact.reason))),
            _ => None,
        })
        .collect()
}

#[test]
fn the_guard_knows_that_a_protected_volume_stays() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let fates = fates(grammar, &["shop_data"]);
        assert_eq!(fates["shop_data"].0, Effect::None);
        assert!(fates["shop_data"].1.contains("protected"), "{}", fates["shop_data"].1);
        assert_eq!(fates["shop_wal"].0, Effect::Destroy, "the other one goes");
    }
    assert_eq!(fates(Grammar::V2, &[])["shop_data"].0, Effect::Destroy);
}
