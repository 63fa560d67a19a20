//! The driver for plain files, on an engine in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::driver::volume::VolumeDriver;
use safe_compose::backup::driver::{
    Action, Driver as _, DriverTarget, RestoreOptions, RestorePlan, Restored,
};
use safe_compose::backup::file_attributes::FileAttributes;
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::manifest::{ArtifactContents, Manifest, Proof};
use safe_compose::backup::store::{Backup, BackupRoot, Verified};
use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::own_image::{MoveList, Operation};
use safe_compose::engine::{
    Container, ContainerState, Engine as _, EngineError, HELPER_LABEL, Helper, Image, Mount, MountSource,
    ReplacedMount, Volume,
};
use safe_compose::error::Failure;
use safe_compose::inventory::{DataLocation, LocationSource, Store, StoreKind};
use safe_compose::progress::Silent;
use safe_compose::settings::Compression;

use crate::backup_fixture::{manifest, names, root, time};
use crate::support::{Disk, clearance};

const AT: &str = "2026-08-01T10:00:00Z";

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

fn mount(volume: &str, destination: &str) -> Mount {
    Mount {
        source: MountSource::Volume {
            name: volume.into(),
            driver: "local".into(),
            anonymous: false,
            inherited: false,
        },
        destination: destination.into(),
        read_only: false,
        subpath: None,
    }
}

