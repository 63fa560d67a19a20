//! Files that have not changed since the previous backup are linked from it, and files that have are copied.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::driver::volume::VolumeDriver;
use safe_compose::backup::driver::{Driver as _, DriverTarget, Dump};
use safe_compose::backup::manifest::{ArtifactContents, Manifest};
use safe_compose::backup::store::{Backup, BackupRoot};
use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::{Container, ContainerState, Mount, MountSource};
use safe_compose::inventory::{DataLocation, LocationSource, Store, StoreKind};
use safe_compose::progress::Silent;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::backup_fixture::{manifest, root, time};
use crate::volume_driver::container;

/// A directory of this machine that a container mounts, and the same file in the engine in memory.
struct Stand {
    data: TempDir,
    engine: MemoryEngine,
    store: Store,
    root: BackupRoot,
    _backups: TempDir,
}

impl Stand {
    fn new(state: ContainerState) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        fs::write(data.path().join("file"), "one").expect("written");
        let mount = Mount {
            source: MountSource::Bind { path: data.path().to_owned() },
            destination: "/data".into(),
            read_only: false,
            subpath: None,
        };
        let container: Container = container("shop-db-1", state, vec![mount]);
        let engine = MemoryEngine::new().with_container(container.clone()).with_directory_file(
            data.path().to_str().expect("text"),
            "file",
            "one",
        );
        let place = DataLocation {
            source: LocationSource::Bind { path: data.path().to_owned() },
            target: "/data".into(),
            read_only: false,
        };
        let store = Store {
            id: "db".into(),
            service: "db".into(),
            kind: StoreKind::Volume,
            container: Some(container),
            image: Some("app".into()),
            locations: vec![place],
        };
        let (backups, root) = root();
        Self { data, engine, store, root, _backups: backups }
    }

    fn file(&self) -> std::path::PathBuf {
        self.data.path().join("file")
    }

    fn target(&self) -> DriverTarget<'_> {
        DriverTarget {
            engine: &self.engine,
            store: &self.store,
            stores: &[],
            progress: &Silent,
            local: true,
            api_key: None,
            quiesce: None,
        }
    }

    async fn back_up(&self, previous: Option<&Backup>) -> Made {
        let reads = self.engine.count(EngineMethod::ReadArchive);
        let mut staging = self.root.stage("db", time("2026-08-01T10:00:00Z")).expect("staged");
        let dump = VolumeDriver.dump(self.target(), previous, &mut staging).await.expect("dumped");
        let Dump { fingerprint, consistency, tree, artifacts, remarks, .. } = dump;
        let manifest = Manifest { fingerprint, consistency, tree, ..manifest("db", artifacts) };
        let backup = staging.finish(manifest).expect("finished").backup().clone();
        backup.check().expect("complete");
        Made { backup, remarks, was_read: self.engine.count(EngineMethod::ReadArchive) > reads }
    }
}

struct Made {
    backup: Backup,
    remarks: Vec<String>,
    was_read: bool,
}

fn archive(backup: &Backup) -> std::path::PathBuf {
    backup.directory.join(&backup.manifest.artifacts[0].path)
}

fn inode(path: &Path) -> u64 {
    path.metadata().expect("there").ino()
}

#[tokio::test]
async fn unchanged_files_are_linked_and_not_read() {
    let stand = Stand::new(ContainerState::Exited);
    let first = stand.back_up(None).await;
    assert!(first.was_read && first.backup.manifest.tree.is_some());
    let second = stand.back_up(Some(&first.backup)).await;
    assert!(!second.was_read);
    assert_eq!(second.remarks, [""; 0]);
    assert_eq!(inode(&archive(&second.backup)), inode(&archive(&first.backup)));
    let (one, other) = (&first.backup.manifest, &second.backup.manifest);
    assert_eq!(
        (&one.tree, &one.fingerprint, &one.artifacts),
        (&other.tree, &other.fingerprint, &other.artifacts)
    );
    assert_eq!(other.consistency, Consistency::Cold);
    let third = stand.back_up(Some(&second.backup)).await;
    assert!(!third.was_read, "a linked backup is as good a base as one that was copied");
}

