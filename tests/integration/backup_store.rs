//! Backups on disk: staged, finished, damaged in every way, found, and removed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use safe_compose::backup::manifest::{ArtifactContents, BackupRole, Manifest, ManifestError};
use safe_compose::backup::retention::{self, UnresolvedLosses};
use safe_compose::backup::set;
use safe_compose::backup::store::{Backup, BackupOwner, BackupRoot, Damage, StoreError, Verified};
use safe_compose::fs::{Digest, FsError};

use crate::backup_fixture::{backup, keep_last, manifest, names, root, stage, time};
use crate::support::Disk;

const AT: &str = "2026-08-01T10:00:00Z";

#[test]
fn a_finished_backup_is_private_complete_and_checked_by_sha256sum() {
    let (_dir, root) = root();
    let verified = backup(&root, "db", AT);
    let directory = &verified.directory;
    assert_eq!(directory, &root.directory().join("db/db_backup_20260801_100000"));
    assert_eq!(names(directory), ["SHA256SUMS", "data.tar", "manifest.json", "more"]);
    assert_eq!(names(&root.directory().join("db")), [".lock", "db_backup_20260801_100000"]);
    for (path, mode) in [
        (".", 0o700),
        ("more", 0o700),
        ("data.tar", 0o600),
        ("more/a b.tar", 0o600),
        ("manifest.json", 0o600),
    ] {
        let found = directory.join(path).metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
    let checked = duct::cmd!("sha256sum", "-c", "SHA256SUMS")
        .dir(directory)
        .stdout_capture()
        .run()
        .expect("sums agree");
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "data.tar: OK\nmore/a b.tar: OK\n");
    assert_eq!(verified.manifest.created, time(AT));
    verified.check().expect("sound");
}

#[test]
fn sha256sum_reads_strange_names() {
    let (_dir, root) = root();
    let (staging, artifacts) = stage(
        &root,
        "db",
        AT,
        &[("back\\slash", b"1"), ("line\nbreak", b"2"), (" space ", b"3"), ("-x", b"4")],
    );
    let verified = staging.finish(manifest("db", artifacts)).expect("finished");
    duct::cmd!("sha256sum", "--quiet", "-c", "SHA256SUMS")
        .dir(&verified.directory)
        .run()
        .expect("sums agree");
}

