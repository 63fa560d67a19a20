//! Retention on disk: many backups, some rules, pins and losses, and what is left.

use std::fs;

use safe_compose::backup::baseline::{Note, StoreBaseline, UnresolvedLoss};
use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::manifest::Manifest;
use safe_compose::backup::retention::{self, Plans, UnresolvedLosses};
use safe_compose::backup::set;
use safe_compose::backup::store::{Backup, BackupOwner, BackupRoot, StoreError};
use safe_compose::settings::RetentionSettings;

use crate::backup_fixture::{backup, keep_last, manifest, names, root, stage, time};

/// What is kept and removed of these backups on 3 August 2026.
fn plans<'a>(root: &BackupRoot, backups: &'a [Backup], keep: RetentionSettings) -> Plans<'a> {
    let losses = UnresolvedLosses::read(root, backups);
    retention::by_service(backups, keep, &losses, time("2026-08-03T00:00:00Z"))
}

fn kept(plans: &Plans<'_>) -> Vec<String> {
    plans.kept().map(|(backup, why)| format!("{} ({why})", backup.name())).collect()
}

#[test]
fn each_store_is_thinned_out_by_itself_and_the_reasons_are_told() {
    let (_dir, root) = root();
    for at in ["2026-07-01T10:00:00Z", "2026-08-01T09:00:00Z", "2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"]
    {
        backup(&root, "db", at);
    }
    backup(&root, "cache", "2026-01-01T10:00:00Z");
    let listing = root.list(None).expect("listed");
    let keep = RetentionSettings { daily: 2, ..keep_last(1) };
    let plans = plans(&root, &listing.backups, keep);
    assert_eq!(
        kept(&plans),
        [
            "cache_backup_20260101_100000 (newest, best verified, last, daily)",
            "db_backup_20260802_100000 (newest, best verified, last, daily)",
            "db_backup_20260801_100000 (daily)",
        ]
    );
    let removed: Vec<String> = plans.removed().map(|backup| backup.name()).collect();
    assert_eq!(removed, ["db_backup_20260801_090000", "db_backup_20260701_100000"]);
    for backup in plans.removed() {
        assert!(root.remove(backup).expect("removed"));
        assert!(!root.remove(backup).expect("no error"), "it is gone");
    }
    let left = root.list(None).expect("listed");
    assert_eq!(left.backups.len(), 3);
    assert!(left.interrupted.is_empty());
    assert!(left.backups.iter().all(|backup| backup.check().is_ok()));
}

#[test]
fn a_backup_that_may_be_torn_takes_nobodys_place() {
    let (_dir, root) = root();
    backup(&root, "db", "2026-08-01T10:00:00Z");
    for at in ["2026-08-01T11:00:00Z", "2026-08-01T12:00:00Z"] {
        let (staging, artifacts) = stage(&root, "db", at, &[("data.tar", b"torn")]);
        let torn = Manifest { consistency: Consistency::TornPossible, ..manifest("db", artifacts) };
        staging.finish(torn).expect("finished");
    }
    let listing = root.list(None).expect("listed");
    let plans = plans(&root, &listing.backups, keep_last(1));
    let kept: Vec<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
    assert_eq!(kept, ["db_backup_20260801_120000", "db_backup_20260801_100000"]);
}

#[test]
fn a_pinned_backup_is_never_removed_and_is_as_good_as_before() {
    let (_dir, root) = root();
    let old = backup(&root, "db", "2026-08-01T10:00:00Z");
    let older = backup(&root, "db", "2026-08-01T09:00:00Z");
    backup(&root, "db", "2026-08-02T10:00:00Z");
    assert!(root.pin(&old).expect("pinned") && !root.pin(&old).expect("no error"));
    let listing = root.list(None).expect("listed");
    assert!(listing.foreign.is_empty(), "{:?}", listing.foreign);
    let pinned = listing.backups.iter().filter(|backup| backup.is_pinned).map(Backup::name);
    assert_eq!(pinned.collect::<Vec<_>>(), [old.name()]);
    let plans = plans(&root, &listing.backups, keep_last(1));
    assert!(kept(&plans).contains(&format!("{} (pinned)", old.name())), "{:?}", kept(&plans));
    let removed: Vec<_> = plans.removed().collect();
    assert_eq!(removed.iter().map(|one| one.name()).collect::<Vec<_>>(), [older.name()]);
    // The plan is older than the pin.
    root.pin(&older).expect("pinned");
    assert!(matches!(root.remove(removed[0]), Err(StoreError::Pinned(name)) if name == older.name()));
    old.check().expect("its files and checksums are what they were");
    assert!(root.unpin(&older).expect("unpinned") && !root.unpin(&older).expect("no error"));
    assert!(root.remove(removed[0]).expect("removed"));
    assert!(matches!(root.pin(&older), Err(StoreError::NotFound(_))));
    let left = names(&root.directory().join("db"));
    assert!(left.contains(&format!("{}.pinned", old.name())) && left.len() == 4, "{left:?}");
}