#[tokio::test]
async fn another_byte_in_a_file_of_the_same_size_and_time_is_copied() {
    let stand = Stand::new(ContainerState::Exited);
    let first = stand.back_up(None).await.backup;
    let time = stand.file().metadata().expect("there").modified().expect("a time");
    let inode_before = inode(&stand.file());
    fs::write(stand.file(), "two").expect("written");
    File::options().write(true).open(stand.file()).expect("opened").set_modified(time).expect("set");
    let meta = stand.file().metadata().expect("there");
    assert_eq!((meta.modified().expect("a time"), meta.len(), meta.ino()), (time, 3, inode_before));
    let second = stand.back_up(Some(&first)).await;
    assert!(second.was_read);
    assert_ne!(inode(&archive(&second.backup)), inode(&archive(&first)));
}

#[tokio::test]
async fn a_damaged_archive_is_not_linked() {
    let stand = Stand::new(ContainerState::Exited);
    let first = stand.back_up(None).await.backup;
    let mut bytes = fs::read(archive(&first)).expect("read");
    bytes[20] ^= 1;
    fs::write(archive(&first), bytes).expect("damaged");
    let second = stand.back_up(Some(&first)).await;
    assert!(second.was_read);
    assert!(second.remarks[0].contains("copied again"), "{:?}", second.remarks);
}

#[tokio::test]
async fn what_cannot_be_relied_on_is_not_linked() {
    type Change = fn(&mut Manifest);
    let changes: &[(&str, Change)] = &[
        ("torn", |manifest| manifest.consistency = Consistency::TornPossible),
        ("frozen, of a version that did not count mapped files", |manifest| {
            manifest.consistency = Consistency::Frozen;
            manifest.format_version = 6;
        }),
        ("without a digest", |manifest| manifest.tree = None),
        ("of a version that recorded no attributes", |manifest| {
            for artifact in &mut manifest.artifacts {
                if let ArtifactContents::Files { attributes, .. } = &mut artifact.contents {
                    *attributes = None;
                }
            }
        }),
        ("of another place", |manifest| {
            let mut other = manifest.artifacts[0].clone();
            other.contents = ArtifactContents::Files {
                target: "/other".into(),
                source: "volume x".into(),
                attributes: None,
                skipped_sockets: Vec::new(),
            };
            manifest.artifacts = vec![other];
        }),
    ];
    let stand = Stand::new(ContainerState::Exited);
    let first = stand.back_up(None).await.backup;
    for (what, change) in changes {
        let mut other = first.clone();
        change(&mut other.manifest);
        assert!(stand.back_up(Some(&other)).await.was_read, "{what}");
    }
    assert!(!stand.back_up(Some(&first)).await.was_read);
    let stand = Stand::new(ContainerState::Running);
    let first = stand.back_up(None).await.backup;
    assert_eq!(first.manifest.tree, None, "it may be written to");
}

/// Bytes that no program compresses.
fn incompressible(length: usize) -> Vec<u8> {
    (0..length.div_ceil(32)).flat_map(|number| Sha256::digest(number.to_le_bytes())).take(length).collect()
}

#[tokio::test]
async fn too_little_space_is_noticed_before_anything_is_read() {
    let Some(disk) = crate::support::Disk::mount("size=1m") else { return };
    let stand = Stand::new(ContainerState::Exited);
    fs::write(stand.file(), incompressible(2_000_000)).expect("written");
    let root = BackupRoot::create(disk.path().join("backups")).expect("a root");
    let stand = Stand { root, ..stand };
    let mut staging = stand.root.stage("db", time("2026-08-01T10:00:00Z")).expect("staged");
    let error = VolumeDriver.dump(stand.target(), None, &mut staging).await.expect_err("it does not fit");
    let text = error.to_string();
    assert!(text.contains("2.0 MB needed") && text.contains("105 kB left for other programs"), "{text}");
    assert_eq!(stand.engine.count(EngineMethod::ReadArchive), 0);
    // Nothing is needed for what is linked.
    drop(staging);
    fs::write(stand.file(), "one").expect("written");
    let first = stand.back_up(None).await.backup;
    fs::write(disk.path().join("fill"), vec![7; 850_000]).expect("written");
    assert!(!stand.back_up(Some(&first)).await.was_read);
}
