//! The driver for plain files on a real engine: copied out, put back, and the same to the last owner and mode.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, makedev,
    mknodat, utimensat,
};
use safe_compose::backup::driver::volume::VolumeDriver;
use safe_compose::backup::driver::{Action, Driver as _, DriverTarget, RestoreOptions};
use safe_compose::backup::file_attributes::FileAttributes;
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::manifest::{ArtifactContents, BackupRole, FORMAT, FORMAT_VERSION, Manifest};
use safe_compose::backup::store::{BackupRoot, Verified};
use safe_compose::engine::{Engine as _, HELPER_LABEL};
use safe_compose::error::Failure;
use safe_compose::inventory::{DataLocation, LocationSource, Store, StoreKind};
use safe_compose::progress::Silent;
use tempfile::TempDir;

use crate::requirements::missing;
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

/// What is compared of a file, apart from its content, by the system calls of the host.
#[derive(Debug, PartialEq, Eq)]
struct FileFacts {
    mode: u32,
    owner: (u32, u32),
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    links: u64,
    size: u64,
    device: u64,
    target: Option<PathBuf>,
    extended: BTreeMap<String, Vec<u8>>,
}

fn attributes(root: &Path) -> BTreeMap<PathBuf, FileFacts> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata().expect("there");
        if meta.is_dir() {
            let entries = fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path());
            left.extend(entries.filter(|path| !path.ends_with(".safe-compose-restore")));
        }
        let is_root = path == root;
        let facts = FileFacts {
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            // The top directory changes when what was replaced is removed from it.
            modified: if is_root { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) },
            links: if meta.is_dir() { 0 } else { meta.nlink() },
            size: if meta.is_file() { meta.size() } else { 0 },
            device: meta.rdev(),
            target: fs::read_link(&path).ok(),
            extended: extended(&path),
        };
        found.insert(path.strip_prefix(root).expect("below").to_owned(), facts);
    }
    found
}

fn extended(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 4096];
    let length = llistxattr(path, names.as_mut_slice()).expect("listed");
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let name = String::from_utf8(name.to_vec()).expect("text");
        let mut value = vec![0; 4096];
        let length = lgetxattr(path, &name, value.as_mut_slice()).expect("read");
        value.truncate(length);
        (name, value)
    };
    names.map(value).collect()
}

/// The ACL of a user in the kernel's form, with these rights of the user and the mask.
fn acl(user: u32, rights: u16) -> Vec<u8> {
    let nobody = u32::MAX;
    let entries =
        [(1, 6, nobody), (2, rights, user), (4, 4, nobody), (0x10, rights, nobody), (0x20, 0, nobody)];
    let entry = |(tag, rights, id): (u16, u16, u32)| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    2u32.to_le_bytes().into_iter().chain(entries.into_iter().flat_map(entry)).collect()
}

/// Large enough to see whether it takes its size on disk.
const SPARSE: u64 = 256 << 20;