#[test]
fn a_pin_is_valid_whatever_is_in_it() {
    let (_dir, root) = root();
    let old = backup(&root, "db", "2026-08-01T10:00:00Z");
    backup(&root, "db", "2026-08-02T10:00:00Z");
    fs::write(root.directory().join("db").join(format!("{}.pinned", old.name())), "").expect("written");
    let listing = root.list(None).expect("listed");
    assert_eq!(plans(&root, &listing.backups, keep_last(1)).removed().len(), 0);
}

#[test]
fn a_backup_of_another_directory_cannot_be_pinned() {
    let (_dir, here) = root();
    let (_other, there) = root();
    let backup = backup(&there, "db", "2026-08-01T10:00:00Z");
    assert!(matches!(here.pin(&backup), Err(StoreError::Elsewhere(_))));
    assert!(matches!(here.unpin(&backup), Err(StoreError::Elsewhere(_))));
}

#[test]
fn the_backups_before_a_loss_stay_until_it_is_resolved() {
    let (_dir, root) = root();
    let owner = BackupOwner { project: "shop".into(), engine: Some("E".into()) };
    let root = root.owned_by(owner);
    let made: Vec<String> =
        (1..=9).map(|hour| backup(&root, "db", &format!("2026-08-01T0{hour}:00:00Z")).name()).collect();
    backup(&root, "db", "2026-08-02T10:00:00Z");
    let lost = |named: Option<&String>| StoreBaseline {
        loss: Some(UnresolvedLoss { found: time("2026-08-01T07:30:00Z"), missing: vec!["rows".into()] }),
        ..StoreBaseline::new(time("2026-08-01T04:30:00Z"), Note::Stopped, None, named.cloned())
    };
    lost(Some(&made[1])).write(&root, "db").expect("written");
    let listing = root.list(None).expect("listed");
    let before = |plans: &Plans<'_>| -> Vec<String> {
        let kept = plans.kept().filter(|(_, why)| why.to_string().contains("before a loss"));
        kept.map(|(backup, _)| backup.name()).collect()
    };
    let planned = plans(&root, &listing.backups, keep_last(1));
    // The one that was named, and the last ones before either time.
    assert_eq!(before(&planned), [made[6].clone(), made[3].clone(), made[1].clone()]);
    assert_eq!(planned.removed().len(), 6);
    let foreign = root.clone().owned_by(BackupOwner { project: "market".into(), engine: Some("E".into()) });
    lost(None).write(&foreign, "db").expect("written");
    StoreBaseline { loss: None, ..lost(None) }.write(&root, "db").expect("written");
    let planned = plans(&root, &listing.backups, keep_last(1));
    assert_eq!(
        before(&planned),
        Vec::<String>::new(),
        "it is resolved, and that of another project does not count"
    );
    fs::write(root.directory().join("db/last_stop.json"), "{").expect("damaged");
    assert_eq!(plans(&root, &listing.backups, keep_last(1)).removed().len(), 0, "a loss may be in it");
}

#[test]
fn a_loss_of_any_node_keeps_the_backup_of_its_cluster() {
    let (_dir, root) = root();
    for day in 1..=2 {
        let (staging, artifacts) = stage(&root, "a", &format!("2026-08-0{day}T10:00:00Z"), &[("x", b"x")]);
        let cluster = vec!["a".to_owned(), "b".to_owned()];
        staging.finish(Manifest { cluster, ..manifest("a", artifacts) }).expect("finished");
    }
    let listing = root.list(None).expect("listed");
    assert_eq!(plans(&root, &listing.backups, keep_last(1)).removed().len(), 1);
    let loss = Some(UnresolvedLoss { found: time("2026-08-01T12:00:00Z"), missing: vec!["points".into()] });
    let baseline = StoreBaseline::new(time("2026-08-01T11:00:00Z"), Note::Stopped, None, None);
    StoreBaseline { loss, ..baseline }.write(&root, "b").expect("written");
    assert_eq!(plans(&root, &listing.backups, keep_last(1)).removed().len(), 0);
}

#[test]
fn a_set_goes_with_its_last_backup() {
    let (_dir, root) = root();
    let (db, cache) =
        (backup(&root, "db", "2026-08-01T10:00:00Z"), backup(&root, "cache", "2026-08-01T10:00:00Z"));
    let (path, _) = set::write(&root, "shop", &[&db, &cache], Vec::new()).expect("written");
    fs::remove_dir_all(&db.directory).expect("removed");
    set::remove_empty(&root).expect("nothing to do");
    assert!(path.exists(), "a backup is left");
    fs::remove_dir_all(&cache.directory).expect("removed");
    set::remove_empty(&root).expect("removed");
    assert!(!path.exists());
}
