//! Removes the backups that the retention settings do not keep: for `backups prune`, and after every good backup.

use std::time::Duration;

use jiff::Timestamp;

use super::context::ProjectContext;
use super::mode::Apply;
use super::own_record::OwnRecord;
use crate::backup::consistency::Consistency;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{Manifest, Proof};
use crate::backup::retention::{self, UnresolvedLosses};
use crate::backup::set;
use crate::backup::store::{Backup, BackupRoot, StoreError, Verified};
use crate::error::causes;
use crate::fs::is_missing;
use crate::inventory::Store;
use crate::settings::RetentionSettings;
use crate::units::count;

/// How long `backups prune` waits for another one: as long as that may have to read backups.
pub(super) const PATIENT: Duration = Duration::from_mins(10);

/// How long a command that made a backup waits for another one that prunes. The next backup prunes, too.
const BRIEF: Duration = Duration::from_secs(5);

/// How many names a message has at most.
const NAMES: usize = 3;

/// What was kept and removed.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    pub(super) removed: Vec<String>,
    /// With the reasons.
    pub(super) kept: Vec<(String, Vec<String>)>,
    /// Why backups of a store were not removed.
    pub(super) failed: Vec<StoreError>,
}

/// What would be kept and removed.
pub(super) fn plan(root: &BackupRoot, backups: &[Backup], keep: RetentionSettings) -> Pruned {
    let losses = UnresolvedLosses::read(root, backups);
    let plans = retention::by_service(backups, keep, &losses, Timestamp::now());
    Pruned {
        removed: plans.removed().map(|backup| backup.name()).collect(),
        kept: plans.kept().map(|(backup, why)| (backup.name(), why.reasons())).collect(),
        failed: Vec::new(),
    }
}

/// Removes what the settings do not keep. The plan is made under the lock, so that two of us at once do not plan the same.
/// `verified` were just verified. A store that fails does not stop the others.
pub(super) fn prune(
    (record, apply): (&OwnRecord, Apply),
    (root, keep): (&BackupRoot, RetentionSettings),
    verified: &[&Verified],
    wait: Duration,
) -> Result<Pruned, StoreError> {
    if is_missing(root.directory()) {
        return Ok(Pruned::default());
    }
    let _lock = root.lock_within(wait)?;
    let listing = root.list(None)?;
    let losses = UnresolvedLosses::read(root, &listing.backups);
    let plans = retention::by_service(&listing.backups, keep, &losses, Timestamp::now()).trusting(verified);
    let mut pruned = Pruned {
        kept: plans.kept().map(|(backup, why)| (backup.name(), why.reasons())).collect(),
        ..Pruned::default()
    };
    let mut failed_stores: Vec<&str> = Vec::new();
    for removable in plans.removed().filter(|removable| !removable.is_pinned) {
        if failed_stores.contains(&removable.store()) {
            continue;
        }
        record.will(format!("removes backup {}", removable.name()));
        record.begin(apply);
        match root.remove(removable) {
            Ok(true) => pruned.removed.push(removable.name()),
            Ok(false) => {}
            Err(error) => {
                failed_stores.push(removable.store());
                pruned.failed.push(error);
            }
        }
    }
    // Whether the settings keep them is not known.
    let unread = listing.damaged.into_iter().filter(|(_, damage)| damage.is_read_failure());
    pruned.failed.extend(unread.map(|(path, damage)| StoreError::Damaged { path, damage }));
    set::remove_empty(root)?;
    Ok(pruned)
}

/// Prunes after good backups, of which `made` were verified by this process. A failure is a warning: the backups are good
/// all the same. Returns the names of the backups that were removed.
pub(super) fn after_backups(cx: &ProjectContext<'_>, apply: Apply, made: &[&Verified]) -> Vec<String> {
    let keep = cx.settings.backup.keep;
    let Pruned { removed, failed, .. } =
        match prune((&cx.command.record, apply), (&cx.root, keep), made, BRIEF) {
            Ok(pruned) => pruned,
            Err(error) => Pruned { failed: vec![error], ..Pruned::default() },
        };
    if !removed.is_empty() {
        cx.ui().say(format!(
            "removed {} that the retention settings do not keep: {}.",
            count(removed.len() as u64, "older backup"),
            names(&removed)
        ));
    }
    for error in failed {
        cx.ui().warn(format!("older backups were not removed: {}.", causes(&error.into())));
    }
    removed
}

/// What would be removed after new backups of these stores.
pub(super) fn expected(cx: &ProjectContext<'_>, stores: &[Store]) -> Vec<String> {
    let Ok(listing) = cx.root.list(None) else { return Vec::new() };
    let mut backups = listing.backups;
    for store in stores {
        let contents = Fingerprint::Volume { entries: 0, bytes: 0 };
        let backup = Backup::from_baseline(&cx.root, &cx.project.name, &store.id, store.kind, contents);
        let manifest = Manifest {
            sequence: u64::MAX,
            consistency: Consistency::Cold,
            proof: Proof::Readable,
            ..backup.manifest
        };
        backups.push(Backup { manifest, ..backup });
    }
    plan(&cx.root, &backups, cx.settings.backup.keep).removed
}

fn names(all: &[String]) -> String {
    let mut shown: Vec<String> = all.iter().take(NAMES).map(|name| format!("`{name}`")).collect();
    if all.len() > NAMES {
        shown.push(format!("and {} more", all.len() - NAMES));
    }
    shown.join(", ")
}
