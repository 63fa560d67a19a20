//! Checks that the file system is safe for the server's data.

use std::path::Path;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

/// The file systems that can be a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileSystem {
    Nfs,
    Cifs,
    Fuse,
    /// Shared directories of a virtual machine's host.
    NineP,
    /// `tmpfs` or `ramfs`.
    Memory,
}

impl FileSystem {
    /// By the magic number of `statfs` (`linux/magic.h`).
    fn of_magic(magic: u64) -> Option<Self> {
        match magic & 0xffff_ffff {
            0x6969 => Some(Self::Nfs),
            0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some(Self::Cifs),
            0x6573_5546 => Some(Self::Fuse),
            0x0102_1997 => Some(Self::NineP),
            0x0102_1994 | 0x8584_58f6 => Some(Self::Memory),
            _ => None,
        }
    }

    pub(super) fn of(path: &Path) -> Option<Self> {
        let existing = deepest_existing(path)?;
        #[expect(clippy::cast_sign_loss, reason = "a number to compare, whatever its sign on this platform")]
        rustix::fs::statfs(existing).ok().and_then(|system| Self::of_magic(system.f_type as u64))
    }

    /// By the type in a volume's options.
    fn of_type(name: &str) -> Option<Self> {
        match name {
            "nfs" | "nfs4" => Some(Self::Nfs),
            "cifs" | "smb3" => Some(Self::Cifs),
            "9p" => Some(Self::NineP),
            "tmpfs" | "ramfs" => Some(Self::Memory),
            name if name.starts_with("fuse") => Some(Self::Fuse),
            _ => None,
        }
    }

    /// Whether the kernel enforces the owners and modes that it shows.
    pub(super) fn enforces_owners(self) -> bool {
        match self {
            Self::Nfs | Self::Cifs | Self::Fuse | Self::NineP => false,
            Self::Memory => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nfs => "NFS",
            Self::Cifs => "CIFS",
            Self::Fuse => "FUSE",
            Self::NineP => "9p",
            Self::Memory => "tmpfs",
        }
    }

    /// Why the file system is not safe for a kind of data.
    fn risk(self, kind: StoreKind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Memory, StoreKind::Qdrant) => {
                Some("the data is kept in memory and lost when the machine restarts")
            }
            // Qdrant's own check (1.19, `lib/common/common/src/fs/check.rs`) only warns about these.
            (Self::Nfs, StoreKind::Qdrant) => {
                Some("NFS may corrupt Qdrant's data; Qdrant itself only logs a warning")
            }
            (Self::Cifs | Self::Fuse | Self::NineP, StoreKind::Qdrant) => {
                Some("its caching breaks memory-mapped files; vectors have been read back as zeroes")
            }
            // Sockets and temporary files are mounted too, and such mounts are fine.
            (
                Self::Nfs | Self::Cifs | Self::Fuse | Self::NineP | Self::Memory,
                StoreKind::Volume | StoreKind::Sql(_),
            ) => None,
        }
    }
}

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    // Read-only files and an unused data path are not at risk.
    if mount.location.read_only || mount.moved {
        return;
    }
    let of_volume =
        mount.volume.as_ref().and_then(|volume| volume.filesystem.as_deref()).and_then(FileSystem::of_type);
    let Some(system) =
        of_volume.or_else(|| mount.directory.as_ref().and_then(|directory| FileSystem::of(&directory.path)))
    else {
        return;
    };
    if let Some(risk) = system.risk(mount.kind) {
        let what = format!("{} is on {}", mount.name(), system.name());
        findings.push(CheckFinding::new(CheckSeverity::Warn, &mount.service, what, risk));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_number_and_by_name() {
        assert_eq!(FileSystem::of_magic(0x6969), Some(FileSystem::Nfs));
        assert_eq!(FileSystem::of_magic(0xff53_4d42), Some(FileSystem::Cifs));
        assert_eq!(FileSystem::of_magic(0xffff_ffff_ff53_4d42), Some(FileSystem::Cifs));
        assert_eq!(FileSystem::of_magic(0xef53), None, "ext4");
        assert_eq!(FileSystem::of_type("nfs4"), Some(FileSystem::Nfs));
        assert_eq!(FileSystem::of_type("ext4"), None);
    }

    #[test]
    fn plain_files_may_be_on_any_file_system() {
        assert!(FileSystem::Nfs.risk(StoreKind::Qdrant).is_some());
        assert!(FileSystem::Nfs.risk(StoreKind::Volume).is_none());
        assert!(FileSystem::Memory.risk(StoreKind::Qdrant).is_some());
        assert!(FileSystem::Memory.risk(StoreKind::Volume).is_none());
    }
}
