//! Checks Qdrant's files for damage that makes the server skip or delete data, or fail to start.

use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::qdrant::{self, StartupEffect, StorageDamage};

/// The maximum number of findings; more damage is summarized.
const MAX_FINDINGS: usize = 5;

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let is_usual = mount.kind == StoreKind::Qdrant && !mount.moved && mount.holds_everything();
    // A running server changes its files all the time.
    let Some(directory) = mount.directory.as_ref().filter(|_| is_usual && !mount.running) else { return };
    let damage = qdrant::examine(&directory.path.join(mount.data_below()));
    for (severity, effects) in [
        (
            CheckSeverity::Stop,
            [StartupEffect::Skipped, StartupEffect::Deleted, StartupEffect::Exits, StartupEffect::Dummy]
                .as_slice(),
        ),
        (CheckSeverity::Warn, &[StartupEffect::Odd]),
    ] {
        let found: Vec<&StorageDamage> = damage.iter().filter(|one| effects.contains(&one.effect)).collect();
        for one in found.iter().take(MAX_FINDINGS) {
            let remedy = match one.effect {
                StartupEffect::Skipped | StartupEffect::Deleted | StartupEffect::Exits => {
                    ". Copy the directory before starting the service, and restore the backup into an empty one"
                }
                StartupEffect::Dummy => {
                    ". Start the service with --safe-skip-checks and restore the collection from a backup"
                }
                StartupEffect::Odd => "",
            };
            let what = format!("in {}, {}", mount.name(), one.what);
            findings.push(CheckFinding::new(severity, &mount.service, what, format!("{}{remedy}", one.why)));
        }
        if found.len() > MAX_FINDINGS {
            let more = crate::units::count((found.len() - MAX_FINDINGS) as u64, "more problem");
            let what = format!("in {}, {more} of the same kind", mount.name());
            findings.push(CheckFinding::new(
                severity,
                &mount.service,
                what,
                "most of the directory is damaged",
            ));
        }
    }
}