/// Makes files with every attribute that the engine's archives or its unpacking lose.
fn fill_with_attributes(root: &Path) {
    let write = |name: &str, text: &str| fs::write(root.join(name), text).expect("written");
    let set = |name: &str, attribute: &str, value: &[u8]| {
        lsetxattr(root.join(name), attribute, value, XattrFlags::empty()).expect("set");
    };
    let at = |name: &str, seconds, nanoseconds| {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, root.join(name), &times, AtFlags::SYMLINK_NOFOLLOW).expect("set");
    };
    write("fraction", "x");
    write("early", "x");
    write("capable", "x");
    set("capable", "security.capability", &[1, 0, 0, 2, 0, 4, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    set("capable", "user.note", b"a\n12 path=evil\n\0b");
    set("capable", "trusted.mark", b"1");
    write("acl", "x");
    set("acl", "system.posix_acl_access", &acl(1234, 6));
    fs::create_dir(root.join("inherits")).expect("made");
    // It has no ACL, although its directory gives every new file one.
    write("inherits/plain", "x");
    set("inherits", "system.posix_acl_default", &acl(1234, 4));
    write("inherits/inherited", "x");
    fs::hard_link(root.join("fraction"), root.join("hard")).expect("linked");
    symlink("fraction", root.join("link")).expect("linked");
    mknodat(CWD, root.join("null"), FileType::CharacterDevice, 0o666.into(), makedev(1, 3)).expect("made");
    mknodat(CWD, root.join("pipe"), FileType::Fifo, 0o640.into(), 0).expect("made");
    let sparse = fs::File::create(root.join("sparse")).expect("created");
    sparse.set_len(SPARSE).expect("extended");
    for place in [0, SPARSE / 2, SPARSE - 3] {
        sparse.write_all_at(b"abc", place).expect("written");
    }
    set("sparse", "user.kind", b"disk");
    set("sparse", "security.capability", &[1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    fs::write(root.join("zeros"), vec![0; 1 << 20]).expect("written");
    // Until then, a file system may count no blocks for it.
    fs::File::open(root.join("zeros")).and_then(|open| open.sync_all()).expect("synced");
    at("fraction", 1_600_000_000, 123_456_789);
    at("early", -123_456_790, 500_000_000);
    at("sparse", 1_500_000_000, 1);
    at("link", 1_400_000_000, 111_111_111);
    at("inherits", 1_300_000_000, 999_999_999);
}

/// A volume full of attributes, its backup, and what was in it.
struct WithAttributes {
    scratch: Bare,
    stored: Store,
    backup: Verified,
    before: BTreeMap<PathBuf, FileFacts>,
    /// Removed with the backup in it.
    _directory: TempDir,
}

impl WithAttributes {
    /// `None` where the volume cannot be filled.
    async fn new() -> Option<Self> {
        let scratch = Bare::new("attributes")?;
        let image = scratch.image(&["CMD [\"sleep\", \"600\"]"]);
        let volume = scratch.volume("from");
        let root = mountpoint(&volume).await;
        if !rustix::process::geteuid().is_root() || !root.exists() {
            missing("this test writes into volumes on the host, which only root can");
            return None;
        }
        fill_with_attributes(&root);
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("bound");
        let mut before = attributes(&root);
        before.remove(Path::new("socket")).expect("there");
        let stored = store(&scratch.name, &image, data(&volume)).await;
        let directory = tempfile::tempdir().expect("a directory");
        let (backup, remarks) = dump(&stored, &BackupRoot::create(directory.path()).expect("a root")).await;
        assert_eq!(remarks, [""; 0]);
        Some(Self { scratch, stored, backup, before, _directory: directory })
    }

    /// Restores it into a new volume, with or without access to the host. Returns where that is, and the remarks.
    async fn restore(&self, key: &str, local: bool) -> (PathBuf, Vec<String>) {
        let volume = self.scratch.volume(key);
        let engine = engine().await;
        let store = Store { container: None, locations: data(&volume), ..self.stored.clone() };
        let target = DriverTarget {
            engine: &engine,
            store: &store,
            stores: &[],
            progress: &Silent,
            local,
            api_key: None,
            quiesce: None,
        };
        let request = RestoreOptions::default();
        let plan = VolumeDriver.plan_restore(target, &self.backup, &request).await.expect("planned");
        let restored = VolumeDriver.restore(target, &self.backup, &plan, &request, &clearance()).await;
        (mountpoint(&volume).await, restored.expect("restored").remarks)
    }
}

async fn mountpoint(volume: &str) -> PathBuf {
    engine().await.volume(volume).await.expect("asked").expect("there").mountpoint
}

#[tokio::test]
async fn every_attribute_comes_back() {
    let Some(made) = WithAttributes::new().await else { return };
    let ArtifactContents::Files { attributes: recorded, skipped_sockets, .. } =
        &made.backup.manifest.artifacts[0].contents
    else {
        panic!("{:?}", made.backup.manifest)
    };
    assert_eq!(*recorded, Some(FileAttributes::All));
    assert_eq!(skipped_sockets, &["/data/socket"]);

    let (root, remarks) = made.restore("to", true).await;
    assert_eq!(remarks, [""; 0]);
    let after = attributes(&root);
    for (path, expected) in &made.before {
        assert_eq!(after.get(path), Some(expected), "{}", path.display());
    }
    assert_eq!(after.len(), made.before.len(), "{:?}", after.keys());
    let meta = |name: &str| root.join(name).metadata().expect("there");
    assert_eq!(meta("hard").ino(), meta("fraction").ino());
    assert!(meta("sparse").blocks() < 100, "{} blocks", meta("sparse").blocks());
    assert!(meta("zeros").blocks() >= 2048, "it had no holes: {} blocks", meta("zeros").blocks());
    let sparse = fs::File::open(root.join("sparse")).expect("opened");
    let mut read = [0; 3];
    for place in [0, SPARSE / 2, SPARSE - 3] {
        sparse.read_exact_at(&mut read, place).expect("read");
        assert_eq!(&read, b"abc", "{place}");
    }
}

#[tokio::test]
async fn what_the_engine_alone_cannot_restore_is_named() {
    let Some(made) = WithAttributes::new().await else { return };
    let (root, remarks) = made.restore("far", false).await;
    let [holes, times] = remarks.as_slice() else { panic!("{remarks:?}") };
    assert!(holes.starts_with("files with holes in `/data`") && holes.contains("(1 file, "), "{holes}");
    assert!(times.starts_with("times before 1970 in `/data`") && times.contains("(1 file)"), "{times}");
    let after = attributes(&root);
    // The engine lets a new file inherit the ACL of the directory that it has just unpacked.
    let same = |path: &&PathBuf| !path.ends_with("early") && !path.ends_with("inherits/plain");
    for path in made.before.keys().filter(same) {
        assert_eq!(after.get(path), made.before.get(path), "{}", path.display());
    }
}
