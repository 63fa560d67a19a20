//! The driver for plain files on a real engine: copied out, put back, and the same to the last owner and mode.

use std::path::Path;

use safe_compose::backup::driver::volume::VolumeDriver;
use safe_compose::backup::driver::{Action, Driver as _, DriverTarget, RestoreOptions};
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::manifest::{BackupRole, FORMAT, FORMAT_VERSION, Manifest};
use safe_compose::backup::store::{BackupRoot, Verified};
use safe_compose::engine::{Engine as _, HELPER_LABEL};
use safe_compose::error::Failure;
use safe_compose::inventory::{DataLocation, LocationSource, Store, StoreKind};
use safe_compose::progress::Silent;

use crate::support::bare::{Bare, docker, engine};
use crate::support::permission::clearance;

/// Makes everything that a tar can carry and a careless copy loses.
const FILL: &str = "umask 022; cd /data && chmod 700 . && chown 1000:1001 . \
    && mkdir -p deep/er empty && echo content > deep/er/file && chown 1000:1001 deep/er/file && chmod 640 deep/er/file \
    && ln deep/er/file hard && ln -s deep/er/file soft && ln -s /nowhere dangling && mkfifo pipe \
    && echo x > 'odd name\n' && chmod 4755 hard && head -c 3000000 /dev/urandom > big && echo n > $(printf 'l%0200d' 0)";

async fn store(project: &str, image: &str, places: Vec<DataLocation>) -> Store {
    let containers = engine().await.project_containers(project).await.expect("listed");
    Store {
        id: "db".into(),
        service: "db".into(),
        kind: StoreKind::Volume,
        container: containers.into_iter().next(),
        image: Some(image.into()),
        locations: places,
    }
}

fn data(volume: &str) -> Vec<DataLocation> {
    vec![DataLocation {
        source: LocationSource::Volume { name: Some(volume.into()), anonymous: false },
        target: "/data".into(),
        read_only: false,
    }]
}

async fn dump(store: &Store, root: &BackupRoot) -> (Verified, Vec<String>) {
    let engine = engine().await;
    let target = DriverTarget {
        engine: &engine,
        store,
        stores: &[],
        progress: &Silent,
        local: true,
        api_key: None,
        quiesce: None,
    };
    let now = jiff::Timestamp::now();
    let mut staging = root.stage("db", now).expect("staged");
    let dump = VolumeDriver.dump(target, None, &mut staging).await.expect("dumped");
    let manifest = Manifest {
        cluster: Vec::new(),
        format: FORMAT.into(),
        format_version: FORMAT_VERSION,
        tool: "test".into(),
        created: now,
        finished: now,
        project: "p".into(),
        service: "db".into(),
        container: String::new(),
        image: String::new(),
        image_id: String::new(),
        engine: String::new(),
        endpoint: String::new(),
        kind: StoreKind::Volume,
        server: None,
        reason: "asked for".into(),
        role: BackupRole::Normal,
        sequence: 0,
        proof: dump.proof,
        consistency: dump.consistency,
        tree: dump.tree,
        sqlite: dump.sqlite,
        fingerprint: dump.fingerprint,
        evidence: None,
        shrinkage: None,
        artifacts: dump.artifacts,
        manual_restore: dump.manual_restore,
    };
    (staging.finish(manifest).expect("finished"), dump.remarks)
}

/// Owners, modes, kinds, links and contents of everything below `/data`, as a program in a container sees them.
fn seen(volume: &str, image: &str) -> String {
    let mount = format!("{volume}:/data");
    let script = "cd /data && busybox find . -exec busybox stat -c '%n %U:%G %u:%g %a %F %N' {} + | busybox sort \
        && busybox find . -type f -exec busybox sha256sum {} + | busybox sort && busybox stat -c %h hard";
    docker(&["run", "--rm", "-v", &mount, image, "/bin/sh", "-c", script]).expect("looked at")
}

