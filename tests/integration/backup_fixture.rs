//! Backups for tests: a root in a directory of its own, and a manifest that fits what was staged.

use std::path::Path;

use jiff::Timestamp;
use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::manifest::{
    Artifact, ArtifactContents, BackupRole, FORMAT, FORMAT_VERSION, Manifest, Proof,
};
use safe_compose::backup::store::{BackupRoot, Staging, Verified};
use safe_compose::inventory::StoreKind;
use safe_compose::settings::RetentionSettings;
use tempfile::TempDir;

pub(crate) fn root() -> (TempDir, BackupRoot) {
    let dir = tempfile::tempdir().expect("a directory");
    let root = BackupRoot::create(dir.path().join("backups")).expect("a root");
    (dir, root)
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn manifest(service: &str, artifacts: Vec<Artifact>) -> Manifest {
    Manifest {
        format: FORMAT.into(),
        format_version: FORMAT_VERSION,
        tool: "safe-compose 0.0.0".into(),
        created: Timestamp::UNIX_EPOCH,
        finished: time("2026-08-01T10:00:09Z"),
        project: "shop".into(),
        service: service.into(),
        container: format!("shop-{service}-1"),
        image: "busybox".into(),
        image_id: "sha256:0".into(),
        engine: "E".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        cluster: Vec::new(),
        kind: StoreKind::Volume,
        server: None,
        reason: "asked for".into(),
        role: BackupRole::Normal,
        sequence: 0,
        proof: Proof::Readable,
        consistency: Consistency::Cold,
        tree: None,
        sqlite: Vec::new(),
        fingerprint: Fingerprint::Volume { entries: 2, bytes: 9 },
        evidence: None,
        shrinkage: None,
        artifacts,
        manual_restore: vec!["tar xf data.tar".into()],
    }
}

/// Only the last backups are kept.
pub(crate) fn keep_last(last: u32) -> RetentionSettings {
    RetentionSettings { last, hourly: 0, daily: 0, weekly: 0, monthly: 0, local: None }
}

/// Stages some files at a time.
pub(crate) fn stage(
    root: &BackupRoot,
    store: &str,
    at: &str,
    files: &[(&str, &[u8])],
) -> (Staging, Vec<Artifact>) {
    let staging = root.stage(store, time(at)).expect("staged");
    let artifacts = files
        .iter()
        .map(|(path, content)| staging.write(path, content, ArtifactContents::Note).expect("written"))
        .collect();
    (staging, artifacts)
}

/// A finished backup of two files, one in a directory.
pub(crate) fn backup(root: &BackupRoot, store: &str, at: &str) -> Verified {
    let (staging, artifacts) =
        stage(root, store, at, &[("data.tar", b"some data"), ("more/a b.tar", b"more data")]);
    staging.finish(manifest(store, artifacts)).expect("finished")
}

/// The names in a directory, hidden ones too, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
