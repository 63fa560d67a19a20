//! Backups that share files by hard links: each is complete by itself, whatever becomes of the others.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use safe_compose::backup::manifest::ArtifactContents;
use safe_compose::backup::store::{BackupRoot, Verified};

use crate::backup_fixture::{manifest, root, time};

const FILES: [&str; 3] = ["data.tar", "more/a b.tar", "new\\tar"];

/// A backup that links the files which have not changed since the previous one. Returns the content of each file.
fn backup(
    root: &BackupRoot,
    at: Timestamp,
    number: usize,
    changed: [bool; 3],
    previous: Option<&(Verified, Vec<Vec<u8>>)>,
) -> (Verified, Vec<Vec<u8>>) {
    let mut staging = root.stage("db", at).expect("staged");
    let (mut artifacts, mut contents) = (Vec::new(), Vec::new());
    for (at, path) in FILES.iter().enumerate() {
        if let Some((from, known)) = previous.filter(|_| !changed[at]) {
            artifacts.push(staging.link_from(from, path).expect("linked"));
            contents.push(known[at].clone());
        } else {
            let content = format!("{path} of {number}").into_bytes();
            artifacts.push(staging.write(path, &content, ArtifactContents::Note).expect("written"));
            contents.push(content);
        }
    }
    (staging.finish(manifest("db", artifacts)).expect("finished"), contents)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_of_them_may_go(
        changes in prop::collection::vec(any::<[bool; 3]>(), 2..6),
        gone in prop::collection::vec(any::<bool>(), 6),
    ) {
        let (_dir, root) = root();
        let mut backups: Vec<(Verified, Vec<Vec<u8>>)> = Vec::new();
        for (number, changed) in changes.iter().enumerate() {
            let hours = SignedDuration::from_hours(i64::try_from(number).expect("few"));
            let at = time("2026-08-01T10:00:00Z") + hours;
            backups.push(backup(&root, at, number, *changed, backups.last()));
        }
        for (pair, changed) in backups.windows(2).zip(&changes[1..]) {
            for (path, changed) in FILES.iter().zip(changed) {
                let [one, other] = [0, 1].map(|at: usize| {
                    pair[at].0.directory.join(path).metadata().expect("there").ino()
                });
                prop_assert_eq!(one == other, !changed, "{}", path);
            }
        }
        let (lost, kept): (Vec<_>, Vec<_>) = backups.iter().zip(gone).partition(|(_, gone)| *gone);
        for ((backup, _), _) in lost {
            fs::remove_dir_all(&backup.directory).expect("removed");
        }
        for ((backup, contents), _) in kept {
            backup.check().expect("complete by itself");
            for (path, content) in FILES.iter().zip(contents) {
                prop_assert_eq!(&fs::read(backup.directory.join(path)).expect("read"), content);
            }
        }
    }
}