#[tokio::test]
async fn everything_comes_back_as_it_was() {
    let Some(scratch) = Bare::new("volume") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let (from, to, again) = (scratch.volume("from"), scratch.volume("to"), scratch.volume("again"));
    let mount = format!("{from}:/data");
    let fill = FILL
        .replace("head ", "busybox head ")
        .replace("chmod", "busybox chmod")
        .replace("chown", "busybox chown");
    let fill = fill.replace("ln ", "busybox ln ").replace("mkfifo", "busybox mkfifo");
    docker(&["run", "--rm", "-v", &mount, &image, "/bin/sh", "-c", &fill]).expect("filled");
    let before = seen(&from, &image);
    assert!(before.contains("dangling") && before.contains("fifo"), "{before}");

    scratch.container(&["create"], "db", &["-v", &mount, &image]);
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path()).expect("a root");
    let stored = store(&scratch.name, &image, data(&from)).await;
    let (backup, remarks) = dump(&stored, &root).await;
    assert_eq!(remarks, [""; 0]);
    assert!(
        matches!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 11, .. }),
        "{:?}",
        backup.manifest
    );

    // Through a helper, into a volume that no container has.
    let engine = engine().await;
    let fresh = Store { container: None, locations: data(&to), ..stored.clone() };
    let target = DriverTarget {
        engine: &engine,
        store: &fresh,
        stores: &[],
        progress: &Silent,
        local: true,
        api_key: None,
        quiesce: None,
    };
    let request = RestoreOptions::default();
    let plan = VolumeDriver.plan_restore(target, &backup, &request).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Create);
    VolumeDriver.restore(target, &backup, &plan, &request, &clearance()).await.expect("restored");
    assert_eq!(seen(&to, &image), before);
    let plan = VolumeDriver.plan_restore(target, &backup, &request).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Keep, "it is the same now");
    let (second, _) = dump(&fresh, &root).await;
    assert_eq!(second.manifest.fingerprint, backup.manifest.fingerprint);
    // Its image was removed meanwhile.
    let bare = Store { image: Some("sctest-no-such-image:1".into()), ..fresh.clone() };
    let (third, _) = dump(&bare, &root).await;
    assert_eq!(third.manifest.fingerprint, backup.manifest.fingerprint);
    let helpers = docker(&[
        "ps",
        "-aq",
        "--filter",
        &format!("label={HELPER_LABEL}"),
        "--filter",
        &format!("volume={to}"),
    ]);
    assert_eq!(helpers.as_deref(), Ok(""));
    let helpers = docker(&[
        "ps",
        "-aq",
        "--filter",
        &format!("label={HELPER_LABEL}"),
        "--filter",
        &format!("ancestor={image}"),
    ]);
    assert_eq!(helpers.as_deref(), Ok(""));

    // By hand, as the manifest says.
    let mount = format!("{again}:/data");
    docker(&["create", "--name", &format!("{}-hand", scratch.name), "-v", &mount, &image]).expect("made");
    let archive = std::fs::File::open(backup.directory.join("data.tar.zst")).expect("there");
    let tar = zstd::decode_all(archive).expect("zstd");
    duct::cmd!("docker", "cp", "-", format!("{}-hand:/", scratch.name))
        .stdin_bytes(tar)
        .run()
        .expect("copied");
    assert_eq!(seen(&again, &image), before);
}

#[tokio::test]
async fn what_is_there_is_neither_mixed_nor_written_under_a_running_service() {
    let Some(scratch) = Bare::new("volume") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let volume = scratch.volume("data");
    let mount = format!("{volume}:/data");
    let id = scratch.container(
        &["run", "-d"],
        "db",
        &["-v", &mount, &image, "/bin/sh", "-c", "echo one > /data/one; sleep 600"],
    );
    assert!(
        crate::support::bare::eventually(async || docker(&["exec", &id, "/bin/cat", "/data/one"]).is_ok())
            .await,
        "written"
    );
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path()).expect("a root");
    let stored = store(&scratch.name, &image, data(&volume)).await;
    let (backup, remarks) = dump(&stored, &root).await;
    assert!(remarks[0].contains("ran during the copy"), "{remarks:?}");

    let engine = engine().await;
    let target = DriverTarget {
        engine: &engine,
        store: &stored,
        stores: &[],
        progress: &Silent,
        local: true,
        api_key: None,
        quiesce: None,
    };
    let request = RestoreOptions::default();
    docker(&["exec", &id, "/bin/sh", "-c", "echo other > /data/one; echo two > /data/two"]).expect("written");
    let plan = VolumeDriver.plan_restore(target, &backup, &request).await.expect("planned");
    assert_eq!(plan.steps[0].action, Action::Replace);
    let restore = async || VolumeDriver.restore(target, &backup, &plan, &request, &clearance()).await;
    let message = async || match restore().await {
        Ok(_) => panic!("it should be refused"),
        Err(error) => error.downcast_ref::<Failure>().expect("with its way out").message.clone(),
    };
    assert!(message().await.contains("is running"));
    docker(&["stop", "-t", "0", &id]).expect("stopped");
    restore().await.expect("what the backup does not have is moved away");
    let look = || docker(&["run", "--rm", "-v", &mount, &image, "/bin/busybox", "ls", "-A", "/data"]);
    assert_eq!(
        look().as_deref(),
        Ok(".safe-compose-restore\none"),
        "it is kept until the service was verified"
    );
    VolumeDriver.finish_restore(target, &backup, &clearance()).await.expect("finished");
    assert_eq!(look().as_deref(), Ok("one"));
    VolumeDriver.finish_restore(target, &backup, &clearance()).await.expect("there is nothing to finish");
    docker(&["start", &id]).expect("started");
    // Its command writes the file anew; what counts is that nothing else is there.
    assert_eq!(docker(&["exec", &id, "/bin/ls", "/data"]).as_deref(), Ok("one"));
}