pub(crate) fn container(name: &str, state: ContainerState, mounts: Vec<Mount>) -> Container {
    Container {
        id: format!("id-{name}"),
        name: name.into(),
        state,
        image: "app".into(),
        image_id: "sha256:0".into(),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: BTreeMap::from([
            ("com.docker.compose.project".into(), "shop".into()),
            ("com.docker.compose.service".into(), "db".into()),
        ]),
        mounts,
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "none".into(),
        created: "2026-01-01T00:00:00Z".into(),
        started: None,
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

fn place(source: LocationSource, target: &str) -> DataLocation {
    DataLocation { source, target: target.into(), read_only: false }
}

fn in_volume(name: &str, target: &str) -> DataLocation {
    place(LocationSource::Volume { name: Some(name.into()), anonymous: false }, target)
}

fn store(container: Option<Container>, places: Vec<DataLocation>) -> Store {
    Store {
        id: "db".into(),
        service: "db".into(),
        kind: StoreKind::Volume,
        container,
        image: Some("app".into()),
        locations: places,
    }
}

/// One volume at `/var/lib/db`, and the container that has it.
fn engine(state: ContainerState) -> (MemoryEngine, Store) {
    let container = container("shop-db-1", state, vec![mount("shop_db", "/var/lib/db")]);
    let engine = MemoryEngine::new()
        .with_image("app", image())
        .with_volume(volume("shop_db"))
        .with_container(container.clone());
    (engine, store(Some(container), vec![in_volume("shop_db", "/var/lib/db")]))
}

fn filled(engine: MemoryEngine) -> MemoryEngine {
    engine
        .with_volume_file("shop_db", "base/1", "x".repeat(9000))
        .with_volume_file("shop_db", "base/2", "y")
        .with_volume_file("shop_db", "PG_VERSION", "17")
}

fn target<'a>(engine: &'a MemoryEngine, store: &'a Store) -> DriverTarget<'a> {
    DriverTarget { engine, store, stores: &[], progress: &Silent, local: true, api_key: None, quiesce: None }
}

struct Dumped {
    backup: Verified,
    remarks: Vec<String>,
}

async fn dump(engine: &MemoryEngine, store: &Store, root: &BackupRoot) -> anyhow::Result<Dumped> {
    dump_after(engine, store, root, None).await
}

async fn dump_after(
    engine: &MemoryEngine,
    store: &Store,
    root: &BackupRoot,
    previous: Option<&Backup>,
) -> anyhow::Result<Dumped> {
    let mut staging = root.stage("db", time(AT))?;
    let dump = VolumeDriver.dump(target(engine, store), previous, &mut staging).await?;
    let manifest = Manifest {
        proof: dump.proof,
        consistency: dump.consistency,
        tree: dump.tree,
        sqlite: dump.sqlite,
        fingerprint: dump.fingerprint,
        manual_restore: dump.manual_restore,
        ..manifest("db", dump.artifacts)
    };
    Ok(Dumped { backup: staging.finish(manifest)?, remarks: dump.remarks })
}

async fn plan(
    engine: &MemoryEngine,
    store: &Store,
    from: &Backup,
    request: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    VolumeDriver.plan_restore(target(engine, store), from, request).await
}

async fn restore(
    engine: &MemoryEngine,
    store: &Store,
    from: &Backup,
    plan: &RestorePlan,
) -> anyhow::Result<Restored> {
    let request = RestoreOptions::default();
    let restored = VolumeDriver.restore(target(engine, store), from, plan, &request, &clearance()).await?;
    VolumeDriver.finish_restore(target(engine, store), from, &clearance()).await?;
    Ok(restored)
}

fn actions(plan: &RestorePlan) -> Vec<Action> {
    plan.steps.iter().map(|step| step.action).collect()
}

#[tokio::test]
async fn each_place_becomes_one_readable_archive() {
    let (_dir, root) = root();
    let mut container = container(
        "shop-db-1",
        ContainerState::Exited,
        vec![mount("shop_db", "/var/lib/db"), mount("shop_log", "/log")],
    );
    container.mounts[1].source = MountSource::Bind { path: "/srv/log".into() };
    let engine = filled(MemoryEngine::new())
        .with_volume(volume("shop_db"))
        .with_container(container.clone())
        .with_directory_file("/srv/log", "today", "line")
        .with_container_file(&container.id, "/state/here", "layer");
    let store = store(
        Some(container),
        vec![
            in_volume("shop_db", "/var/lib/db"),
            place(LocationSource::Bind { path: "/srv/log".into() }, "/log"),
            place(LocationSource::Layer, "/state"),
            place(LocationSource::Layer, "/nothing/there"),
            place(LocationSource::Tmpfs, "/tmp"),
        ],
    );
    let Dumped { backup, remarks } = dump(&engine, &store, &root).await.expect("dumped");
    assert_eq!(remarks, [""; 0]);
    assert_eq!(
        names(&backup.directory),
        ["SHA256SUMS", "log.tar.zst", "manifest.json", "state.tar.zst", "var-lib-db.tar.zst"]
    );
    let manifest = &backup.manifest;
    assert_eq!(manifest.proof, Proof::Readable);
    // Three files and a directory, one file, one file.
    assert_eq!(manifest.fingerprint, Fingerprint::Volume { entries: 6, bytes: 9003 + 4 + 5 });
    let contents = ArtifactContents::Files {
        target: "/var/lib/db".into(),
        source: "volume shop_db".into(),
        attributes: Some(FileAttributes::Basic),
        skipped_sockets: Vec::new(),
    };
    assert_eq!(manifest.artifacts[0].contents, contents);
    assert_eq!(
        VolumeDriver.fingerprint(target(&engine, &store)).await.expect("counted"),
        manifest.fingerprint
    );
    let archive = File::open(backup.directory.join("var-lib-db.tar.zst")).expect("there");
    let tar = zstd::decode_all(archive).expect("zstd");
    let listed = duct::cmd!("tar", "tf", "-").stdin_bytes(tar).read().expect("a plain tar");
    assert_eq!(listed, "db/\ndb/PG_VERSION\ndb/base/\ndb/base/1\ndb/base/2");
    let by_hand = manifest.manual_restore.join("\n");
    assert!(by_hand.contains("zstd -dc var-lib-db.tar.zst | docker cp - shop-db-1:/var/lib"), "{by_hand}");
    assert_eq!(engine.count(EngineMethod::CreateHelper), 0);
}

#[tokio::test]
async fn what_runs_meanwhile_decides_on_the_consistency() {
    for (state, consistency) in [
        (ContainerState::Running, Consistency::TornPossible),
        (ContainerState::Paused, Consistency::Frozen),
        (ContainerState::Exited, Consistency::Cold),
    ] {
        let (_dir, root) = root();
        let (engine, store) = engine(state);
        let Dumped { backup, remarks } = dump(&filled(engine), &store, &root).await.expect("dumped");
        assert_eq!(backup.manifest.consistency, consistency);
        assert_eq!(remarks.is_empty(), consistency.is_sound(), "{remarks:?}");
    }
    for (read_only, consistency) in [(false, Consistency::TornPossible), (true, Consistency::Cold)] {
        let (_dir, root) = root();
        let (engine, store) = engine(ContainerState::Exited);
        let mount = Mount { read_only, ..mount("shop_db", "/x") };
        let engine = filled(engine).with_container(container("other", ContainerState::Running, vec![mount]));
        let Dumped { backup, remarks } = dump(&engine, &store, &root).await.expect("dumped");
        assert_eq!(backup.manifest.consistency, consistency);
        assert_eq!(remarks.iter().any(|remark| remark.starts_with("`other` ran")), !read_only, "{remarks:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_backup() {
    for cut in [0, 511, 512, 4096, 9000, 12_000] {
        let (_dir, root) = root();
        let (engine, store) = engine(ContainerState::Exited);
        let engine = filled(engine);
        engine.cut_archives_after(cut);
        assert!(dump(&engine, &store, &root).await.is_err(), "{cut}");
        assert_eq!(names(&root.directory().join("db")), [".lock"]);
        let counted = VolumeDriver.fingerprint(target(&engine, &store)).await;
        assert!(counted.is_err(), "a count of half a volume is none");
    }
}

#[tokio::test]
async fn a_file_that_becomes_shorter_while_it_is_read_is_named_and_copied_again() {
    for cut in [0, 511, 512, 700, 1024, 1600, 4096, 9000] {
        let (_dir, root) = root();
        let (engine, store) = engine(ContainerState::Exited);
        let engine = filled(engine);
        engine.end_next_archives_after(&[cut]);
        let Dumped { backup, remarks } = dump(&engine, &store, &root).await.expect("copied again");
        assert_eq!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 4, bytes: 9003 });
        assert_eq!(remarks.len(), 1, "{cut}: {remarks:?}");
        assert!(remarks[0].contains("/var/lib/db") && remarks[0].contains("copied again"), "{remarks:?}");
        assert_eq!(engine.count(EngineMethod::ReadArchive), 2);
    }
    let (_dir, root) = root();
    let (engine, store) = engine(ContainerState::Exited);
    let engine = filled(engine);
    engine.end_next_archives_after(&[4096; 3]);
    let error = dump(&engine, &store, &root).await.map(|_| ()).expect_err("it never stays the same");
    assert!(error.to_string().contains("`/var/lib/db/base/1` became shorter"), "{error:#}");
    assert_eq!(names(&root.directory().join("db")), [".lock"]);
}

#[tokio::test]
async fn archives_are_compressed_unless_the_settings_say_otherwise() {
    let (full, full_store) = engine(ContainerState::Exited);
    let full = filled(full);
    for (compression, name) in
        [(Compression::Zstd, "var-lib-db.tar.zst"), (Compression::None, "var-lib-db.tar")]
    {
        let (_dir, root) = root();
        let mut staging = root.stage("db", time(AT)).expect("staged");
        staging.compress(compression);
        let dump = VolumeDriver.dump(target(&full, &full_store), None, &mut staging).await.expect("dumped");
        let manifest = Manifest { fingerprint: dump.fingerprint, ..manifest("db", dump.artifacts) };
        let backup = staging.finish(manifest).expect("finished").backup().clone();
        let artifact = &backup.manifest.artifacts[0];
        assert_eq!(artifact.path, name);
        assert_eq!(artifact.bytes < 9000, compression == Compression::Zstd);
        let sums =
            duct::cmd!("sha256sum", "-c", "SHA256SUMS").dir(&backup.directory).read().expect("checked");
        assert_eq!(sums, format!("{name}: OK"));
        VolumeDriver.check_contents(&backup).await.expect("it is what it says");
        let (fresh, store) = engine(ContainerState::Created);
        let fresh = fresh.with_volume_file("shop_db", "other", "z");
        let plan = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
        assert_eq!(actions(&plan), [Action::Replace]);
        restore(&fresh, &store, &backup, &plan).await.expect("restored");
        assert_eq!(fresh.volume_files("shop_db"), full.volume_files("shop_db"));
    }
}

#[tokio::test]
async fn without_a_container_a_helper_is_made_and_always_removed() {
    let (_dir, root) = root();
    let store = store(None, vec![in_volume("shop_db", "/data"), in_volume("gone", "/gone")]);
    let make = || filled(MemoryEngine::new()).with_image("app", image()).with_volume(volume("shop_db"));
    let engine = make();
    let Dumped { backup, remarks } = dump(&engine, &store, &root).await.expect("dumped");
    assert_eq!(remarks, ["volume `gone` does not exist, so it was not copied"]);
    assert_eq!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 4, bytes: 9003 });
    assert_eq!((engine.count(EngineMethod::CreateHelper), engine.containers().len()), (1, 0));
    let by_hand = backup.manifest.manual_restore.join("\n");
    assert!(by_hand.contains("docker create --name restored -v shop_db:/data app"), "{by_hand}");

    let broken = make();
    broken.fail(EngineMethod::ReadArchive);
    assert!(dump(&broken, &store, &root).await.is_err());
    assert_eq!((broken.count(EngineMethod::CreateHelper), broken.containers().len()), (1, 0));

    let stuck = make();
    stuck.fail(EngineMethod::RemoveHelper);
    let error = dump(&stuck, &store, &root).await.map(|_| ()).expect_err("it would keep the volume in use");
    assert!(format!("{error:#}").contains("helper container"), "{error:#}");
}

