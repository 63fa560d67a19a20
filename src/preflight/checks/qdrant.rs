//! Qdrant's files are whole: nothing that the server would skip, delete or die of at its start.

use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::qdrant::{self, Damage, Fate};

/// More than this is one disaster, and not several findings.
const MOST: usize = 5;

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let is_usual = mount.kind == StoreKind::Qdrant && !mount.moved && mount.holds_everything();
    // A server at work is always about to change its files.
    let Some(directory) = mount.directory.as_ref().filter(|_| is_usual && !mount.running) else { return };
    let damage = qdrant::examine(&directory.path.join(mount.data_below()));
    for (severity, fates) in [
        (CheckSeverity::Stop, [Fate::Skipped, Fate::Deleted, Fate::Dies, Fate::Dummy].as_slice()),
        (CheckSeverity::Warn, &[Fate::Odd]),
    ] {
        let found: Vec<&Damage> = damage.iter().filter(|one| fates.contains(&one.fate)).collect();
        for one in found.iter().take(MOST) {
            let remedy = match one.fate {
                Fate::Skipped | Fate::Deleted | Fate::Dies => {
                    ". Copy the directory before anything is started on it, and restore the backup into an empty one"
                }
                Fate::Dummy => {
                    ". Start it with --safe-skip-checks and restore the collection from its backup"
                }
                Fate::Odd => "",
            };
            let what = format!("in {}, {}", mount.name(), one.what);
            findings.push(CheckFinding::new(severity, &mount.service, what, format!("{}{remedy}", one.why)));
        }
        if found.len() > MOST {
            let more = crate::units::count((found.len() - MOST) as u64, "more place");
            let what = format!("in {}, {more} of the same kind", mount.name());
            findings.push(CheckFinding::new(
                severity,
                &mount.service,
                what,
                "the directory is damaged as a whole",
            ));
        }
    }
}
