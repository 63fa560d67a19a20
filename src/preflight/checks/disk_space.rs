//! Checks that the disk has free space.

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::units::Bytes;

/// Qdrant refuses writes if less than twice the size of its WAL is free, by default 64 MiB
/// (qdrant 1.19, `lib/collection/src/shards/local_shard/mod.rs`).
const QDRANT_MINIMUM: u64 = 2 * 64 * 1024 * 1024;

/// Below this, the disk will be full soon, whatever its size.
const LOW: u64 = 200_000_000;

/// Above this, the percentage of free space does not matter.
const ALWAYS_ENOUGH: u64 = 10_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DiskSpace {
    Enough,
    Low,
    Insufficient,
}

fn classify(kind: StoreKind, free: u64, total: u64) -> DiskSpace {
    match kind {
        StoreKind::Qdrant if free < QDRANT_MINIMUM => DiskSpace::Insufficient,
        _ if free < LOW => DiskSpace::Low,
        _ if free < total / 100 && free < ALWAYS_ENOUGH => DiskSpace::Low,
        StoreKind::Qdrant | StoreKind::Volume | StoreKind::Sql(_) => DiskSpace::Enough,
    }
}

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let Some(directory) = mount.directory.as_ref().filter(|_| !mount.location.read_only) else {
        return;
    };
    let Some(system) =
        deepest_existing(&directory.path).and_then(|existing| rustix::fs::statvfs(existing).ok())
    else {
        return;
    };
    // Some file systems do not report their size.
    if system.f_blocks == 0 {
        return;
    }
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let total = system.f_blocks.saturating_mul(system.f_frsize);
    let what = || format!("{} free on the disk of {}", Bytes(free), mount.name());
    match classify(mount.kind, free, total) {
        DiskSpace::Insufficient => findings.push(CheckFinding::new(
            CheckSeverity::Stop,
            &mount.service,
            what(),
            format!("Qdrant refuses writes with less than {} free", Bytes(QDRANT_MINIMUM)),
        )),
        DiskSpace::Low => findings.push(CheckFinding::new(
            CheckSeverity::Warn,
            &mount.service,
            what(),
            "writes fail when the disk is full",
        )),
        DiskSpace::Enough if system.f_files > 0 && system.f_favail == 0 => findings.push(CheckFinding::new(
            CheckSeverity::Warn,
            &mount.service,
            format!("no new files can be created on the disk of {}", mount.name()),
            "its file system has no inodes left",
        )),
        DiskSpace::Enough => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_space_is_absolute_and_relative() {
        const GB: u64 = 1_000_000_000;
        for (kind, free, total, space) in [
            (StoreKind::Qdrant, QDRANT_MINIMUM - 1, 100 * GB, DiskSpace::Insufficient),
            (StoreKind::Volume, QDRANT_MINIMUM - 1, 100 * GB, DiskSpace::Low),
            (StoreKind::Qdrant, QDRANT_MINIMUM, 100 * GB, DiskSpace::Low),
            (StoreKind::Qdrant, LOW, 10 * GB, DiskSpace::Enough),
            (StoreKind::Qdrant, 5 * GB, 1000 * GB, DiskSpace::Low),
            (StoreKind::Qdrant, 15 * GB, 2000 * GB, DiskSpace::Enough),
            (StoreKind::Volume, LOW, LOW, DiskSpace::Enough),
        ] {
            assert_eq!(classify(kind, free, total), space, "{kind:?} {free} of {total}");
        }
    }
}
