//! Plain files: the driver that always works.
//!
//! The engine streams each place out of a container, which may be stopped or never started, so nothing is needed inside
//! of it. What it reads of a running service is crash-consistent at best, and it says so. Putting back never merges: a
//! place is written only where nothing is left in it that the backup does not have.

mod dump;
mod helper_container;
mod pipe;
mod places;
mod restore;
mod tar_summary;

use async_trait::async_trait;

use super::{Driver, DriverTarget, Dump, Nouns, RestoreOptions, RestorePlan, Restored};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::store::{Backup, Staging};
use crate::policy::Clearance;

/// For [`crate::inventory::StoreKind::Volume`]. Reads through the store's container, and where it has none through one
/// that is made for it and removed again.
#[derive(Debug, Clone, Copy, Default)]
pub struct VolumeDriver;

#[async_trait]
impl Driver for VolumeDriver {
    /// Reads everything there is: the engine has no cheaper way to count files.
    async fn fingerprint(&self, target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
        dump::fingerprint(target).await
    }

    /// Files come and go, and a place may well hold fewer than it did. Only one that held bytes and now holds nothing at
    /// all, not even a directory, is told: so looks a volume that was made anew. A place that held only empty files, such
    /// as locks, tells nothing by being empty.
    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference> {
        match (recorded, now) {
            (
                Fingerprint::Volume { entries: recorded, bytes },
                Fingerprint::Volume { entries: now @ 0, .. },
            ) if *recorded > 0 && *bytes > 0 => {
                vec![Difference::FewerFiles { recorded: *recorded, now: *now }]
            }
            // A record of another kind was made when the service held something else.
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

    fn nouns(&self) -> Nouns {
        Nouns { part: "directory", item: "file" }
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
