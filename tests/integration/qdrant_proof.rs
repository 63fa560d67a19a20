//! Backups are put into scratch servers: sound ones come out equal, and no others.

use std::time::Duration;

use safe_compose::backup::driver::Driver as _;
use safe_compose::backup::driver::volume::VolumeDriver;
use safe_compose::backup::manifest::{Artifact, Proof};
use safe_compose::backup::store::Backup;
use safe_compose::backup::test_restore::TestRestoreResult;
use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::{Engine as _, Scratch, ScratchLimits};
use serde_json::json;

use crate::qdrant_restore::saved;
use crate::qdrant_stand::{OWNER, Stand, why};

async fn scratches(engine: &MemoryEngine) -> Vec<String> {
    engine.scratch_containers(OWNER).await.expect("asked")
}

fn artifact_of<'a>(backup: &'a mut Backup, collection: &str) -> &'a mut Artifact {
    let end = format!("{collection}.snapshot");
    backup.manifest.artifacts.iter_mut().find(|one| one.path.ends_with(&end)).expect("it is there")
}

#[tokio::test]
async fn a_sound_backup_comes_out_equal_and_leaves_nothing() {
    let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
    let before = stand.fingerprint().await;
    let trial = stand.try_out(&backup).await.expect("tried");
    assert_eq!(trial.reasons, [""; 0]);
    assert_eq!(trial.server.as_deref(), Some("1.19.0"));
    assert_eq!(scratches(&stand.engine).await, [""; 0]);
    assert_eq!(stand.engine.count(EngineMethod::StartScratch), 1);
    assert_eq!(stand.fingerprint().await, before, "the one that runs was not touched");
}

#[tokio::test]
async fn a_damaged_archive_does_not_come_out() {
    let truncate = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let flip = |bytes: &mut Vec<u8>| bytes[70_000] ^= 1;
    let empty = |bytes: &mut Vec<u8>| bytes.clear();
    for damage in [truncate as fn(&mut Vec<u8>), flip, empty] {
        let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
        let file = backup.directory.join("collections/receitas.snapshot");
        let mut bytes = std::fs::read(&file).expect("read");
        damage(&mut bytes);
        std::fs::write(&file, bytes).expect("written");
        let trial = stand.try_out(&backup).await.expect("tried");
        let [reason] = trial.reasons.as_slice() else { panic!("{:?}", trial.reasons) };
        assert!(reason.contains("`receitas` cannot be restored"), "{reason}");
        assert!(reason.to_lowercase().contains("checksum"), "{reason}");
        assert_eq!(scratches(&stand.engine).await, [""; 0]);
    }
}

/// Every digest is right, and yet it is not what was saved.
#[tokio::test]
async fn archives_that_were_swapped_do_not_come_out() {
    let (stand, mut backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
    let (one, other) =
        (artifact_of(&mut backup, "livros").clone(), artifact_of(&mut backup, "receitas").clone());
    let swapped =
        |to: &mut Artifact, from: Artifact| *to = Artifact { contents: to.contents.clone(), ..from };
    swapped(artifact_of(&mut backup, "livros"), other);
    // By now both are called the same, so the first that is left is meant.
    let at = backup.manifest.artifacts.iter().rposition(|one| one.path.ends_with("receitas.snapshot"));
    swapped(&mut backup.manifest.artifacts[at.expect("there")], one);
    let trial = stand.try_out(&backup).await.expect("tried");
    assert!(trial.reasons[0].contains("points"), "{:?}", trial.reasons);
}

#[tokio::test]
async fn a_server_that_loses_or_adds_something_shows() {
    let empty = |config: &mut qdrant_double::Config| config.failures.add(qdrant_double::Failure::UploadEmpty);
    let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(empty)).await;
    let trial = stand.try_out(&backup).await.expect("tried");
    assert!(trial.reasons[0].contains("has 0 of"), "{:?}", trial.reasons);

    let (stand, mut backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
    let safe_compose::backup::fingerprint::Fingerprint::Qdrant(recorded) = &mut backup.manifest.fingerprint
    else {
        panic!("of a Qdrant")
    };
    let receitas = recorded.collections.get_mut("receitas").expect("there");
    receitas.config["hnsw_config"]["m"] = json!(99);
    receitas.payload_schema = json!({});
    recorded.aliases.remove("atual");
    recorded.aliases.insert("outra".into(), "livros".into());
    let trial = stand.try_out(&backup).await.expect("tried");
    assert_eq!(
        trial.reasons,
        [
            "collection `receitas` has a different setting `hnsw_config/m`",
            "collection `receitas` has different payload indexes"
        ],
        "the aliases are led as they were saved"
    );
}

#[tokio::test]
async fn what_cannot_be_tried_says_nothing_about_the_backup() {
    let older = |config: &mut qdrant_double::Config| config.version = "1.19.1".to_owned();
    let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(older)).await;
    let error = why(stand.try_out(&backup).await);
    assert!(error.contains("would prove nothing"), "{error}");

    let (stand, backup, _dir) = saved(Stand::double().await).await;
    let error = why(stand.try_out(&backup).await);
    assert!(error.contains("does not have the image") && error.contains("docker pull"), "{error}");
    assert_eq!(stand.engine.count(EngineMethod::StartScratch), 0);

    let full = |config: &mut qdrant_double::Config| config.failures.add(qdrant_double::Failure::UploadFails);
    let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(full)).await;
    let error = why(stand.try_out(&backup).await);
    assert!(error.contains("No space left"), "{error}");

    let (mut stand, mut backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
    stand.engine.fail(EngineMethod::StartScratch);
    assert!(why(stand.try_out(&backup).await).contains("cannot connect to the Docker Engine"));
    stand.engine.heal(EngineMethod::StartScratch);
    let safe_compose::backup::fingerprint::Fingerprint::Qdrant(recorded) = &mut backup.manifest.fingerprint
    else {
        panic!("of a Qdrant")
    };
    recorded.collections.get_mut("livros").expect("there").config["params"]["sharding_method"] =
        json!("custom");
    assert!(why(stand.try_out(&backup).await).contains("qdrant#10135"));
    assert_eq!(scratches(&stand.engine).await, [""; 0]);
    assert!(VolumeDriver.test_restore("acme/app:1").is_none());
    assert!(VolumeDriver.test_restore("postgres:17").is_some());
    let _ = stand.container();
}

