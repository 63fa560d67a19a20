//! Checks that the data is not read-only.

use rustix::fs::StatVfsMountFlags;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let severity = match mount.kind {
        StoreKind::Qdrant => CheckSeverity::Stop,
        StoreKind::Volume => CheckSeverity::Warn,
    };
    if mount.location.read_only {
        match mount.kind {
            StoreKind::Qdrant if mount.moved => {}
            StoreKind::Qdrant => findings.push(CheckFinding::new(
                severity,
                &mount.service,
                format!("`{}` is mounted read-only", mount.location.target.display()),
                "the server needs write access to start",
            )),
            // Read-only mounts of plain files are intentional.
            StoreKind::Volume => {}
        }
        return;
    }
    let Some(directory) = &mount.directory else {
        return;
    };
    // A file system without blocks is virtual, such as `sysfs`.
    let read_only = deepest_existing(&directory.path)
        .and_then(|existing| rustix::fs::statvfs(existing).ok())
        .is_some_and(|system| system.f_blocks > 0 && system.f_flag.contains(StatVfsMountFlags::RDONLY));
    if read_only {
        findings.push(CheckFinding::new(
            severity,
            &mount.service,
            format!("the file system of `{}` is read-only", directory.path.display()),
            "it was mounted read-only, or the kernel made it read-only after disk errors",
        ));
    }
}
