//! The operations, each on a scene of its own, and what must hold whatever has failed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use safe_compose::backup::fingerprint::Fingerprint;
use safe_compose::backup::store::{Backup, BackupRoot, Verified};
use safe_compose::engine::{Container, ContainerState};
use safe_compose::journal::{self, CommandOutcome};
use safe_compose::secret::Secret;
use serde_json::json;

use crate::messages::scene::{Attempt, Scene, typed};

/// What an operation is, and how it ends well.
pub(super) struct Operation {
    pub(super) name: &'static str,
    scene: fn() -> Scene,
    line: &'static str,
    /// Whether what a success promises is there.
    is_done: fn(&Scene) -> bool,
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "backup", scene: shop, line: "backup", is_done: is_backed_up },
    Operation { name: "down", scene: shop, line: "down -v", is_done: is_backed_up },
    Operation { name: "restore", scene: changed, line: "restore", is_done: is_restored },
    Operation { name: "undo", scene: destroyed, line: "undo", is_done: is_restored },
    Operation {
        name: "prune",
        scene: with_two_backups,
        line: "backups prune",
        is_done: |scene| sizes(scene).len() == 1,
    },
    Operation {
        name: "pin",
        scene: with_backup,
        line: "backups pin latest",
        is_done: |scene| listed(scene)[0].is_pinned,
    },
    Operation { name: "copy", scene: with_repository, line: "repository copy", is_done: is_copied },
];

/// The sizes of the files in the volume: before anything is changed, and afterwards.
const OLD: usize = 8192 + 16_384;
const NEW: usize = 4096;

/// Exit codes of ours that say that something has failed: unavailable, internal, output lost, backup failed, unverified, data
/// missing, refused.
const FAILURES: [u8; 7] = [69, 70, 73, 74, 75, 76, 77];

/// A project whose questions are answered.
fn shop() -> Scene {
    Scene::shop().at_terminal(&[typed("shop")])
}

fn with_backup() -> Scene {
    let mut scene = shop();
    scene.prepare("backup");
    scene
}

/// After the backup, the volume is another one with other files.
fn changed() -> Scene {
    with_backup().with_new_engine().with_files("shop_data", &[("base/1/PG_VERSION", NEW)]).stopped()
}

fn destroyed() -> Scene {
    let mut scene = shop();
    scene.prepare("down -v");
    scene.with_new_engine().stopped()
}

/// Of two backups, one is kept.
fn with_two_backups() -> Scene {
    let mut scene = with_backup();
    scene.engine = scene.engine.clone().with_volume_file("shop_data", "base/1/1260", "more");
    scene.prepare("backup");
    let keep = json!({ "last": 1, "hourly": 0, "daily": 0, "weekly": 0, "monthly": 0 });
    scene.with_settings(&json!({ "backup": { "keep": keep } }))
}

fn with_repository() -> Scene {
    let mut scene = shop().with_settings(&json!({ "backup": { "repository": { "url": "./off" } } }));
    scene.env().repository_password = Some(Secret::new("hunter2"));
    scene.env().host_name.push_str("here");
    scene.prepare("trust").prepare("backup").prepare("repository init");
    scene
}

fn is_backed_up(scene: &Scene) -> bool {
    sizes(scene).contains(&OLD)
}

fn is_restored(scene: &Scene) -> bool {
    in_volume(scene) == OLD
}

fn is_copied(scene: &Scene) -> bool {
    let there = scene.attempt("backups --repository --format json");
    there.exit == 0 && there.printed.contains("db_backup_") && scene.attempt("repository check").exit == 0
}

fn in_volume(scene: &Scene) -> usize {
    scene.engine.volume_files("shop_data").values().map(Vec::len).sum()
}

/// The backups that are listed.
fn listed(scene: &Scene) -> Vec<Backup> {
    BackupRoot::at(scene.path("backups")).list(None).expect("a list").backups
}

/// The sizes of what the backups have that are listed and intact.
fn sizes(scene: &Scene) -> BTreeSet<usize> {
    let size = |backup: Verified| match backup.manifest.fingerprint {
        Fingerprint::Volume { bytes, .. } => usize::try_from(bytes).expect("a size"),
        _ => panic!("a backup of files"),
    };
    listed(scene)
        .iter()
        .map(|backup| size(backup.check().expect("a backup that is listed is intact")))
        .collect()
}