/// Every way to damage a backup: what is done to it, and what is then said.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_damage_is_told_apart() {
    type Break = fn(&Path);
    type Is = fn(&Damage) -> bool;
    let ways: &[(&str, Break, Is)] = &[
        (
            "a bit flipped",
            |backup| {
                let mut bytes = fs::read(backup.join("data.tar")).expect("read");
                bytes[3] ^= 1;
                fs::write(backup.join("data.tar"), bytes).expect("written");
            },
            |damage| matches!(damage, Damage::WrongDigest { path, .. } if path == "data.tar"),
        ),
        (
            "truncated",
            |backup| fs::write(backup.join("data.tar"), "some").expect("written"),
            |damage| matches!(damage, Damage::WrongSize { recorded: 9, found: 4, .. }),
        ),
        (
            "two files swapped",
            |backup| {
                let (one, other) = (backup.join("data.tar"), backup.join("more/a b.tar"));
                let first = fs::read(&one).expect("read");
                fs::write(&one, fs::read(&other).expect("read")).expect("written");
                fs::write(&other, first).expect("written");
            },
            |damage| matches!(damage, Damage::WrongDigest { .. }),
        ),
        (
            "a file missing",
            |backup| fs::remove_file(backup.join("data.tar")).expect("removed"),
            |damage| matches!(damage, Damage::Missing { path } if path == "data.tar"),
        ),
        (
            "a directory missing",
            |backup| fs::remove_dir_all(backup.join("more")).expect("removed"),
            |damage| matches!(damage, Damage::Missing { path } if path == "more/a b.tar"),
        ),
        (
            "a file too many",
            |backup| fs::write(backup.join("more/extra"), "").expect("written"),
            |damage| matches!(damage, Damage::Extra { path } if path == "more/extra"),
        ),
        (
            "a symbolic link in place of a file",
            |backup| {
                fs::rename(backup.join("data.tar"), backup.parent().expect("a parent").join("elsewhere"))
                    .expect("moved");
                symlink("../elsewhere", backup.join("data.tar")).expect("linked");
            },
            |damage| matches!(damage, Damage::NotAFile { path } if path == "data.tar"),
        ),
        (
            "a symbolic link in place of a directory",
            |backup| {
                fs::rename(backup.join("more"), backup.parent().expect("a parent").join("elsewhere"))
                    .expect("moved");
                symlink("../elsewhere", backup.join("more")).expect("linked");
            },
            |damage| matches!(damage, Damage::NotAFile { path } if path == "more"),
        ),
        (
            "no manifest",
            |backup| fs::remove_file(backup.join("manifest.json")).expect("removed"),
            |damage| matches!(damage, Damage::Manifest(ManifestError::Missing)),
        ),
        (
            "half a manifest",
            |backup| {
                let text = fs::read_to_string(backup.join("manifest.json")).expect("read");
                fs::write(backup.join("manifest.json"), &text[..text.len() / 2]).expect("written");
            },
            |damage| matches!(damage, Damage::Manifest(ManifestError::Malformed(_))),
        ),
        (
            "a newer manifest",
            |backup| edit(backup, |text| text.replace("\"format_version\": 8", "\"format_version\": 9")),
            |damage| matches!(damage, Damage::Manifest(ManifestError::Newer(9))),
        ),
        (
            "a manifest of another program",
            |backup| edit(backup, |text| text.replace("safe-compose-backup", "other-backup")),
            |damage| matches!(damage, Damage::Manifest(ManifestError::Foreign(_))),
        ),
        (
            "no sums",
            |backup| fs::remove_file(backup.join("SHA256SUMS")).expect("removed"),
            |damage| matches!(damage, Damage::NoSums),
        ),
        (
            "damaged sums",
            |backup| fs::write(backup.join("SHA256SUMS"), "what?\n").expect("written"),
            |damage| matches!(damage, Damage::BadSums { line: 1 }),
        ),
        (
            "sums of fewer files",
            |backup| {
                let text = fs::read_to_string(backup.join("SHA256SUMS")).expect("read");
                let first = text.lines().next().expect("a line");
                fs::write(backup.join("SHA256SUMS"), format!("{first}\n")).expect("written");
            },
            |damage| matches!(damage, Damage::SumsDisagree { path } if path == "more/a b.tar"),
        ),
        (
            "a path that climbs out",
            |backup| {
                fs::write(backup.parent().expect("a parent").join("data.tar"), "some data").expect("written");
                edit(backup, |text| text.replace("\"data.tar\"", "\"../data.tar\""));
            },
            |damage| matches!(damage, Damage::Escapes { path } if path == "../data.tar"),
        ),
        (
            "an absolute path",
            |backup| edit(backup, |text| text.replace("\"data.tar\"", "\"/etc/passwd\"")),
            |damage| matches!(damage, Damage::Escapes { path } if path == "/etc/passwd"),
        ),
        (
            "a file listed twice",
            |backup| edit(backup, |text| text.replace("more/a b.tar", "data.tar")),
            |damage| matches!(damage, Damage::Twice { path } if path == "data.tar"),
        ),
    ];
    for (way, break_it, is) in ways {
        let (_dir, root) = root();
        let sound = backup(&root, "db", AT);
        sound.check().expect("sound before it is broken");
        break_it(&sound.directory);
        let Err(damage) = Backup::load(&sound.directory).and_then(|backup| backup.check()) else {
            panic!("{way} was not seen");
        };
        assert!(is(&damage), "{way}: {damage:?}");
        assert!(!damage.to_string().is_empty());
        let again = sound.check().expect_err("a backup loaded before it was broken is checked as it is now");
        assert!(is(&again) || matches!(again, Damage::ManifestChanged), "{way}: {again:?}");
    }
}