#[tokio::test]
async fn where_the_services_image_is_gone_a_helper_is_made_of_ours() {
    let (_dir, root) = root();
    let store = store(None, vec![in_volume("shop_db", "/data")]);
    let without_image = || filled(MemoryEngine::new()).with_volume(volume("shop_db"));
    let engine = without_image();
    let Dumped { backup, .. } = dump(&engine, &store, &root).await.expect("dumped");
    assert_eq!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 4, bytes: 9003 });
    assert!(engine.image("safe-compose-holder:1").await.expect("asked").is_some(), "it was loaded");
    assert_eq!((engine.count(EngineMethod::CreateHelper), engine.containers().len()), (1, 0));

    let strange = without_image().with_architecture("vax");
    let error = dump(&strange, &store, &root).await.map(|_| ()).expect_err("there is no program for it");
    assert!(format!("{error:#}").contains("no image to access the volumes of `db`"), "{error:#}");
    assert_eq!(strange.count(EngineMethod::CreateHelper), 0);
}

#[tokio::test]
async fn a_helper_that_was_left_behind_is_removed_first() {
    let (_dir, root) = root();
    let engine = filled(MemoryEngine::new()).with_image("app", image()).with_volume(volume("shop_db"));
    let mut left = container("left", ContainerState::Created, vec![mount("shop_db", "/data")]);
    left.labels = BTreeMap::from([(HELPER_LABEL.into(), "true".into())]);
    let engine = engine.with_container(left);
    let used = Helper { image: "app".into(), volumes: vec![("shop_db".into(), "/data".into())] };
    let used = engine.create_helper(&used).await.expect("created by a process that runs");
    dump(&engine, &store(None, vec![in_volume("shop_db", "/data")]), &root).await.expect("dumped");
    let names: Vec<String> = engine.containers().into_iter().map(|container| container.id).collect();
    assert_eq!(names, [used]);
}

