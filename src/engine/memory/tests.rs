//! The engine in memory responds and packs archives as a real one.

use jiff::Timestamp;

use super::*;
use crate::policy::{Assessment, BackupStatus, Decision, DecisionInput, GuardMode, decide};

fn clearance() -> Clearance {
    let plan = Assessment { engine: "e".into(), project: "p".into(), impacts: Vec::new() };
    let input = DecisionInput {
        plan: &plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: false,
        allow: None,
        now: Timestamp::now(),
    };
    match decide(&input) {
        Decision::Allow(approval) => approval.clear(BackupStatus::Nothing),
        other => panic!("{other:?}"),
    }
}

fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        driver: "local".into(),
        options: BTreeMap::new(),
        labels: BTreeMap::new(),
        created: None,
        mountpoint: PathBuf::new(),
        identity: None,
    }
}

fn image() -> Image {
    Image { id: "sha256:0".into(), ..Image::default() }
}

#[tokio::test]
async fn an_archive_is_copied_from_one_volume_to_another() {
    let engine = MemoryEngine::new()
        .with_image("app", image())
        .with_volume(volume("from"))
        .with_volume(volume("to"))
        .with_volume_file("from", "a/b.txt", "x".repeat(10_000))
        .with_volume_file("from", "c", "y");
    let helper = Helper {
        image: "app".into(),
        volumes: vec![("from".into(), "/from".into()), ("to".into(), "/to".into())],
    };
    let id = engine.create_helper(&helper).await.expect("made");
    let tar = engine.read_archive(&id, Path::new("/from/.")).await.expect("read");
    engine.write_archive(&id, Path::new("/to"), tar, &clearance()).await.expect("written");
    assert_eq!(engine.volume_files("to"), engine.volume_files("from"));
    assert_eq!(engine.volume_files("to").len(), 2);
    engine.remove_helper(&id).await.expect("removed");
    assert!(engine.containers().is_empty());
}

#[tokio::test]
async fn entries_are_named_after_the_path() {
    let engine = MemoryEngine::new()
        .with_image("app", image())
        .with_volume(volume("v"))
        .with_volume_file("v", "a/b", "x");
    let helper = Helper { image: "app".into(), volumes: vec![("v".into(), "/data".into())] };
    let id = engine.create_helper(&helper).await.expect("made");
    let bytes: Vec<u8> =
        engine.read_archive(&id, Path::new("/data")).await.expect("read").try_concat().await.expect("whole");
    let names: Vec<String> = tar::Archive::new(bytes.as_slice())
        .entries()
        .expect("tar")
        .map(|entry| entry.expect("entry").path().expect("path").display().to_string())
        .collect();
    assert_eq!(names, ["data/", "data/a/", "data/a/b"]);
    let error = engine.read_archive(&id, Path::new("/data/none")).await.err().expect("nothing there");
    assert!(matches!(error, EngineError::NotFound { .. }));
}

#[tokio::test]
async fn calls_are_recorded_and_fail_when_set() {
    let engine = MemoryEngine::new().with_volume(volume("v"));
    engine.fail(EngineMethod::Volume);
    assert!(matches!(engine.volume("v").await, Err(EngineError::Unreachable { .. })));
    engine.heal(EngineMethod::Volume);
    assert!(engine.volume("v").await.expect("asked").is_some());
    assert_eq!(engine.count(EngineMethod::Volume), 2);
    assert_eq!(engine.calls()[0].subject, "v");
}

#[tokio::test]
async fn a_container_that_is_not_a_helper_stays() {
    let engine = MemoryEngine::new().with_image("app", image());
    let helper = Helper { image: "app".into(), volumes: Vec::new() };
    let id = engine.create_helper(&helper).await.expect("made");
    engine.state().containers[0].labels.clear();
    assert!(matches!(engine.remove_helper(&id).await, Err(EngineError::Refused { .. })));
    assert_eq!(engine.containers().len(), 1);
}