/// What shows without reading a byte: missing files, wrong sizes, strangers. A flipped bit does not.
#[test]
fn completeness_is_told_from_soundness() {
    let (_dir, root) = root();
    let sound = backup(&root, "db", AT);
    sound.is_complete().expect("complete");
    let path = sound.directory.join("data.tar");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, "SOME DATA").expect("written");
    sound.is_complete().expect("every file has its size");
    sound.check().expect_err("but not its bytes");
    fs::write(&path, "some").expect("written");
    assert!(matches!(sound.is_complete(), Err(Damage::WrongSize { .. })));
    fs::remove_file(&path).expect("removed");
    assert!(matches!(sound.is_complete(), Err(Damage::Missing { .. })));
    fs::write(&path, bytes).expect("written");
    fs::write(sound.directory.join("extra"), "").expect("written");
    assert!(matches!(sound.is_complete(), Err(Damage::Extra { .. })));
}

fn edit(backup: &Path, change: impl FnOnce(String) -> String) {
    let path = backup.join("manifest.json");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, change(text)).expect("written");
}

#[test]
fn what_cannot_be_read_is_listed_as_damaged_and_never_as_a_backup() {
    let (_dir, root) = root();
    let good = backup(&root, "db", AT);
    let bad = backup(&root, "db", "2026-08-02T10:00:00Z");
    edit(&bad.directory, |text| text.replace("\"format_version\": 8", "\"format_version\": 9"));
    let listing = root.list(Some("db")).expect("listed");
    assert_eq!(listing.backups.iter().map(Backup::name).collect::<Vec<_>>(), [good.name()]);
    assert_eq!(listing.damaged.len(), 1);
    assert!(listing.damaged[0].1.to_string().contains("newer safe-compose"), "{}", listing.damaged[0].1);
    assert!(matches!(root.find("db", &bad.name()), Err(StoreError::Damaged { .. })));
    assert!(matches!(root.find_any("2026-08-02 10:00:00"), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_staging_that_is_dropped_leaves_nothing() {
    let (_dir, root) = root();
    let (staging, _) = stage(&root, "db", AT, &[("a/b/c", b"x")]);
    let directory = staging.directory().to_owned();
    assert!(directory.join("a/b/c").is_file());
    assert_eq!(directory.metadata().expect("there").permissions().mode() & 0o777, 0o700);
    let listing = root.list(None).expect("listed");
    assert!(listing.backups.is_empty() && listing.interrupted.is_empty(), "one under way is not interrupted");
    drop(staging);
    assert_eq!(names(&root.directory().join("db")), [".lock"]);
}

#[test]
fn what_is_not_as_listed_is_never_finished() {
    let (_dir, root) = root();
    let attempt = |change: &dyn Fn(&Path, &mut Manifest)| {
        let (staging, artifacts) = stage(&root, "db", AT, &[("data.tar", b"some data")]);
        let mut manifest = manifest("db", artifacts);
        change(staging.directory(), &mut manifest);
        let result = staging.finish(manifest);
        assert!(root.list(None).expect("listed").backups.is_empty() || result.is_ok());
        match result {
            Err(StoreError::Unsound(damage)) => damage,
            other => panic!("{other:?}"),
        }
    };
    let unlisted = attempt(&|directory, _| fs::write(directory.join("unlisted"), "").expect("written"));
    assert!(matches!(unlisted, Damage::Extra { .. }));
    let missing = attempt(&|directory, _| fs::remove_file(directory.join("data.tar")).expect("removed"));
    assert!(matches!(missing, Damage::Missing { .. }));
    let size = attempt(&|_, manifest| manifest.artifacts[0].bytes += 1);
    assert!(matches!(size, Damage::WrongSize { .. }));
    let digest = attempt(&|_, manifest| manifest.artifacts[0].sha256 = "0".repeat(64));
    assert!(matches!(digest, Damage::WrongDigest { .. }));
    let escape = attempt(&|_, manifest| manifest.artifacts[0].path = "../data.tar".into());
    assert!(matches!(escape, Damage::Escapes { .. }));
    let changed =
        attempt(&|directory, _| fs::write(directory.join("data.tar"), "Some data").expect("written"));
    assert!(matches!(changed, Damage::WrongDigest { .. }));
    assert_eq!(names(&root.directory().join("db")), [".lock"]);
    backup(&root, "db", AT);
}

#[test]
fn two_in_one_second_get_two_names() {
    let (_dir, root) = root();
    let first = backup(&root, "db", "2026-08-01T10:00:00.3Z");
    let second = backup(&root, "db", "2026-08-01T10:00:00.7Z");
    assert_eq!(first.name(), "db_backup_20260801_100000");
    assert_eq!(second.name(), "db_backup_20260801_100001");
    assert_eq!(second.manifest.created, time("2026-08-01T10:00:01Z"));
    first.check().expect("untouched");
}

#[test]
fn a_second_taken_now_is_waited_for() {
    let (_dir, root) = root();
    let now = Timestamp::now().to_string();
    backup(&root, "db", &now);
    let second = backup(&root, "db", &now);
    assert!(second.manifest.created <= Timestamp::now(), "never dated in the future");
}

#[test]
fn one_writer_at_a_time_for_a_store_and_none_in_the_way_of_another() {
    let (_dir, root) = root();
    let first = root.stage("db", time(AT)).expect("staged");
    let second = root.stage_within("db", time(AT), Duration::from_millis(60));
    let error = second.expect_err("the first is still writing");
    assert!(matches!(error, StoreError::Busy { .. }));
    let shown = format!("{:#}", anyhow::Error::from(error));
    assert!(shown.contains(&format!("process {}", std::process::id())), "{shown}");
    root.stage_within("cache", time(AT), Duration::ZERO).expect("another store");
    drop(first);
    root.stage_within("db", time(AT), Duration::from_secs(10)).expect("given back");
}

/// Is run again in a process of its own, by the test below, which kills it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the other process is told by a variable what to do")]
fn stages_and_waits_to_be_killed() {
    let Some(directory) = std::env::var_os("SCTEST_STAGE_IN") else { return };
    let root = BackupRoot::open(directory).expect("a root");
    let (_staging, _) = stage(&root, "db", AT, &[("data.tar", b"half of it")]);
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
fn what_a_killed_process_leaves_is_told_and_removed_by_the_next_backup() {
    let (_dir, root) = root();
    let program = std::env::current_exe().expect("this program");
    let child = duct::cmd(program, ["--exact", "backup_store::stages_and_waits_to_be_killed"])
        .env("SCTEST_STAGE_IN", root.directory())
        .stdout_null()
        .unchecked()
        .start()
        .expect("started");
    let partial = root.directory().join("db/.partial-db_backup_20260801_100000");
    for _ in 0..600 {
        if partial.join("data.tar").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(root.list(None).expect("listed").interrupted.is_empty(), "it is still at it");
    assert!(matches!(root.stage_within("db", time(AT), Duration::ZERO), Err(StoreError::Busy { .. })));
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert_eq!(root.list(None).expect("listed").interrupted, std::slice::from_ref(&partial));
    assert!(root.list(None).expect("listed").backups.is_empty());
    let next = backup(&root, "db", AT);
    assert!(!partial.exists());
    assert_eq!(root.list(None).expect("listed").backups[0].directory, next.directory);
}

#[test]
fn what_is_not_ours_is_reported_and_left_alone() {
    let (_dir, root) = root();
    let base = root.directory().to_owned();
    backup(&root, "db", AT);
    for path in ["notes.txt", "db/by-hand.tar", "db/.partial-mine"] {
        fs::write(base.join(path), "mine").expect("written");
    }
    fs::create_dir(base.join("old dumps")).expect("made");
    fs::create_dir_all(base.join("archive/db_backup_20200101_000000")).expect("made");
    let listing = root.list(None).expect("listed");
    let foreign: Vec<String> = listing
        .foreign
        .iter()
        .map(|path| path.strip_prefix(&base).expect("below").display().to_string())
        .collect();
    assert_eq!(foreign, ["archive", "db/.partial-mine", "db/by-hand.tar", "notes.txt", "old dumps"]);
    backup(&root, "db", "2026-08-02T10:00:00Z");
    for path in &listing.foreign {
        assert!(path.exists(), "{}", path.display());
    }
}

#[test]
fn a_root_that_cannot_be_one_is_told_with_its_path() {
    let dir = tempfile::tempdir().expect("a directory");
    let absent = BackupRoot::open(dir.path().join("none")).expect("an empty root");
    assert!(absent.list(None).expect("listed").backups.is_empty());
    assert!(absent.latest("db").expect("listed").is_none());
    assert!(!absent.directory().exists(), "looking makes nothing");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    for path in [file.clone(), file.join("below")] {
        for error in [
            BackupRoot::open(&path).expect_err("a file is in the way"),
            BackupRoot::create(&path).expect_err("a file is in the way"),
        ] {
            assert_eq!(error.to_string(), format!("`{}` is not a directory", file.display()));
        }
    }
    let root = BackupRoot::create(dir.path().join("root")).expect("a root");
    fs::write(root.directory().join("db"), "").expect("written");
    for error in [root.stage("db", time(AT)).map(drop), root.list(Some("db")).map(drop)] {
        assert!(matches!(error, Err(StoreError::Fs(FsError::NotADirectory { .. }))), "{error:?}");
    }
    assert!(matches!(root.stage("../x", time(AT)), Err(StoreError::BadStoreId(_))));
    assert!(!dir.path().join("x").exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named_in_the_error() {
    let (_dir, root) = root();
    fs::set_permissions(root.directory(), Permissions::from_mode(0o500)).expect("changed");
    if fs::write(root.directory().join("probe"), "").is_err() {
        return fails_to_stage(&root);
    }
    // Root may write whatever the mode says, but not to a read-only file system.
    let Some(disk) = Disk::mount("size=1m") else { return };
    let root = BackupRoot::create(disk.path().join("backups")).expect("a root");
    disk.make_read_only();
    fails_to_stage(&root);
}

fn fails_to_stage(root: &BackupRoot) {
    let error = root.stage("db", time(AT)).expect_err("not writable");
    let path = root.directory().join("db").display().to_string();
    assert!(error.to_string().contains("cannot create") && error.to_string().contains(&path), "{error}");
}

#[test]
fn a_full_disk_says_how_much_was_needed_and_nothing_half_written_stays() {
    let Some(disk) = Disk::mount("size=256k") else { return };
    let root = BackupRoot::create(disk.path().join("backups")).expect("a root");
    let kept = backup(&root, "db", AT);
    let staging = root.stage("db", time("2026-08-02T10:00:00Z")).expect("staged");
    let early = staging.ensure_space(1_000_000_000).expect_err("too much");
    assert!(early.to_string().contains("1.0 GB needed"), "{early}");
    staging.ensure_space(1000).expect("enough");
    let mut file = staging.create("big.tar").expect("created").expecting(Some(1_000_000));
    let error = loop {
        if let Err(error) = file.append(&[7; 10_000]) {
            break error;
        }
    };
    assert!(error.is_full());
    assert!(error.to_string().contains("1.0 MB needed, "), "{error}");
    drop((file, staging));
    assert_eq!(names(&root.directory().join("db")), [".lock".to_owned(), kept.name()]);
    kept.check().expect("untouched");
}

#[test]
fn what_did_not_change_is_shared_and_outlives_the_backup_it_came_from() {
    let (_dir, root) = root();
    let first = backup(&root, "db", AT);
    let mut staging = root.stage("db", time("2026-08-02T10:00:00Z")).expect("staged");
    let linked = staging.link_from(&first, "data.tar").expect("linked");
    let fresh = staging.write("new.tar", b"new", ArtifactContents::Note).expect("written");
    assert!(matches!(staging.link_from(&first, "none"), Err(StoreError::NoSuchArtifact(_))));
    assert!(staging.create("data.tar").is_err(), "a linked file is never written into");
    let second = staging.finish(manifest("db", vec![linked, fresh])).expect("finished");
    let inode = |backup: &Backup| backup.directory.join("data.tar").metadata().expect("there").ino();
    assert_eq!(inode(&first), inode(&second));
    fs::remove_dir_all(&first.directory).expect("removed");
    second.check().expect("complete by itself");
}

#[test]
fn damage_is_not_handed_on_by_sharing() {
    let (_dir, root) = root();
    let first = backup(&root, "db", AT);
    fs::write(first.directory.join("data.tar"), "some dat4").expect("written");
    let mut staging = root.stage("db", time("2026-08-02T10:00:00Z")).expect("staged");
    let error = staging.link_from(&first, "data.tar").expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { damage: Damage::WrongDigest { .. }, .. }));
    let fresh = staging.write("data.tar", b"some data", ArtifactContents::Note).expect("copied anew");
    staging.finish(manifest("db", vec![fresh])).expect("finished");
}

#[test]
fn a_backup_is_found_by_every_way_to_name_it() {
    let (_dir, root) = root();
    let old = backup(&root, "db", AT);
    let new = backup(&root, "db", "2026-08-02T10:00:00Z");
    let other = backup(&root, "cache", AT);
    let path = old.directory.display().to_string();
    for text in [old.name().as_str(), &path, "20260801_100000", "2026-08-01T10:00:00", "2026-08-01 10:00:00"]
    {
        assert_eq!(root.find("db", text).expect(text).directory, old.directory, "{text}");
    }
    assert_eq!(root.find("db", "latest").expect("found").directory, new.directory);
    assert_eq!(root.find_any("latest").expect("found").directory, new.directory);
    assert_eq!(root.find_any(&other.name()).expect("found").directory, other.directory);
    assert!(
        matches!(root.find_any("20260801_100000"), Err(StoreError::Ambiguous { names, .. }) if names.len() == 2)
    );
    assert_eq!(root.find_all(None, "latest").expect("found").len(), 2);
    for text in ["", "nothing", "db_backup_20200101_000000", "20200101_000000", "/nonexistent/x"] {
        assert!(matches!(root.find_any(text), Err(StoreError::NotFound(_))), "{text}");
    }
    assert!(matches!(root.find("db", &other.name()), Err(StoreError::NotFound(_))), "of another store");
}

#[test]
fn only_beside_a_whole_backup_another_is_removed() {
    let (_dir, root) = root();
    let old = backup(&root, "db", AT);
    let new = backup(&root, "db", "2026-08-02T10:00:00Z");
    let keep = keep_last(1);
    let prune = || {
        let listing = root.list(None).expect("listed");
        let plans = retention::by_service(
            &listing.backups,
            keep,
            &UnresolvedLosses::default(),
            time("2026-08-03T00:00:00Z"),
        );
        assert_eq!(plans.kept().len(), 1);
        plans.removed().map(|backup| root.remove(backup)).collect::<Vec<_>>()
    };
    let sound = fs::read(new.directory.join("data.tar")).expect("read");
    fs::write(new.directory.join("data.tar"), "some dat4").expect("damaged");
    assert!(matches!(prune().as_slice(), [Err(StoreError::NoneIntact(store))] if store == "db"));
    assert!(old.directory.exists());
    fs::write(new.directory.join("data.tar"), sound).expect("mended");
    assert!(matches!(prune().as_slice(), [Ok(true)]));
    assert_eq!(names(&root.directory().join("db")), [".lock".to_owned(), new.name()]);
    assert!(prune().is_empty());
}

#[test]
fn a_removal_that_was_interrupted_is_no_backup_and_is_finished_by_the_next() {
    let (_dir, root) = root();
    let old = backup(&root, "db", AT);
    let hidden = root.directory().join("db").join(format!(".deleting-{}", old.name()));
    fs::rename(&old.directory, &hidden).expect("as far as it got");
    // A program that another test starts may hold a copy of the lock for a moment.
    let listing = (0..100)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            root.list(None).expect("listed")
        })
        .find(|listing| !listing.interrupted.is_empty())
        .expect("it is told");
    assert!(listing.backups.is_empty());
    assert_eq!(listing.interrupted, std::slice::from_ref(&hidden));
    backup(&root, "db", AT);
    assert!(!hidden.exists());
}

#[test]
fn a_backup_set_lists_the_backups_made_together() {
    let (_dir, root) = root();
    let (db, cache) = (backup(&root, "db", AT), backup(&root, "cache", AT));
    let (path, set) = set::write(&root, "shop", &[&db, &cache], Vec::new()).expect("written");
    let text = fs::read(&path).expect("read");
    assert_eq!(serde_json::from_slice::<set::BackupSet>(&text).expect("a set"), set);
    let members: Vec<_> = set.backups.iter().map(|one| (one.store.as_str(), one.name.clone())).collect();
    assert_eq!(members, [("db", db.name()), ("cache", cache.name())]);
    let manifest = fs::read(db.directory.join("manifest.json")).expect("read");
    assert_eq!(set.backups[0].manifest_sha256, Digest::of(&manifest).to_string());
    let (second, _) = set::write(&root, "shop", &[&db], Vec::new()).expect("written");
    assert_ne!(second, path, "two in one second have two names");
    fs::write(root.directory().join("stack_backup_20261124_032008.json"), "{}").expect("written");
    assert!(root.list(None).expect("listed").foreign.is_empty());
}

/// Finishes a backup of one file whose manifest was changed.
fn backup_as(root: &BackupRoot, store: &str, at: &str, change: impl Fn(&mut Manifest)) -> Verified {
    let (staging, artifacts) = stage(root, store, at, &[("data", b"x")]);
    let mut manifest = manifest(store, artifacts);
    change(&mut manifest);
    staging.finish(manifest).expect("finished")
}

#[test]
fn two_projects_in_one_directory_do_not_see_each_others_backups() {
    let (_dir, all) = root();
    let of = |project: &str, engine: Option<&str>| {
        all.clone().owned_by(BackupOwner { project: project.into(), engine: engine.map(Into::into) })
    };
    let (a, b, far) = (of("a", Some("E")), of("b", Some("E")), of("a", Some("F")));
    let of_a = backup_as(&a, "db", "2026-08-01T10:00:00Z", |manifest| manifest.project = "a".into());
    let of_b = backup_as(&b, "db", "2026-08-01T11:00:00Z", |manifest| manifest.project = "b".into());
    for (root, own, other) in [(&a, &of_a, &of_b), (&b, &of_b, &of_a)] {
        assert_eq!(root.latest("db").expect("listed").map(|found| found.name()), Some(own.name()));
        assert_eq!(root.find_any("latest").expect("found").name(), own.name());
        let listing = root.list(None).expect("listed");
        assert_eq!(listing.backups.iter().map(Backup::name).collect::<Vec<_>>(), [own.name()]);
        assert_eq!(listing.others.iter().map(Backup::name).collect::<Vec<_>>(), [other.name()]);
        let time = &other.name()[other.name().len() - 15..];
        assert!(matches!(root.find("db", time), Err(StoreError::NotFound(_))), "a time means an own backup");
        let named = root.find("db", &other.name()).expect("a name means any");
        assert!(root.is_foreign(&named) && !root.is_foreign(own));
    }
    assert!(far.latest("db").expect("listed").is_none(), "the same project of another engine");
    assert_eq!(far.list(None).expect("listed").others.len(), 2);
    assert_eq!(of("a", None).latest("db").expect("listed").map(|found| found.name()), Some(of_a.name()));
    assert_eq!(all.list(None).expect("listed").backups.len(), 2);
}

#[test]
fn retention_counts_each_project_and_safety_copies_apart() {
    let (_dir, root) = root();
    let of_a = backup_as(&root, "db", "2026-08-01T10:00:00Z", |manifest| manifest.project = "a".into());
    let normal = backup_as(&root, "db", "2026-08-01T11:00:00Z", |_| {});
    let copy = |manifest: &mut Manifest| manifest.role = BackupRole::SafetyCopy;
    let old_copy = backup_as(&root, "db", "2026-08-01T12:00:00Z", copy);
    let new_copy = backup_as(&root, "db", "2026-08-01T13:00:00Z", copy);
    let listing = root.list(None).expect("listed");
    let keep = keep_last(1);
    let plans = retention::by_service(
        &listing.backups,
        keep,
        &UnresolvedLosses::default(),
        time("2026-08-03T00:00:00Z"),
    );
    let removed: Vec<String> = plans.removed().map(|backup| backup.name()).collect();
    assert_eq!(removed, [old_copy.name()]);
    let mut kept: Vec<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
    kept.sort();
    assert_eq!(kept, [of_a.name(), normal.name(), new_copy.name()]);
}

#[test]
fn the_latest_is_never_a_safety_copy_or_a_backup_after_a_loss() {
    let (_dir, root) = root();
    let normal = backup_as(&root, "db", "2026-08-01T10:00:00Z", |_| {});
    let of = |role| move |manifest: &mut Manifest| manifest.role = role;
    let copy = backup_as(&root, "db", "2026-08-01T11:00:00Z", of(BackupRole::SafetyCopy));
    let after = backup_as(&root, "db", "2026-08-01T12:00:00Z", of(BackupRole::AfterLoss));
    let latest = root.choose_latest("db").expect("listed");
    assert_eq!(latest.backup.map(|found| found.name()), Some(normal.name()));
    assert_eq!(latest.skipped.map(|found| found.name()), Some(after.name()));
    assert_eq!(root.find_any("latest").expect("found").name(), normal.name());
    assert_eq!(root.newest("db").expect("listed").map(|found| found.name()), Some(after.name()));
    assert_eq!(root.find_any(&copy.name()).expect("named").name(), copy.name());
    let newer = backup_as(&root, "db", "2026-08-01T13:00:00Z", |_| {});
    let latest = root.choose_latest("db").expect("listed");
    assert_eq!(latest.backup.map(|found| found.name()), Some(newer.name()));
    assert!(latest.skipped.is_none());
}

#[test]
fn a_backup_of_the_future_is_not_the_newest_forever() {
    let (_dir, root) = root();
    let future = backup_as(&root, "db", "2036-08-01T10:00:00Z", |_| {});
    let (staging, artifacts) = stage(&root, "db", "2026-08-01T10:00:00Z", &[("data", b"x")]);
    assert_eq!(
        staging.dated_later(),
        Some(("db_backup_20360801_100000", time("2036-08-01T10:00:00Z"))),
        "the clock that went back is reported"
    );
    let later = staging.finish(manifest("db", artifacts)).expect("finished");
    let cache = backup_as(&root, "cache", "2026-08-01T11:00:00Z", |_| {});
    assert_eq!([&future, &later].map(|found| found.manifest.sequence), [1, 2]);
    assert_eq!(root.latest("db").expect("listed").map(|found| found.name()), Some(later.name()));
    let listing = root.list(None).expect("listed");
    let names: Vec<String> = listing.backups.iter().map(Backup::name).collect();
    assert_eq!(names, [cache.name(), later.name(), future.name()]);
    assert!(root.stage("db", time("2037-01-01T00:00:00Z")).expect("staged").dated_later().is_none());
}

#[test]
fn the_newest_of_a_node_of_a_cluster_may_lie_with_another_node() {
    let (_dir, root) = root();
    let of_cluster = |at: &str, nodes: &[&str]| {
        let (staging, artifacts) = stage(&root, "node-1", at, &[("data", b"x")]);
        let cluster = nodes.iter().map(|&node| node.to_owned()).collect();
        staging.finish(Manifest { cluster, ..manifest("node-1", artifacts) }).expect("finished")
    };
    let newest = |store: &str| root.latest(store).expect("listed").map(|backup| backup.name());
    backup(&root, "node-2", "2026-08-01T10:00:00Z");
    assert_eq!(newest("node-2").as_deref(), Some("node-2_backup_20260801_100000"));
    let lead = of_cluster("2026-08-01T11:00:00Z", &["node-1", "node-2"]);
    let alone = of_cluster("2026-08-01T12:00:00Z", &[]);
    assert_eq!(newest("node-2"), Some(lead.name()), "the newer one of its lead is not about it");
    assert_eq!(newest("node-1"), Some(alone.name()));
    fs::write(lead.directory.join("manifest.json"), "{").expect("written");
    assert_eq!(newest("node-2").as_deref(), Some("node-2_backup_20260801_100000"), "one that can be read");
    let own = backup(&root, "node-2", "2026-08-01T13:00:00Z");
    assert_eq!(newest("node-2"), Some(own.name()));
    assert_eq!(newest("node-3"), None);
}