#[tokio::test]
async fn a_place_that_is_empty_is_created_and_reads_back_the_same() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let full = filled(full);
    let backup = dump(&full, &full_store, &root).await.expect("dumped").backup;
    let (fresh, store) = engine(ContainerState::Created);
    let plan = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    assert_eq!(actions(&plan), [Action::Create]);
    assert_eq!((plan.steps[0].to.as_str(), plan.steps[0].count), ("/var/lib/db", Some(4)));
    assert_eq!(fresh.count(EngineMethod::WriteArchive), 0, "a plan writes nothing");
    restore(&fresh, &store, &backup, &plan).await.expect("restored");
    assert_eq!(fresh.volume_files("shop_db"), full.volume_files("shop_db"));
}

#[tokio::test]
async fn a_volume_without_a_container_is_restored_through_a_helper() {
    let (_dir, root) = root();
    let lone = store(None, vec![in_volume("shop_db", "/data")]);
    let make = || MemoryEngine::new().with_image("app", image()).with_volume(volume("shop_db"));
    let full = filled(make());
    let backup = dump(&full, &lone, &root).await.expect("dumped").backup;
    let fresh = make();
    let planned = plan(&fresh, &lone, &backup, &RestoreOptions::default()).await.expect("planned");
    restore(&fresh, &lone, &backup, &planned).await.expect("restored");
    assert_eq!(fresh.volume_files("shop_db"), full.volume_files("shop_db"));
    assert!(fresh.containers().is_empty());
    let nothing = MemoryEngine::new().with_image("app", image());
    let error = plan(&nothing, &lone, &backup, &RestoreOptions::default()).await.expect_err("no such volume");
    assert!(error.to_string().contains("does not exist"), "{error:#}");
}

