//! Nobody has made the data read-only.

use rustix::fs::StatVfsMountFlags;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::site::Site;

pub(super) fn check(site: &Site, findings: &mut Vec<Finding>) {
    let severity = match site.kind {
        StoreKind::Qdrant => Severity::Stop,
        StoreKind::Volume => Severity::Warn,
    };
    if site.place.read_only {
        match site.kind {
            StoreKind::Qdrant if site.moved => {}
            StoreKind::Qdrant => findings.push(Finding::new(
                severity,
                &site.service,
                format!("`{}` is mounted read-only", site.place.target.display()),
                "the server writes there as soon as it starts",
            )),
            // Whoever mounts plain files read-only has a reason.
            StoreKind::Volume => {}
        }
        return;
    }
    let Some(directory) = &site.directory else {
        return;
    };
    // A system without blocks is the kernel's own, `sysfs` or the like.
    let read_only = deepest_existing(&directory.path)
        .and_then(|there| rustix::fs::statvfs(there).ok())
        .is_some_and(|system| system.f_blocks > 0 && system.f_flag.contains(StatVfsMountFlags::RDONLY));
    if read_only {
        findings.push(Finding::new(
            severity,
            &site.service,
            format!("the file system of `{}` is read-only", directory.path.display()),
            "a disk turns read-only when it is mounted so, and after errors",
        ));
    }
}
