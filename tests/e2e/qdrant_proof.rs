//! A backup is tried out on a real engine: in a container that is alone, limited, and gone afterwards.

use std::time::Duration;

use safe_compose::backup::driver::qdrant::QdrantDriver;
use safe_compose::backup::driver::scratch::TestEnv;
use safe_compose::backup::driver::{Driver as _, DriverTarget, TestRestore as _};
use safe_compose::backup::manifest::{BackupRole, FORMAT, FORMAT_VERSION, Manifest};
use safe_compose::backup::store::{Backup, BackupRoot};
use safe_compose::engine::docker::DockerEngine;
use safe_compose::engine::{Engine as _, SCRATCH_LABEL};
use safe_compose::inventory::{Store, StoreKind};
use safe_compose::progress::Silent;

use crate::support::bare::{Bare, docker, engine};
use crate::support::machine::qdrant_image;
use crate::support::permission::clearance;
use crate::support::qdrant::Qdrant;

/// A project with a server that has two collections and an alias, and a backup of it.
fn saved(scratch: &Bare, image: &str, root: &BackupRoot) -> (DockerEngine, Backup) {
    let words = ["-p", "127.0.0.1::6333", "-e", "QDRANT__TELEMETRY_DISABLED=true", image];
    let id = scratch.container(&["run", "-d"], "qdrant", &words);
    let server = Qdrant::at(&scratch.docker(&["port", &id, "6333/tcp"]));
    server.fill("receitas", 30);
    server.fill("livros", 4);
    server.alias("atual", "receitas");
    runtime().block_on(async {
        let engine = engine().await;
        let container = engine.project_containers(&scratch.name).await.expect("asked").remove(0);
        let image_id = container.image_id.clone();
        let store = Store {
            id: "qdrant".into(),
            service: "qdrant".into(),
            kind: StoreKind::Qdrant,
            container: Some(container),
            image: Some(image.to_owned()),
            locations: Vec::new(),
        };
        let target = DriverTarget {
            engine: &engine,
            local: true,
            store: &store,
            stores: &[],
            progress: &Silent,
            api_key: None,
            quiesce: None,
        };
        let mut staging = root.stage("qdrant", jiff::Timestamp::now()).expect("staged");
        let dump = QdrantDriver::new().dump(target, None, &mut staging).await.expect("saved");
        let manifest = Manifest {
            cluster: Vec::new(),
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            tool: "safe-compose 0.0.0".into(),
            created: jiff::Timestamp::now(),
            finished: jiff::Timestamp::now(),
            project: scratch.name.clone(),
            service: "qdrant".into(),
            container: format!("{}-qdrant-1", scratch.name),
            image: image.to_owned(),
            image_id,
            engine: "E".into(),
            endpoint: "unix:///var/run/docker.sock".into(),
            kind: StoreKind::Qdrant,
            server: dump.server,
            reason: "asked for".into(),
            role: BackupRole::Normal,
            sequence: 0,
            proof: dump.proof,
            consistency: dump.consistency,
            tree: dump.tree,
            sqlite: Vec::new(),
            fingerprint: dump.fingerprint,
            evidence: None,
            shrinkage: None,
            artifacts: dump.artifacts,
            manual_restore: dump.manual_restore,
        };
        (engine, staging.finish(manifest).expect("finished").backup().clone())
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Containers and networks of an owner.
fn left(owner: &str) -> Vec<String> {
    let filter = format!("label={SCRATCH_LABEL}={owner}");
    [&["ps", "-a", "-q"][..], &["network", "ls", "-q"][..]]
        .iter()
        .flat_map(|kind| {
            let words = [kind, &["--filter", &filter][..]].concat();
            docker(&words).expect("listed").lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_backup_comes_out_of_a_scratch_container_equal_or_fails() {
    let Some(image) = qdrant_image() else { return };
    let Some(scratch) = Bare::new("proof") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path().join("backups")).expect("a root");
    let (engine, backup) = saved(&scratch, &image, &root);
    let owner = scratch.name.as_str();
    let clearance = clearance();
    let ground = TestEnv {
        engine: &engine,
        local: true,
        progress: &Silent,
        owner,
        ready_timeout: Duration::from_mins(2),
        clearance: &clearance,
        last_dump: None,
    };
    let trying = runtime();
    let driver = QdrantDriver::new();
    let trial = trying.block_on(driver.run(ground, &backup)).expect("tried");
    assert_eq!(trial.reasons, [""; 0]);
    assert_eq!(left(owner), [""; 0]);

    // While it runs, it is alone: its network is internal, and it publishes nothing.
    let mut seen = false;
    let watching = std::thread::scope(|scope| {
        let asked = scope.spawn(|| runtime().block_on(driver.run(ground, &backup)));
        while !asked.is_finished() {
            let Ok(names) = docker(&[
                "ps",
                "--filter",
                &format!("label={SCRATCH_LABEL}={owner}"),
                "--format",
                "{{.Names}}",
            ]) else {
                continue;
            };
            if let Some(name) = names.lines().next()
                && let Ok(internal) = docker(&["network", "inspect", "-f", "{{.Internal}}", name])
                && let Ok(ports) = docker(&["port", name])
            {
                assert_eq!((internal.as_str(), ports.as_str()), ("true", ""));
                seen = true;
            }
        }
        asked.join().expect("no panic")
    });
    assert_eq!(watching.expect("tried").reasons, [""; 0]);
    assert!(seen, "it was never seen running");

    // Whoever interrupts it waits until it is gone.
    let interrupted = trying.block_on(async {
        tokio::time::timeout(Duration::from_millis(700), driver.run(ground, &backup)).await.is_err()
    });
    assert!(interrupted);
    assert_eq!(left(owner), [""; 0]);

    let file = backup.directory.join("collections/receitas.snapshot");
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let trial = trying.block_on(driver.run(ground, &backup)).expect("tried");
    assert!(trial.reasons[0].contains("`receitas` cannot be restored"), "{:?}", trial.reasons);
    assert_eq!(left(owner), [""; 0]);
    trying.block_on(async {
        let refused = engine.remove_scratch(&format!("{}-qdrant-1", scratch.name)).await;
        assert!(refused.is_err(), "the server of the project is no scratch container");
    });
}
