//! Checks that the data is not read-only.

use rustix::fs::StatVfsMountFlags;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::inventory::known::Keeps;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let is_database = match mount.kind {
        StoreKind::Qdrant => !mount.moved,
        StoreKind::Volume | StoreKind::Sql(_) => {
            mount.server.as_ref().is_some_and(|server| server.program.keeps == Keeps::Records)
        }
    };
    if mount.location.read_only {
        // Read-only mounts of plain files are intentional.
        if is_database {
            findings.push(CheckFinding::new(
                CheckSeverity::Stop,
                &mount.service,
                format!("`{}` is mounted read-only", mount.location.target.display()),
                "the server needs write access to start",
            ));
        }
        return;
    }
    let severity = match mount.kind {
        StoreKind::Qdrant => CheckSeverity::Stop,
        StoreKind::Volume | StoreKind::Sql(_) if is_database => CheckSeverity::Stop,
        StoreKind::Volume | StoreKind::Sql(_) => CheckSeverity::Warn,
    };
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
