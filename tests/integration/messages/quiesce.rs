//! Containers that are paused or stopped while their files are copied, and that go on afterwards, whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::manifest::Manifest;
use safe_compose::engine::memory::EngineMethod;
use safe_compose::engine::{ContainerState, ExecEnd};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::scene::{Scene, container, mount, shop_config, typed};

/// [`Scene::shop`] beside a container of another project that writes to the same volume.
fn with_neighbour() -> Scene {
    let mut neighbour = container("worker", "busybox", vec![mount("shop_data", "/var/lib/postgresql/data")]);
    neighbour.name = "other-worker-1".into();
    neighbour.labels.insert("com.docker.compose.project".into(), "other".into());
    Scene::shop().with_image("busybox").with_container(neighbour)
}

fn with_mode(mode: &str) -> Scene {
    Scene::shop().with_settings(&json!({ "services": { "db": { "quiesce": mode } } }))
}

pub(super) fn states(scene: &Scene) -> BTreeMap<String, ContainerState> {
    scene.engine.containers().into_iter().map(|one| (one.name, one.state)).collect()
}

/// The calls that keep containers from writing, and the first one that reads each data mount, in their order. Later ones only
/// look at it, to tell the data from other data.
pub(super) fn course(scene: &Scene) -> Vec<String> {
    let calls = scene.engine.calls().into_iter().filter(|call| {
        matches!(
            call.method,
            EngineMethod::Pause
                | EngineMethod::Unpause
                | EngineMethod::Stop
                | EngineMethod::Start
                | EngineMethod::ReadArchive
        )
    });
    let mut course: Vec<String> = Vec::new();
    for call in calls {
        let line = format!("{:?} {}", call.method, call.subject);
        let is_look = call.subject.contains("pg_control") || course.contains(&line);
        if call.method != EngineMethod::ReadArchive || !is_look {
            course.push(line);
        }
    }
    course
}

/// The inode of the only archive of a store's only backup.
fn archive(scene: &Scene, store: &str) -> u64 {
    let entries = fs::read_dir(scene.path("backups").join(store)).expect("backups");
    let archives = entries.flat_map(|entry| {
        let files = fs::read_dir(entry.expect("an entry").path()).into_iter().flatten();
        files.map(|file| file.expect("a file").path())
    });
    let mut archives = archives.filter(|path| path.extension().is_some_and(|extension| extension == "zst"));
    archives.next().expect("an archive").metadata().expect("there").ino()
}

/// The manifests of a store's backups, in their order.
pub(super) fn manifests(scene: &Scene, store: &str) -> Vec<Manifest> {
    let entries = fs::read_dir(scene.path("backups").join(store)).into_iter().flatten();
    let mut found: Vec<Manifest> =
        entries.filter_map(|entry| Manifest::read(&entry.expect("an entry").path()).ok()).collect();
    found.sort_by_key(|manifest| manifest.sequence);
    found
}

pub(super) fn consistencies(scene: &Scene, store: &str) -> Vec<Consistency> {
    manifests(scene, store).iter().map(|manifest| manifest.consistency).collect()
}

#[test]
fn another_project_writes() {
    with_neighbour().run("backup").snapshot("quiesce/another_project_writes");
}

#[test]
fn cannot_be_paused() {
    let mut scene = with_neighbour();
    let before = states(&scene);
    scene.engine.fail(EngineMethod::Pause);
    scene.run("backup");
    assert_eq!(states(&scene), before);
    scene.snapshot("quiesce/cannot_be_paused");
}

#[test]
fn cannot_be_started_again() {
    let mut scene = Scene::shop().at_terminal(&[typed("shop")]);
    scene.engine.fail(EngineMethod::ReadArchive);
    scene.engine.fail(EngineMethod::Start);
    scene.run("down -v").snapshot("quiesce/cannot_be_started_again");
}

#[test]
fn without_quiescing() {
    let mut scene = with_mode("none");
    scene.run("backup").run("backups").run("backups show latest").run("verify latest").run("status");
    assert_eq!(consistencies(&scene, "db"), [Consistency::TornPossible]);
    scene.snapshot("quiesce/without_quiescing");
}

#[test]
fn stopped_for_the_copy() {
    let mut scene = with_mode("stop");
    let before = states(&scene);
    scene.run("backup");
    assert_eq!(states(&scene), before);
    assert_eq!(course(&scene), ["Stop id-db", "ReadArchive id-db:/var/lib/postgresql/data", "Start id-db"]);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
    scene.snapshot("quiesce/stopped_for_the_copy");
}

/// The copy is read back after the container runs again.
#[test]
fn paused_for_the_copy_only() {
    let scene = with_neighbour();
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(
        course(&scene),
        [
            "Pause id-db",
            "Pause id-worker",
            "ReadArchive id-db:/var/lib/postgresql/data",
            "Unpause id-worker",
            "Unpause id-db"
        ]
    );
    assert_eq!(consistencies(&scene, "db"), [Consistency::Frozen]);
}