#[tokio::test]
async fn a_container_that_only_lies_there_can_be_copied_from_its_layer() {
    let Some(scratch) = Bare::new("volume") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let id = scratch.container(
        &["run", "-d"],
        "db",
        &[&image, "/bin/sh", "-c", "mkdir -p /state; echo x > /state/f; sleep 600"],
    );
    assert!(
        crate::support::bare::eventually(async || docker(&["exec", &id, "/bin/cat", "/state/f"]).is_ok())
            .await
    );
    docker(&["kill", &id]).expect("killed");
    let place = DataLocation { source: LocationSource::Layer, target: "/state".into(), read_only: false };
    let stored = store(&scratch.name, &image, vec![place]).await;
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path()).expect("a root");
    let (backup, _) = dump(&stored, &root).await;
    assert_eq!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 1, bytes: 2 });
    assert!(Path::new(&backup.directory).join("state.tar.zst").is_file());
}

fn named(volume: &str, target: &str) -> DataLocation {
    DataLocation {
        source: LocationSource::Volume { name: Some(volume.into()), anonymous: false },
        target: target.into(),
        read_only: false,
    }
}

#[tokio::test]
async fn a_volume_inside_of_another_goes_with_it() {
    let Some(scratch) = Bare::new("volume") else { return };
    let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
    let mounts = |outer: &str, inner: &str| [format!("{outer}:/data"), format!("{inner}:/data/inner")];
    let places = |outer: &str, inner: &str| vec![named(outer, "/data"), named(inner, "/data/inner")];
    let (outer, inner) = (scratch.volume("outer"), scratch.volume("inner"));
    let [one, two] = mounts(&outer, &inner);
    let fill = "echo 1 > /data/o; echo 22 > /data/inner/i";
    docker(&["run", "--rm", "-v", &one, "-v", &two, &image, "/bin/sh", "-c", fill]).expect("filled");
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path()).expect("a root");
    let lone = store(&scratch.name, &image, places(&outer, &inner)).await;
    assert!(lone.container.is_none());
    let (backup, _) = dump(&lone, &root).await;
    assert_eq!(backup.manifest.fingerprint, Fingerprint::Volume { entries: 3, bytes: 5 });

    let (outer, inner) = (scratch.volume("outer2"), scratch.volume("inner2"));
    let [one, two] = mounts(&outer, &inner);
    // Its root file system and its outer volume can only be read.
    let id = scratch.container(
        &["create"],
        "db",
        &["--read-only", "-v", &format!("{one}:ro"), "-v", &two, &image],
    );
    let stored = store(&scratch.name, &image, places(&outer, &inner)).await;
    let engine = engine().await;
    let target = DriverTarget {
        engine: &engine,
        store: &stored,
        stores: &[],
        progress: &Silent,
        local: true,
        api_key: None,
        quiesce: None,
    };
    let request = RestoreOptions::default();
    let plan = VolumeDriver.plan_restore(target, &backup, &request).await.expect("planned");
    // The engine has made the directory that the inner volume is mounted on.
    assert!(matches!(plan.steps[0].action, Action::Create | Action::Replace), "{plan:?}");
    VolumeDriver.restore(target, &backup, &plan, &request, &clearance()).await.expect("restored");
    assert_eq!(docker(&["inspect", "-f", "{{.State.Status}}", &id]).as_deref(), Ok("created"));
    let cat = |mount: String, file: &str| docker(&["run", "--rm", "-v", &mount, &image, "/bin/cat", file]);
    assert_eq!(cat(format!("{outer}:/x"), "/x/o").as_deref(), Ok("1"));
    assert_eq!(
        cat(format!("{inner}:/x"), "/x/i").as_deref(),
        Ok("22"),
        "in the inner volume, not below its mount point"
    );
    assert!(cat(format!("{outer}:/x"), "/x/inner/i").is_err());
}
