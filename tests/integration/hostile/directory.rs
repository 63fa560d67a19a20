//! A backup directory in which somebody else has put links, pipes, devices and enormous files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::only_backup;
use crate::messages::scene::Scene;

/// A file of somebody's, and a directory with one.
struct Victim(TempDir);

impl Victim {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("file"), "mine").expect("written");
        fs::set_permissions(directory.path().join("file"), Permissions::from_mode(0o644)).expect("set");
        Self(directory)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("file")
    }

    #[track_caller]
    fn is_untouched(&self, what: &str) {
        let names: Vec<_> = fs::read_dir(self.0.path())
            .expect("listed")
            .map(|entry| entry.expect("one").file_name())
            .collect();
        assert_eq!(names, ["file"], "{what}");
        assert_eq!(fs::read_to_string(self.file()).expect("read"), "mine", "{what}");
        assert_eq!(self.file().metadata().expect("there").permissions().mode() & 0o777, 0o644, "{what}");
    }
}

/// Commands that read or write the backup directory.
const COMMANDS: [&str; 9] =
    ["backup", "backups", "verify", "status", "history", "restore", "undo", "backups prune", "down"];

#[test]
fn links_in_place_of_our_files_are_not_followed() {
    for below in ["db/.lock", ".lock", "journal.jsonl", "db/last_stop.json"] {
        let (scene, victim) = (Scene::shop(), Victim::new());
        assert_eq!(scene.attempt("backup").exit, 0);
        assert_eq!(scene.attempt("down").exit, 0);
        let path = scene.path("backups").join(below);
        let _ = fs::remove_file(&path);
        symlink(victim.file(), &path).expect("linked");
        for command in COMMANDS {
            scene.attempt(command);
            victim.is_untouched(&format!("{below}: {command}"));
        }
    }
}

/// With the link in place of a lock, the backup is refused; the message names the link.
#[test]
fn a_backup_names_the_link_that_it_does_not_follow() {
    let (scene, victim) = (Scene::shop(), Victim::new());
    assert_eq!(scene.attempt("backup").exit, 0);
    fs::remove_file(scene.path("backups/db/.lock")).expect("removed");
    symlink(victim.file(), scene.path("backups/db/.lock")).expect("linked");
    let attempt = scene.attempt("backup");
    assert_eq!(attempt.exit, 74, "{attempt:?}");
    assert!(attempt.printed.contains(".lock") && attempt.printed.contains("symbolic link"), "{attempt:?}");
}

#[test]
fn a_store_directory_that_is_a_link_is_refused() {
    let scene = Scene::shop();
    assert_eq!(scene.attempt("backup").exit, 0);
    let (store, elsewhere) = (scene.path("backups/db"), scene.path("elsewhere"));
    fs::rename(&store, &elsewhere).expect("moved");
    let before = listing(&elsewhere);
    symlink(&elsewhere, &store).expect("linked");
    for (command, exit) in
        [("backup", 74), ("down", 74), ("backups prune", 0), ("restore latest --service db", 74)]
    {
        let attempt = scene.attempt(command);
        assert_eq!(attempt.exit, exit, "{command}: {attempt:?}");
        assert_eq!(listing(&elsewhere), before, "{command}");
    }
    let listed = scene.attempt("backups");
    assert!(listed.printed.contains("symbolic link"), "{listed:?}");
}

fn listing(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(directory).expect("listed").map(|entry| entry.expect("one").path()).collect();
    paths.sort();
    paths
}

/// What stands in place of a manifest, a record, or the checksums.
type Place = fn(&Path);

const PLACES: &[(&str, Place)] = &[
    ("a pipe", |path| {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
    }),
    ("a directory", |path| fs::create_dir(path).expect("made")),
    ("a link to a device", |path| symlink("/dev/zero", path).expect("linked")),
    ("a link to itself", |path| symlink(path, path).expect("linked")),
    ("ten gigabytes", |path| {
        fs::File::create(path).and_then(|file| file.set_len(10_000_000_000)).expect("sparse");
    }),
    ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).expect("bound"))),
];

#[test]
fn what_is_no_file_in_place_of_a_manifest_hangs_nothing() {
    for (what, place) in PLACES {
        for file in ["manifest.json", "SHA256SUMS", "proof.json"] {
            let scene = Scene::shop();
            assert_eq!(scene.attempt("backup").exit, 0);
            let path = only_backup(&scene.path("backups/db")).join(file);
            let _ = fs::remove_file(&path);
            place(&path);
            for command in
                ["backups", "backups show latest", "verify latest", "restore latest --service db", "status"]
            {
                let attempt = scene.attempt(command);
                // It only adds to what a backup is known to be.
                let is_extra = file == "proof.json" && attempt.exit == 0;
                let found = is_extra || matches!(attempt.exit, 64 | 74 | 76 | 77);
                let is_listing = matches!(command, "backups" | "status");
                assert!(found || is_listing, "{what} as {file}: {command}: {attempt:?}");
                assert!(
                    attempt.exit != 77 || command.starts_with("restore"),
                    "{what} as {file}: {command}: {attempt:?}"
                );
            }
            if file == "manifest.json" {
                let listed = scene.attempt("backups");
                assert!(listed.printed.contains("cannot be used"), "{what}: {listed:?}");
            }
            if file == "manifest.json" {
                assert_eq!(scene.attempt("backup").exit, 0, "{what} as {file}");
            }
        }
    }
}

#[test]
fn what_is_no_file_in_place_of_a_record_hangs_nothing() {
    for (what, place) in [&PLACES[0], &PLACES[3], &PLACES[4]] {
        for below in [
            "journal.jsonl",
            "db/last_stop.json",
            "repository.json",
            "backup_set_20260101_000000.json",
            "db/.lock",
        ] {
            let scene = Scene::shop();
            assert_eq!(scene.attempt("backup").exit, 0);
            assert_eq!(scene.attempt("down").exit, 0);
            let path = scene.path("backups").join(below);
            let _ = fs::remove_file(&path);
            place(&path);
            for command in ["status", "history", "verify", "undo", "down", "restore"] {
                let attempt = scene.attempt(command);
                assert!(!attempt.printed.is_empty() || attempt.exit == 0, "{what} as {below}: {command}");
            }
        }
    }
}

/// A backup in a directory where everybody may write can be anybody's.
#[test]
fn a_directory_that_everybody_may_change_is_named() {
    let scene = Scene::shop();
    assert_eq!(scene.attempt("backup").exit, 0);
    let said =
        |command: &str| scene.attempt(command).printed.contains("every user of this machine can change");
    assert!(!said("backups") && !said("backup"));
    fs::set_permissions(scene.path("backups"), Permissions::from_mode(0o1777)).expect("set");
    for command in ["backups", "backup", "restore latest --service db"] {
        assert!(said(command), "{command}");
    }
}