#[test]
fn what_was_paused_stays_paused() {
    let scene = Scene::shop();
    scene.engine.set_state("shop-db-1", ContainerState::Paused);
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(course(&scene), ["ReadArchive id-db:/var/lib/postgresql/data"]);
    assert_eq!(states(&scene)["shop-db-1"], ContainerState::Paused);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Frozen]);
}

#[test]
fn a_restarting_container_is_stopped() {
    let scene = Scene::shop();
    scene.engine.set_state("shop-db-1", ContainerState::Restarting);
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(states(&scene)["shop-db-1"], ContainerState::Running);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
}

/// [`Scene::shop`] beside a Redis that keeps its data in the volume `keys`.
fn with_redis() -> Scene {
    let mut config = shop_config();
    config["services"]["cache"] = json!({ "image": "redis:7", "volumes": [
        { "type": "volume", "source": "keys", "target": "/data", "volume": {} }
    ] });
    config["volumes"]["keys"] = json!({ "name": "shop_keys" });
    Scene::shop()
        .with_config(&config)
        .with_volume("shop_keys", "keys")
        .with_files("shop_keys", &[("dump.rdb", 100)])
        .with_container(container("cache", "redis:7", vec![mount("shop_keys", "/data")]))
}

/// `redis-cli` prints this, and ends with this code.
pub(super) fn saving(scene: &mut Scene, printed: &'static str, code: i64) {
    let engine = scene.engine.clone().with_program(move |_, _, mut pipe| {
        tokio::spawn(async move { pipe.write_all(printed.as_bytes()).await });
    });
    let stderr = if code == 0 { "" } else { "error: BGSAVE failed\n" };
    scene.engine = engine.with_program_end(move |_| ExecEnd { code, stderr: stderr.to_owned() });
}

#[test]
fn a_redis_that_saves_its_data_is_not_stopped() {
    let mut scene = with_redis();
    saving(&mut scene, "rdb\n", 0);
    let before = states(&scene);
    let attempt = scene.attempt("backup cache");
    assert_eq!((attempt.exit, attempt.ran.len()), (0, 0), "{attempt:?}");
    assert_eq!(course(&scene), ["Pause id-cache", "ReadArchive id-cache:/data", "Unpause id-cache"]);
    assert_eq!(states(&scene), before);
    assert_eq!(consistencies(&scene, "cache"), [Consistency::Frozen]);
}

#[test]
fn a_redis_that_does_not_save_its_data_is_stopped() {
    let mut scene = with_redis();
    saving(&mut scene, "", 1);
    scene.run("backup cache").snapshot("quiesce/does_not_save");
    assert_eq!(consistencies(&scene, "cache"), [Consistency::Cold]);
    // Somebody who asks for a stop gets one.
    let mut scene = with_redis().with_settings(&json!({ "services": { "cache": { "quiesce": "stop" } } }));
    saving(&mut scene, "rdb\n", 0);
    assert_eq!(scene.attempt("backup cache").ran, ["stop cache"]);
}

#[test]
fn the_program_decides_what_is_sound() {
    let scene = with_redis();
    let before = states(&scene);
    let attempt = scene.attempt("backup");
    assert_eq!(
        (attempt.exit, attempt.ran.as_slice()),
        (0, ["stop cache".to_owned()].as_slice()),
        "{attempt:?}"
    );
    assert_eq!(states(&scene), before);
    assert_eq!(consistencies(&scene, "cache"), [Consistency::Cold]);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Frozen]);
}

#[test]
fn services_stop_in_one_go_and_before_the_copy() {
    let scene = Scene::shop().at_terminal(&[typed("shop")]);
    let attempt = scene.attempt("down -v -t 30");
    assert_eq!((attempt.exit, attempt.ran), (0, vec!["stop -t 30 db web".into(), "down -v -t 30".into()]));
    assert_eq!(
        course(&scene),
        ["Stop id-db", "Stop id-web", "ReadArchive id-db:/var/lib/postgresql/data"],
        "the stand-in for Compose stops nothing, so the engine does"
    );
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
}

#[test]
fn a_timeout_of_zero_is_not_passed_on() {
    let scene = Scene::shop().at_terminal(&[typed("shop")]);
    assert_eq!(scene.attempt("down -v -t 0").ran, ["stop db web", "down -v -t 0"]);
}

#[test]
fn dependencies_start_first() {
    let scene = Scene::shop().at_terminal(&[typed("shop")]);
    scene.engine.fail(EngineMethod::ReadArchive);
    assert_eq!(scene.attempt("down -v").exit, 74);
    let starts: Vec<String> = course(&scene).into_iter().filter(|call| call.starts_with("Start")).collect();
    assert_eq!(starts, ["Start id-db", "Start id-web"]);
}

