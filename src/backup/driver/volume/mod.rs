//! Plain files: the driver that works for every store.
//!
//! The engine streams each directory out of a container, which may be stopped or never started, so nothing is needed
//! inside it. What it reads from a running service is crash-consistent at best, and a remark says so. A restore never
//! merges: a directory is written only if it contains nothing that the backup does not contain.

mod dump;
mod helper_container;
pub(super) mod pipe;
mod places;
mod restore;
mod tar_summary;

use async_trait::async_trait;

use super::{Driver, DriverTarget, Dump, RestoreOptions, RestorePlan, Restored};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::store::{Backup, Staging};
use crate::policy::Clearance;

/// For [`crate::inventory::StoreKind::Volume`]. Reads through the store's container, or through a temporary one if it
/// has none.
#[derive(Debug, Clone, Copy, Default)]
pub struct VolumeDriver;

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
            (Fingerprint::Volume { .. } | Fingerprint::Qdrant(_), _) => Vec::new(),
        }
    }

    async fn dump(
        &self,
        target: DriverTarget<'_>,
        _previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump> {
        dump::dump(target, into).await
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
