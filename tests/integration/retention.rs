//! Thinning out on disk: many backups, some rules, and what is left.

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::retention;
use safe_compose::settings::RetentionSettings;

use safe_compose::backup::manifest::Manifest;

use crate::backup_fixture::{backup, manifest, root, stage, time};

#[test]
fn each_store_is_thinned_out_by_itself_and_the_reasons_are_told() {
    let (_dir, root) = root();
    for at in ["2026-07-01T10:00:00Z", "2026-08-01T09:00:00Z", "2026-08-01T10:00:00Z", "2026-08-02T10:00:00Z"]
    {
        backup(&root, "db", at);
    }
    backup(&root, "cache", "2026-01-01T10:00:00Z");
    let listing = root.list(None).expect("listed");
    let keep = RetentionSettings { last: 1, daily: 2, weekly: 0 };
    let plans = retention::by_service(&listing.backups, keep, time("2026-08-03T00:00:00Z"));
    let kept: Vec<String> = plans.kept().map(|(backup, why)| format!("{} ({why})", backup.name())).collect();
    assert_eq!(
        kept,
        [
            "cache_backup_20260101_100000 (newest, best verified, last, daily)",
            "db_backup_20260802_100000 (newest, best verified, last, daily)",
            "db_backup_20260801_100000 (daily)",
        ]
    );
    let removed: Vec<String> = plans.removed().map(|backup| backup.name()).collect();
    assert_eq!(removed, ["db_backup_20260801_090000", "db_backup_20260701_100000"]);
    for backup in plans.removed() {
        root.remove(backup).expect("removed");
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
    let keep = RetentionSettings { last: 1, daily: 0, weekly: 0 };
    let plans = retention::by_service(&listing.backups, keep, time("2026-08-03T00:00:00Z"));
    let kept: Vec<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
    assert_eq!(kept, ["db_backup_20260801_120000", "db_backup_20260801_100000"]);
}