#[tokio::test]
async fn what_a_killed_trial_has_left_is_removed_by_the_next_and_nothing_else_is() {
    let (stand, backup, _dir) = saved(Stand::double().await.with_scratch(|_| {})).await;
    for (name, owner) in [("ours", OWNER), ("theirs", "another")] {
        let scratch = Scratch {
            name: name.into(),
            owner: owner.into(),
            image: "sha256:0".into(),
            environment: [(
                "QDRANT__TELEMETRY_DISABLED".to_owned(),
                safe_compose::secret::Secret::new("true"),
            )]
            .into(),
            command: Vec::new(),
            volumes: Vec::new(),
            limits: ScratchLimits { memory: 1, millicpus: 1, processes: 1 },
        };
        stand.engine.create_scratch(&scratch).await.expect("created");
        stand.engine.start_scratch(name).await.expect("started");
    }
    assert_eq!(stand.try_out(&backup).await.expect("tried").reasons, [""; 0]);
    assert_eq!(scratches(&stand.engine).await, [""; 0]);
    assert_eq!(stand.engine.scratch_containers("another").await.expect("asked"), ["theirs"]);
    let refused = stand.engine.remove_scratch("shop-qdrant-1").await;
    assert!(refused.is_err(), "what is no scratch container stays");
}

/// Ctrl-C at many moments: whoever is interrupted waits until the scratch server is gone.
#[test]
fn an_interrupted_trial_leaves_no_server() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("one");
    let servers = runtime();
    let mut interrupted = 0;
    for step in 0..8 {
        let late = |config: &mut qdrant_double::Config| {
            config.failures.add(qdrant_double::Failure::Stall(Duration::from_millis(30)));
        };
        let (stand, backup, _dir) =
            servers.block_on(async { saved(Stand::double().await.with_scratch(late)).await });
        let trying = runtime();
        let ended = trying.block_on(async {
            tokio::time::timeout(Duration::from_millis(10 + 120 * step), stand.try_out(&backup)).await
        });
        interrupted += u32::from(ended.is_err());
        assert_eq!(servers.block_on(scratches(&stand.engine)), [""; 0], "step {step}");
        trying.shutdown_timeout(Duration::from_secs(5));
    }
    assert!(interrupted > 2, "{interrupted}");
}

#[tokio::test]
async fn the_result_is_written_beside_the_manifest_and_goes_with_it() {
    let (_stand, mut backup, _dir) = saved(Stand::double().await).await;
    assert_eq!(backup.proof(), Proof::Readable);
    let trial =
        |reasons: Vec<String>| TestRestoreResult { image: "i".into(), server: None, contents: None, reasons };
    backup.record_test_restore(&trial(vec!["it came out empty".into()])).expect("written");
    assert_eq!(Backup::load(&backup.directory).expect("read").proof(), Proof::Failed);
    backup.record_test_restore(&trial(Vec::new())).expect("written");
    let mut again = Backup::load(&backup.directory).expect("read");
    assert_eq!((again.proof(), again.manifest.proof), (Proof::Restored, Proof::Readable));
    again.check().expect("what lies beside the manifest is no damage");
    // Of another manifest it says nothing.
    again.manifest.reason = "another".into();
    std::fs::write(backup.directory.join("manifest.json"), again.manifest.to_bytes()).expect("written");
    assert_eq!(Backup::load(&backup.directory).expect("read").proof(), Proof::Readable);
}
