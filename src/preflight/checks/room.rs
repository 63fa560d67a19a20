//! There is room left to write.

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{Finding, Severity};
use crate::units::Bytes;

/// Qdrant refuses every write with less than twice its log's size free, 64 MiB unless set otherwise
/// (qdrant 1.19, `lib/collection/src/shards/local_shard/mod.rs`).
const QDRANT_NEEDS: u64 = 2 * 64 * 1024 * 1024;

/// Below this, any server is about to run out.
const LITTLE: u64 = 200_000_000;

/// One per cent of a large disk is not little.
const PLENTY: u64 = 10_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    Little,
    None,
}

fn judge(kind: StoreKind, free: u64, total: u64) -> Room {
    match kind {
        StoreKind::Qdrant if free < QDRANT_NEEDS => Room::None,
        StoreKind::Qdrant | StoreKind::Volume if free < LITTLE => Room::Little,
        StoreKind::Qdrant | StoreKind::Volume if free < total / 100 && free < PLENTY => Room::Little,
        StoreKind::Qdrant | StoreKind::Volume => Room::Enough,
    }
}

pub(super) fn check(mount: &DataMount, findings: &mut Vec<Finding>) {
    let Some(directory) = mount.directory.as_ref().filter(|_| !mount.place.read_only) else {
        return;
    };
    let Some(system) = deepest_existing(&directory.path).and_then(|there| rustix::fs::statvfs(there).ok())
    else {
        return;
    };
    // Some file systems do not count at all.
    if system.f_blocks == 0 {
        return;
    }
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let total = system.f_blocks.saturating_mul(system.f_frsize);
    let what = || format!("{} are left on the disk of {}", Bytes(free), mount.name());
    match judge(mount.kind, free, total) {
        Room::None => findings.push(Finding::new(
            Severity::Stop,
            &mount.service,
            what(),
            format!("Qdrant refuses every write with less than {} free", Bytes(QDRANT_NEEDS)),
        )),
        Room::Little => findings.push(Finding::new(
            Severity::Warn,
            &mount.service,
            what(),
            "a server that runs out of room fails in the middle of its writes",
        )),
        Room::Enough if system.f_files > 0 && system.f_favail == 0 => findings.push(Finding::new(
            Severity::Warn,
            &mount.service,
            format!("no file can be created any more on the disk of {}", mount.name()),
            "its file system has no inodes left",
        )),
        Room::Enough => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_absolute_and_relative() {
        const GB: u64 = 1_000_000_000;
        for (kind, free, total, room) in [
            (StoreKind::Qdrant, QDRANT_NEEDS - 1, 100 * GB, Room::None),
            (StoreKind::Volume, QDRANT_NEEDS - 1, 100 * GB, Room::Little),
            (StoreKind::Qdrant, QDRANT_NEEDS, 100 * GB, Room::Little),
            (StoreKind::Qdrant, LITTLE, 10 * GB, Room::Enough),
            (StoreKind::Qdrant, 5 * GB, 1000 * GB, Room::Little),
            (StoreKind::Qdrant, 15 * GB, 2000 * GB, Room::Enough),
            (StoreKind::Volume, LITTLE, LITTLE, Room::Enough),
        ] {
            assert_eq!(judge(kind, free, total), room, "{kind:?} {free} of {total}");
        }
    }
}
