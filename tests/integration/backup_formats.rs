//! Files that earlier releases wrote stay readable: `tests/fixtures/backup/format-3` has manifests of format version 3,
//! baselines of version 1 and a backup set of version 1.

use std::fs;
use std::path::{Path, PathBuf};

use safe_compose::backup::baseline::{self, Note, StoreBaseline};
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::manifest::{ArtifactContents, Manifest, Proof};
use safe_compose::backup::store::BackupRoot;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backup/format-3")
}

/// A copy, since whoever writes takes a lock.
fn root() -> (tempfile::TempDir, BackupRoot) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("backups");
    copy(&fixtures(), &path);
    (dir, BackupRoot::open(path).expect("a root"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn a_backup_of_an_older_format_is_listed_and_verified() {
    let (_dir, root) = root();
    let listing = root.list(Some("db")).expect("listed");
    assert!(listing.damaged.is_empty() && listing.foreign.is_empty());
    let [backup] = listing.backups.as_slice() else { panic!("one backup") };
    backup.check().expect("every file is as it was");
    assert_eq!((backup.manifest.proof, backup.proof()), (Proof::Readable, Proof::Restored));
    assert_eq!(backup.manifest.manual_restore, ["tar xf data.tar"]);
    assert!(backup.manifest.artifacts.iter().all(|one| one.contents == ArtifactContents::Note));
    let all = root.list(None).expect("listed");
    assert!(!all.foreign.iter().any(|path| path.to_string_lossy().contains("stack_backup")), "{all:?}");
}

#[test]
fn a_manifest_of_an_older_format_keeps_everything_when_it_is_written_again() {
    let text = fs::read(fixtures().join("qdrant/manifest.json")).expect("read");
    let manifest = Manifest::parse(&text).expect("an older format");
    assert_eq!(manifest.format_version, 3);
    let paths: Vec<&str> =
        manifest.incremental_chain("receitas").iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths, ["collections/receitas.snapshot", "collections/receitas.changes-01.tar"]);
    let Fingerprint::Qdrant(qdrant) = &manifest.fingerprint else { panic!("of a Qdrant server") };
    for collection in qdrant.collections.values() {
        assert_eq!(collection.write_position.as_ref().expect("reported").shards.len(), 1);
        let sample = collection.sample.as_ref().expect("sampled");
        assert!(sample.complete && sample.points.iter().all(|point| point.payload_sha256.len() == 64));
    }
    let written = String::from_utf8(manifest.to_bytes()).expect("text");
    for name in ["manual_restore", "contents", "collection_increment", "write_position", "payload_sha256"] {
        assert!(written.contains(&format!("\"{name}\"")), "{name}");
    }
    for name in ["restore_by_hand", "holds", "collection_delta", "link", "mark", "whole"] {
        assert!(!written.contains(&format!("\"{name}\"")), "{name}");
        assert!(String::from_utf8_lossy(&text).contains(&format!("\"{name}\"")), "{name} was in it");
    }
    assert_eq!(Manifest::parse(written.as_bytes()).expect("the same"), manifest);
}

#[test]
fn a_baseline_of_an_older_format_is_read_and_replaced() {
    let (_dir, root) = root();
    let old = StoreBaseline::read(&root, "db").expect("read").expect("there");
    assert_eq!(old.note, Note::Destroyed { backup: Some("db_backup_20260801_100000".into()) });
    assert_eq!((old.format.as_str(), old.format_version), ("safe-compose-record", 1));
    let of_server = StoreBaseline::read(&root, "qdrant").expect("read").expect("there");
    assert!(matches!(of_server.fingerprint, Some(Fingerprint::Qdrant(_))));
    StoreBaseline::new(old.time, Note::Accepted, old.fingerprint, None).write(&root, "db").expect("replaced");
    let new = StoreBaseline::read(&root, "db").expect("read").expect("there");
    assert_eq!((new.note, new.format_version), (Note::Accepted, baseline::FORMAT_VERSION));
}