#[tokio::test]
async fn what_is_there_and_the_same_is_kept() {
    let (_dir, root) = root();
    let (engine, store) = engine(ContainerState::Exited);
    let engine = filled(engine);
    let backup = dump(&engine, &store, &root).await.expect("dumped").backup;
    let plan = plan(&engine, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    assert_eq!(actions(&plan), [Action::Keep]);
    restore(&engine, &store, &backup, &plan).await.expect("nothing to do");
    assert_eq!(engine.count(EngineMethod::WriteArchive), 0);
}

#[tokio::test]
async fn a_restore_never_mixes_the_backup_with_what_is_there() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let (other, store) = engine(ContainerState::Exited);
    // Nothing of ours can rename files there.
    let other = other.with_architecture("s390x");
    let other = other.with_volume_file("shop_db", "newer", "z").with_volume_file("shop_db", "base/1", "old");
    let before = other.volume_files("shop_db");
    let planned = plan(&other, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    assert_eq!(actions(&planned), [Action::Replace]);
    assert!(planned.replaces());
    let error = restore(&other, &store, &backup, &planned).await.expect_err("it would merge");
    let failure = error.downcast_ref::<Failure>().expect("with its way out");
    assert!(failure.message.contains("`newer`"), "{failure}");
    assert_eq!(failure.hints.len(), 2);
    assert_eq!(other.count(EngineMethod::WriteArchive), 0);
    assert_eq!(other.volume_files("shop_db"), before);
    let keep = RestoreOptions { skip_existing: true, ..RestoreOptions::default() };
    assert_eq!(actions(&plan(&other, &store, &backup, &keep).await.expect("planned")), [Action::Keep]);
}

#[tokio::test]
async fn a_place_is_replaced_by_renames_and_its_data_is_kept_until_the_end() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let full = filled(full);
    let backup = dump(&full, &full_store, &root).await.expect("dumped").backup;
    let (other, store) = engine(ContainerState::Exited);
    let other = other.with_volume_file("shop_db", "newer", "z").with_volume_file("shop_db", "base/1", "old");
    let request = RestoreOptions::default();
    let planned = plan(&other, &store, &backup, &request).await.expect("planned");
    assert_eq!(actions(&planned), [Action::Replace]);
    let at = target(&other, &store);
    VolumeDriver.restore(at, &backup, &planned, &request, &clearance()).await.expect("restored");
    let files = other.volume_files("shop_db");
    let content = |path: &str| files.get(std::path::Path::new(path)).cloned();
    assert_eq!(content(".safe-compose-restore/old/newer").as_deref(), Some(&b"z"[..]));
    assert_eq!(content(".safe-compose-restore/old/base/1").as_deref(), Some(&b"old"[..]));
    assert_eq!(content("newer"), None);
    assert!(dump(&other, &store, &root).await.is_err(), "what is not finished is not backed up");
    VolumeDriver.finish_restore(at, &backup, &clearance()).await.expect("finished");
    assert_eq!(other.volume_files("shop_db"), full.volume_files("shop_db"));
    assert!(other.containers().iter().all(|container| !container.labels.contains_key(HELPER_LABEL)));
    let calls = other.calls().len();
    VolumeDriver.finish_restore(at, &backup, &clearance()).await.expect("there is nothing to finish");
    let ran = other.calls().into_iter().skip(calls).any(|call| call.method == EngineMethod::RunMover);
    assert!(!ran);
}

#[tokio::test]
async fn what_cannot_be_unpacked_changes_nothing() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let (other, store) = engine(ContainerState::Exited);
    let other = other.with_volume_file("shop_db", "newer", "z");
    let before = other.volume_files("shop_db");
    let planned = plan(&other, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    other.fail(EngineMethod::WriteArchive);
    let error = restore(&other, &store, &backup, &planned).await.expect_err("told to fail");
    assert!(error.to_string().contains("was not changed"), "{error:#}");
    assert_eq!(other.volume_files("shop_db"), before);
    assert_eq!(other.count(EngineMethod::RunMover), 0);
}

