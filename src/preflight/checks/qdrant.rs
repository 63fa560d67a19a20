//! Qdrant's files are whole: nothing that the server would skip, delete or die of at its start.

use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{Finding, Severity};
use crate::qdrant::{self, StartupEffect, StorageDamage};

/// More than this is one disaster, and not several findings.
const MOST: usize = 5;

pub(super) fn check(mount: &DataMount, findings: &mut Vec<Finding>) {
    let is_usual = mount.kind == StoreKind::Qdrant && !mount.moved && mount.holds_everything();
    // A server at work is always about to change its files.
    let Some(directory) = mount.directory.as_ref().filter(|_| is_usual && !mount.running) else { return };
    let damage = qdrant::examine(&directory.path.join(mount.data_below()));
    for (severity, effects) in [
        (
            Severity::Stop,
            [StartupEffect::Skipped, StartupEffect::Deleted, StartupEffect::Exits, StartupEffect::Dummy]
                .as_slice(),
        ),
        (Severity::Warn, &[StartupEffect::Odd]),
    ] {
        let found: Vec<&StorageDamage> = damage.iter().filter(|one| effects.contains(&one.effect)).collect();
        for one in found.iter().take(MOST) {
            let remedy = match one.effect {
                StartupEffect::Skipped | StartupEffect::Deleted | StartupEffect::Exits => {
                    ". Copy the directory before anything is started on it, and restore the backup into an empty one"
                }
                StartupEffect::Dummy => {
                    ". Start it with --safe-skip-checks and restore the collection from its backup"
                }
                StartupEffect::Odd => "",
            };
            let what = format!("in {}, {}", mount.name(), one.what);
            findings.push(Finding::new(severity, &mount.service, what, format!("{}{remedy}", one.why)));
        }
        if found.len() > MOST {
            let more = crate::units::count((found.len() - MOST) as u64, "more place");
            let what = format!("in {}, {more} of the same kind", mount.name());
            findings.push(Finding::new(
                severity,
                &mount.service,
                what,
                "the directory is damaged as a whole",
            ));
        }
    }
}