#[test]
fn what_compose_could_not_stop_or_remove_runs_again() {
    let scene = Scene::shop().with_compose_exit(17).at_terminal(&[typed("shop")]);
    let before = states(&scene);
    assert_eq!(scene.attempt("down -v").exit, 17);
    assert_eq!(states(&scene), before);
    let scene = Scene::shop().with_stop_exit(17).at_terminal(&[typed("shop")]);
    let attempt = scene.attempt("down -v");
    assert_eq!(
        (attempt.exit, attempt.ran.as_slice()),
        (74, ["stop db web".to_owned()].as_slice()),
        "{attempt:?}"
    );
    assert_eq!(states(&scene), before);
}

/// Each call to the engine fails once.
#[test]
fn a_failure_at_any_step_returns_every_container_to_its_state() {
    let orphan = || Scene::shop().with_container(container("cache", "postgres:17", Vec::new()));
    let cases: [(&str, &dyn Fn() -> Scene); 5] = [
        ("down -v", &Scene::shop),
        ("down --remove-orphans", &orphan),
        ("backup", &with_neighbour),
        ("backup", &|| with_mode("stop")),
        ("backup", &super::together::with_group),
    ];
    for (line, scene) in cases {
        let scene = || {
            let scene = scene().at_terminal(&[typed("shop")]);
            scene.engine.set_state("shop-web-1", ContainerState::Exited);
            scene
        };
        let sound = scene();
        assert_eq!(sound.attempt(line).exit, 0, "{line}");
        for at in 0..sound.engine.calls().len() {
            let scene = scene();
            let before = states(&scene);
            scene.engine.fail_call(at);
            let attempt = scene.attempt(line);
            let call = scene.engine.calls().get(at).cloned();
            let told = attempt.printed.contains("could not be returned to its state");
            let was_run = attempt.ran.iter().any(|ran| !ran.starts_with("stop"));
            assert!(was_run || attempt.exit != 0 || line == "backup", "{line}: {call:?}: {attempt:?}");
            assert!(
                was_run || states(&scene) == before || told,
                "{line}: {call:?}: {attempt:?} {:?}",
                states(&scene)
            );
        }
    }
}

#[test]
fn a_stopped_project() {
    let mut scene = Scene::shop().stopped();
    scene.run("backup");
    assert_eq!(states(&scene)["shop-db-1"], ContainerState::Exited);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
    scene.snapshot("quiesce/a_stopped_project");
}

#[test]
fn a_removed_project() {
    let mut scene = Scene::empty()
        .with_config(&shop_config())
        .with_image("postgres:17")
        .with_volume("shop_data", "data")
        .with_files("shop_data", &[("base/1/PG_VERSION", 8192)]);
    scene.run("backup");
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
    assert!(scene.engine.containers().is_empty(), "the helper is gone");
    scene.snapshot("quiesce/a_removed_project");
}

#[test]
fn files_decide_whether_a_stopped_store_is_unchanged() {
    let on_host = tempfile::tempdir().expect("a directory");
    let write = |version: &str| {
        let file = on_host.path().join("PG_VERSION");
        fs::write(&file, version).expect("written");
        // A fraction of a second would be in the archive, whose size is in the snapshot.
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for path in [file.as_path(), on_host.path()] {
            fs::File::open(path).and_then(|open| open.set_modified(time)).expect("set");
        }
    };
    write("17");
    let mut scene = Scene::shop().stopped().at_terminal(&[typed("shop"), typed("shop")]);
    scene.engine.set_mountpoint("shop_data", on_host.path());
    scene.prepare("backup");
    assert!(manifests(&scene, "db")[0].tree.is_some());
    scene.run("down -v");
    assert_eq!(manifests(&scene, "db").len(), 1);
    // Written by whatever, through whatever: no container has run since.
    write("18");
    scene.run("down -v");
    assert_eq!(manifests(&scene, "db").len(), 2);
    scene.snapshot("quiesce/files_decide_whether_a_stopped_store_is_unchanged");
}

#[test]
fn one_volume_of_two_services_is_copied_once() {
    let config = |target: &str| -> Value {
        let mut config = shop_config();
        config["services"]["reports"] = json!({ "image": "nginx:1.27", "volumes": [
            { "type": "volume", "source": "data", "target": target, "volume": {} }
        ] });
        config
    };
    for (target, is_shared) in [("/var/lib/postgresql/data", true), ("/elsewhere", false)] {
        let reports = container("reports", "nginx:1.27", vec![mount("shop_data", target)]);
        let scene = Scene::shop().with_config(&config(target)).with_container(reports);
        let attempt = scene.attempt("backup");
        assert_eq!(attempt.exit, 0, "{attempt:?}");
        assert_eq!(archive(&scene, "db") == archive(&scene, "reports"), is_shared);
        let (own, other) = (manifests(&scene, "db"), manifests(&scene, "reports"));
        assert_eq!(own[0].fingerprint, other[0].fingerprint);
        assert_eq!(consistencies(&scene, "reports"), [Consistency::Frozen]);
    }
}