#[tokio::test]
async fn an_interrupted_switch_is_finished_and_one_that_had_not_begun_is_removed() {
    let rename = |from: &str, to: &str| {
        let mut list = MoveList::default();
        list.push(Operation::Rename { from: from.as_ref(), to: to.as_ref() });
        list.into_bytes()
    };
    let staging = "/held/.safe-compose-restore";
    let complete = rename(&format!("{staging}/new/db/a"), "/held/a");
    let cut = complete[..complete.len() - 1].to_vec();
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    for (list, expected) in [(Some(complete), &["a", "kept"][..]), (Some(cut), &["kept"]), (None, &["kept"])]
    {
        let (engine, store) = engine(ContainerState::Exited);
        let mut engine = engine.with_volume_file("shop_db", "kept", "k").with_volume_file(
            "shop_db",
            ".safe-compose-restore/new/db/a",
            "new",
        );
        if let Some(list) = list {
            engine = engine.with_volume_file("shop_db", ".safe-compose-restore/list", list);
        }
        VolumeDriver.finish_restore(target(&engine, &store), &backup, &clearance()).await.expect("finished");
        let left: Vec<_> = engine.volume_files("shop_db").into_keys().collect();
        assert_eq!(left, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_archive_is_compared_with_what_its_backup_says() {
    let (_dir, root) = root();
    let (full, store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &store, &root).await.expect("dumped").backup.backup().clone();
    VolumeDriver.check_contents(&backup).await.expect("it is what it says");
    let mut other = backup.clone();
    other.manifest.fingerprint = Fingerprint::Volume { entries: 1, bytes: 1 };
    let error = VolumeDriver.check_contents(&other).await.expect_err("something else");
    assert!(error.to_string().contains("instead of 1 file"), "{error:#}");
    let mut elsewhere = backup;
    let ArtifactContents::Files { target, .. } = &mut elsewhere.manifest.artifacts[0].contents else {
        panic!("files")
    };
    *target = "/another".into();
    assert!(VolumeDriver.check_contents(&elsewhere).await.is_err());
}

#[tokio::test]
async fn what_the_backup_has_too_is_replaced() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let full = filled(full);
    let backup = dump(&full, &full_store, &root).await.expect("dumped").backup;
    let (half, store) = engine(ContainerState::Exited);
    let half = half.with_volume_file("shop_db", "base/1", "only a part of it");
    let plan = plan(&half, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    assert_eq!(actions(&plan), [Action::Replace]);
    restore(&half, &store, &backup, &plan).await.expect("restored");
    assert_eq!(half.volume_files("shop_db"), full.volume_files("shop_db"));
}

#[tokio::test]
async fn what_was_empty_when_it_was_planned_is_looked_at_again() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let (fresh, store) = engine(ContainerState::Created);
    let plan = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    let fresh = fresh.with_volume_file("shop_db", "base/1", "meanwhile");
    let error = restore(&fresh, &store, &backup, &plan).await.expect_err("not empty any more");
    assert!(error.to_string().contains("was empty when the restore was planned"), "{error:#}");
    assert_eq!(fresh.count(EngineMethod::WriteArchive), 0);
}

#[tokio::test]
async fn nothing_is_written_below_a_running_service() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let others = |state| container("other", state, vec![mount("shop_db", "/x")]);
    for (own, other) in [
        (ContainerState::Running, ContainerState::Exited),
        (ContainerState::Paused, ContainerState::Exited),
        (ContainerState::Restarting, ContainerState::Exited),
        (ContainerState::Exited, ContainerState::Running),
    ] {
        let (fresh, store) = engine(own);
        let fresh = fresh.with_container(others(other));
        let plan = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
        let error = restore(&fresh, &store, &backup, &plan).await.expect_err("running");
        let failure = error.downcast_ref::<Failure>().expect("with its way out");
        assert!(failure.message.contains("is running"), "{failure}");
        assert_eq!(fresh.count(EngineMethod::WriteArchive), 0);
    }
}

#[tokio::test]
async fn a_damaged_archive_is_not_put_back() {
    type Break = fn(&mut Vec<u8>);
    let ways: &[(&str, Break)] = &[
        ("flipped", |bytes| bytes[70] ^= 1),
        ("truncated", |bytes| bytes.truncate(100)),
        ("emptied", Vec::clear),
    ];
    for (way, break_it) in ways {
        let (_dir, root) = root();
        let (full, full_store) = engine(ContainerState::Exited);
        let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
        let (fresh, store) = engine(ContainerState::Created);
        let sound = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
        let path = backup.directory.join("var-lib-db.tar.zst");
        let mut bytes = std::fs::read(&path).expect("read");
        break_it(&mut bytes);
        std::fs::write(&path, bytes).expect("broken");
        assert!(restore(&fresh, &store, &backup, &sound).await.is_err(), "{way}");
        assert_eq!(fresh.count(EngineMethod::WriteArchive), 0, "{way}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_asked() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let (fresh, mut moved) = engine(ContainerState::Created);
    moved.locations[0].target = "/data".into();
    let error = plan(&fresh, &moved, &backup, &RestoreOptions::default()).await.expect_err("another place");
    assert!(error.to_string().contains("it keeps data at `/data`"), "{error:#}");
    let (_, mut read_only) = engine(ContainerState::Created);
    read_only.locations[0] = place(LocationSource::Bind { path: "/srv".into() }, "/var/lib/db");
    read_only.locations[0].read_only = true;
    assert!(plan(&fresh, &read_only, &backup, &RestoreOptions::default()).await.is_err());
    let (_, mut in_memory) = engine(ContainerState::Created);
    in_memory.locations[0].source = LocationSource::Tmpfs;
    assert!(plan(&fresh, &in_memory, &backup, &RestoreOptions::default()).await.is_err());
    let (_, store) = engine(ContainerState::Created);
    let request = RestoreOptions { collections: vec!["c".into()], ..RestoreOptions::default() };
    assert!(plan(&fresh, &store, &backup, &request).await.is_err());
    assert!(fresh.calls().is_empty());
}

#[tokio::test]
async fn a_write_that_fails_says_what_may_be_there() {
    let (_dir, root) = root();
    let (full, full_store) = engine(ContainerState::Exited);
    let backup = dump(&filled(full), &full_store, &root).await.expect("dumped").backup;
    let (fresh, store) = engine(ContainerState::Created);
    let fresh = fresh.with_architecture("s390x");
    let plan = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    fresh.fail_with(EngineMethod::WriteArchive, || EngineError::Refused {
        action: "write".into(),
        source: anyhow::anyhow!("no space left on device"),
    });
    let error = restore(&fresh, &store, &backup, &plan).await.expect_err("told to fail");
    assert!(error.to_string().contains("may now contain part of the backup"), "{error:#}");
    fresh.heal(EngineMethod::WriteArchive);
    restore(&fresh, &store, &backup, &plan).await.expect("again");
}

/// Bytes that cannot be compressed: those of a linear congruential generator (Numerical Recipes).
fn noise(length: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).flat_map(u32::to_be_bytes).take(length).collect()
}

#[tokio::test]
async fn a_full_disk_says_how_large_the_volume_is() {
    let Some(disk) = Disk::mount("size=256k") else { return };
    let root = BackupRoot::create(disk.path().join("backups")).expect("a root");
    let (engine, store) = engine(ContainerState::Exited);
    let engine = engine.with_volume_file("shop_db", "big", noise(2_000_000));
    let result = dump(&engine, &store, &root).await.map(|_| ());
    let left = names(&root.directory().join("db"));
    let shown = format!("{:#}", result.expect_err("too small"));
    assert!(shown.contains("no space left") && shown.contains("2.0 MB needed"), "{shown}");
    assert_eq!(left, [".lock"]);
}

#[tokio::test]
async fn a_volume_that_the_service_only_reads_is_saved_and_restored_all_the_same() {
    let (_dir, root) = root();
    let reading = || {
        let (engine, mut store) = engine(ContainerState::Exited);
        store.locations[0].read_only = true;
        (engine, store)
    };
    let (full, store) = reading();
    let full = filled(full);
    let backup = dump(&full, &store, &root).await.expect("dumped").backup;
    assert_eq!(backup.manifest.artifacts.len(), 1);
    let (fresh, store) = reading();
    let planned = plan(&fresh, &store, &backup, &RestoreOptions::default()).await.expect("planned");
    restore(&fresh, &store, &backup, &planned).await.expect("restored");
    assert_eq!(fresh.volume_files("shop_db"), full.volume_files("shop_db"));
    assert!(fresh.count(EngineMethod::CreateHelper) > 0, "its own container cannot write there");
    assert!(fresh.containers().iter().all(|container| !container.labels.contains_key(HELPER_LABEL)));
}

/// A known server, with what is mounted at its data path.
fn server(image: &str, state: ContainerState, target: &str) -> (MemoryEngine, Store) {
    let mut container = container("shop-db-1", state, vec![mount("shop_db", target)]);
    container.image = image.into();
    let engine = MemoryEngine::new().with_volume(volume("shop_db")).with_container(container.clone());
    let store = store(Some(container), vec![in_volume("shop_db", target)]);
    (engine, Store { image: Some(image.into()), ..store })
}

#[tokio::test]
async fn a_running_server_has_the_files_that_it_always_has() {
    const DATA: &str = "/var/lib/postgresql/data";
    for (image, target, file, complaint) in [
        ("postgres:16", DATA, Some("PG_VERSION"), None),
        ("postgres:16", DATA, Some("pgdata/PG_VERSION"), None),
        ("postgres:16", DATA, Some(".gitkeep"), Some("has no `PG_VERSION`")),
        ("postgres:16", DATA, None, Some("is empty although postgres is running")),
        ("postgres:16", "/docker-entrypoint-initdb.d", Some("a.sql"), None),
        ("mysql:8", "/var/lib/mysql", Some("x"), Some("has no `ibdata1`")),
        ("clickhouse-server:1", "/var/lib/clickhouse", None, Some("is empty")),
        ("redis:7", "/data", None, None),
        ("hashicorp/consul:1", "/consul/data", None, None),
        ("app", "/data", None, None),
    ] {
        let (_dir, root) = root();
        let (engine, store) = server(image, ContainerState::Running, target);
        let engine = match file {
            Some(file) => engine.with_volume_file("shop_db", file, "x"),
            None => engine,
        };
        let dumped = dump(&engine, &store, &root).await.map(|_| ()).map_err(|error| format!("{error:#}"));
        match complaint {
            None => assert_eq!(dumped, Ok(()), "{image} {file:?}"),
            Some(complaint) => {
                let error = dumped.expect_err(image);
                assert!(error.contains(complaint), "{error}");
            }
        }
        // A stopped one may never have run.
        let (engine, store) = server(image, ContainerState::Exited, target);
        dump(&engine, &store, &root).await.expect("a stopped server");
    }
}

#[tokio::test]
async fn a_replaced_directory_is_copied_as_the_container_has_it() {
    let (_dir, root) = root();
    let bind = Mount { source: MountSource::Bind { path: "/srv/pg".into() }, ..mount("", "/var/lib/db") };
    let container = container("shop-db-1", ContainerState::Running, vec![bind]);
    let replaced =
        ReplacedMount { destination: "/var/lib/db".into(), path: "/srv/pg".into(), deleted: false };
    let engine = MemoryEngine::new()
        .with_container(container.clone())
        .with_replaced_mount("shop-db-1", replaced)
        .with_container_file("id-shop-db-1", "/var/lib/db/real", "the data")
        .with_directory_file("/srv/pg", ".gitkeep", "");
    let store =
        store(Some(container), vec![place(LocationSource::Bind { path: "/srv/pg".into() }, "/var/lib/db")]);
    let dumped = dump(&engine, &store, &root).await.expect("copied");
    let Fingerprint::Volume { entries, bytes } = dumped.backup.manifest.fingerprint else { panic!("files") };
    assert_eq!((entries, bytes), (1, 8));
    assert!(dumped.remarks.iter().any(|remark| remark.contains("copied from the running container")));
    engine.fail(EngineMethod::ReadLiveDirectory);
    let error = dump(&engine, &store, &root).await.map(|_| ()).expect_err("never the other directory");
    assert!(format!("{error:#}").contains("has another directory at `/var/lib/db`"), "{error:#}");
}