/// What there is of the data: in the volume and in backups.
fn held(scene: &Scene) -> BTreeSet<usize> {
    let mut held = sizes(scene);
    held.insert(in_volume(scene));
    held.remove(&0);
    held
}

impl Operation {
    pub(super) fn named(name: &str) -> &'static Self {
        OPERATIONS.iter().find(|operation| operation.name == name).expect("an operation")
    }

    /// Prepares the scene; what runs between `begin` and `end` may fail. Panics if anything does not hold.
    pub(super) fn run(&self, begin: impl FnOnce(&Scene), end: impl FnOnce(&Attempt)) {
        let scene = (self.scene)();
        let before = held(&scene);
        begin(&scene);
        let attempt = scene.attempt(self.line);
        end(&attempt);
        self.check(&scene, &before, &attempt);
    }

    fn check(&self, scene: &Scene, before: &BTreeSet<usize>, attempt: &Attempt) {
        let Attempt { exit, printed, ran } = attempt;
        assert!(!printed.contains("panicked") && !printed.contains("internal error"), "{printed}");
        assert!(*exit == 0 || FAILURES.contains(exit), "exit code {exit}:\n{printed}");
        let is_named = ["error", "warning"].iter().any(|word| printed.contains(word));
        assert!(*exit == 0 || is_named, "it does not say what has failed:\n{printed}");
        let is_paused = |one: &Container| one.state == ContainerState::Paused;
        assert!(!scene.engine.containers().iter().any(is_paused), "a service stays paused:\n{printed}");
        // Nothing is lost: what a prune removes is in no backup that is kept.
        let now = held(scene);
        let is_prune = self.name == "prune";
        assert!(is_prune || before.is_subset(&now), "of {before:?} is left {now:?}:\n{printed}");
        assert!(!is_prune || now.contains(&in_volume(scene)), "the kept backup is gone:\n{printed}");
        if ran.iter().any(|line| line.starts_with("down")) {
            assert!(sizes(scene).contains(&OLD), "it was destroyed without a backup:\n{printed}");
        }
        if *exit == 0 {
            // Retention says what it keeps because it could not read something. Then nothing is removed or recorded.
            let is_done = (self.is_done)(scene);
            let is_explained = is_prune && printed.contains("cannot be read");
            assert!(is_done || is_explained, "not done, and the exit code is 0:\n{printed}");
            if is_done {
                self.is_recorded(scene, printed, &[CommandOutcome::Ran]);
            }
        } else {
            // It says what has failed; the next attempt may find that all was done.
            let again = scene.attempt(self.line);
            assert_eq!(again.exit, 0, "after\n{printed}\nit does not work again:\n{}", again.printed);
            assert!((self.is_done)(scene), "not done by the second attempt:\n{}", again.printed);
            self.is_recorded(scene, &again.printed, &[CommandOutcome::Ran, CommandOutcome::Failed]);
        }
        let next = scene.attempt("backup");
        assert_eq!(next.exit, 0, "after\n{printed}\nthe next backup fails:\n{}", next.printed);
        let left = left_over(&scene.path("backups"));
        assert!(left.is_empty(), "after\n{printed}\nthere is left {left:?}");
    }

    /// What has succeeded is in the journal, or it was said that it is not.
    fn is_recorded(&self, scene: &Scene, printed: &str, outcomes: &[CommandOutcome]) {
        let journal = journal::read(scene.path("backups")).expect("a journal");
        assert!(journal.unreadable.is_empty() && !journal.torn, "{journal:?}");
        let word = self.line.split(' ').next().expect("a word");
        let is_recorded = journal
            .entries
            .iter()
            .any(|entry| outcomes.contains(&entry.outcome) && entry.command.iter().any(|one| one == word));
        assert!(is_recorded || printed.contains("journal"), "it is not in the journal:\n{printed}");
    }
}

/// What has a hidden name and stays: locks, and the record of holders.
const HIDDEN: [&str; 4] = [".gitignore", ".held", ".lock", ".restoring"];

/// Files that are no backups, and no records.
fn left_over(directory: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && !HIDDEN.contains(&name.as_str()) {
            left.push(entry.path().display().to_string());
        } else if entry.path().is_dir() {
            left.extend(left_over(&entry.path()));
        }
    }
    left
}
