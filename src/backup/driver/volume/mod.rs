//! Plain files: the driver that works for every store.
//!
//! The engine streams each directory out of a container, which may be stopped or never started, so nothing is needed
//! inside it. Whatever may write to the files is paused or stopped meanwhile; where that is not possible, the backup says
//! that it may be torn. A restore never merges: it replaces the contents of a volume or directory by renames (`switch`),
//! and where nothing can be renamed, a directory is written only if it contains nothing that the backup does not contain.

pub(in crate::backup) mod archive_file;
mod archives;
mod attributes;
mod check;
mod compressed_size;
mod contents;
mod copy;
mod direct;
mod dump;
pub(super) mod helper_container;
#[cfg_attr(not(target_os = "linux"), path = "host_restore_elsewhere.rs")]
mod host_restore;
mod last_dump;
mod link;
mod mover;
mod need;
pub(in crate::backup) mod pax;
pub(super) mod pipe;
mod places;
mod planned_archive;
mod read_back;
mod restore;
mod save;
mod source;
pub(crate) mod sqlite;
mod switch;
pub(crate) mod tar_entries;
pub(crate) mod tar_summary;
pub(super) mod test_restore;
mod tree;
mod unchanged;
mod unpacked;
mod writers;
#[cfg(target_os = "linux")]
mod xattr;

use async_trait::async_trait;

use super::scratch::TestEnv;
use super::{Driver, DriverTarget, Dump, RestoreOptions, RestorePlan, Restored, TestRestore};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::store::{Backup, Staging};
use crate::backup::test_restore::TestRestoreResult;
use crate::engine::Container;
use crate::inventory::Store;
use crate::policy::Clearance;

/// For [`crate::inventory::StoreKind::Volume`]. Reads through the store's container, or through a temporary one if it
/// has none.
#[derive(Debug, Clone, Copy, Default)]
pub struct VolumeDriver;

/// A digest of the names, sizes, times and inodes of the files of a store, for comparison with the one in the manifest of a
/// backup. `None` where that cannot be known.
pub async fn tree(target: DriverTarget<'_>) -> Option<String> {
    tree::digest(target, &places::choose(target.store, None).places).await
}

/// The backup of a store whose files are exactly those of another store, of which `backup` was just made; `None` if they are
/// not.
pub async fn link(
    target: DriverTarget<'_>,
    other: &Store,
    backup: &Backup,
    into: &mut Staging,
) -> anyhow::Result<Option<Dump>> {
    link::link(target, other, backup, into).await
}

/// Checks that a service keeps data at each path that a backup of files contains, and could be restored there.
pub fn ensure_places(store: &Store, from: &Backup) -> anyhow::Result<()> {
    restore::ensure_places(store, from)
}

/// Takes back a restore that was not finished: what it replaced is in its place again. Returns whether all of it is; `false`
/// where there is nothing to take back. `copy` is the backup of what was replaced.
pub async fn revert(target: DriverTarget<'_>, copy: &Backup, proof: &Clearance) -> anyhow::Result<bool> {
    restore::revert(target, copy, proof).await
}

/// The running containers that may write to the files of a store.
pub async fn writers(target: DriverTarget<'_>) -> anyhow::Result<Vec<Container>> {
    writers::writers(target, &places::choose(target.store, None).places).await
}

#[async_trait]
impl Driver for VolumeDriver {
    /// Reads everything: the engine has no cheaper way to count files.
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
        dump::fingerprint(target).await
    }

    /// Files come and go, and fewer files are not a loss. Only a store that contained data and is now completely empty,
    /// without even a directory, is reported: a volume that was created again looks like that. A store that contained
    /// only empty files, such as locks, proves nothing by being empty.
    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference> {
        match (recorded, now) {
            (
                Fingerprint::Volume { entries: recorded, bytes },
                Fingerprint::Volume { entries: now @ 0, .. },
            ) if *recorded > 0 && *bytes > 0 => {
                vec![Difference::FewerFiles { recorded: *recorded, now: *now }]
            }
            // A baseline of another kind was recorded when the service was another program.
            (Fingerprint::Volume { .. } | Fingerprint::Qdrant(_) | Fingerprint::Databases(_), _) => {
                Vec::new()
            }
        }
    }

    async fn dump(
        &self,
        target: DriverTarget<'_>,
        previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump> {
        dump::dump(target, previous, into).await
    }

    async fn plan_restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan> {
        restore::plan(target, from, options).await
    }

    async fn restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        plan: &RestorePlan,
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored> {
        restore::restore(target, restore::Job { from, plan, options }, proof).await
    }

    fn test_restore(&self, image: &str) -> Option<&dyn TestRestore> {
        test_restore::FileServer::of(image).map(|_| self as &dyn TestRestore)
    }

    async fn check_contents(&self, backup: &Backup) -> anyhow::Result<()> {
        check::contents(backup).await
    }

    async fn finish_restore(
        &self,
        target: DriverTarget<'_>,
        from: &Backup,
        proof: &Clearance,
    ) -> anyhow::Result<()> {
        restore::finish(target, from, proof).await
    }
}

#[async_trait]
impl TestRestore for VolumeDriver {
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
        test_restore::run(env, from).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_that_lost_everything_is_told() {
        let held = |entries, bytes| Fingerprint::Volume { entries, bytes };
        let differences = |recorded, now| VolumeDriver.compare(&recorded, &now);
        assert_eq!(differences(held(7, 100), held(0, 0)), [Difference::FewerFiles { recorded: 7, now: 0 }]);
        for (recorded, now) in [
            (held(7, 100), held(1, 0)),
            (held(7, 100), held(9, 1)),
            (held(0, 0), held(0, 0)),
            (held(3, 0), held(0, 0)),
        ] {
            assert_eq!(differences(recorded.clone(), now.clone()), [], "{recorded:?} {now:?}");
        }
    }
}
