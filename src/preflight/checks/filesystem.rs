//! The file system is one that the server's data is safe on.

use std::path::Path;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

/// A file system that needs a word. Any other is fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileSystem {
    Nfs,
    Cifs,
    Fuse,
    /// Directories of a host in its virtual machine.
    NineP,
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
        let there = deepest_existing(path)?;
        #[expect(clippy::cast_sign_loss, reason = "a number to compare, whatever its sign on this platform")]
        rustix::fs::statfs(there).ok().and_then(|system| Self::of_magic(system.f_type as u64))
    }

    /// By the word in a volume's options.
    fn of_type(word: &str) -> Option<Self> {
        match word {
            "nfs" | "nfs4" => Some(Self::Nfs),
            "cifs" | "smb3" => Some(Self::Cifs),
            "9p" => Some(Self::NineP),
            "tmpfs" | "ramfs" => Some(Self::Memory),
            word if word.starts_with("fuse") => Some(Self::Fuse),
            _ => None,
        }
    }

    /// Whether owners and modes there are what the kernel goes by.
    pub(super) fn keeps_owners(self) -> bool {
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

    /// Why a kind of data is not safe there.
    fn harm(self, kind: StoreKind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Memory, StoreKind::Qdrant) => {
                Some("it is kept in memory, and lost when the machine restarts")
            }
            // Qdrant's own check (1.19, `lib/common/common/src/fs/check.rs`) calls these bad, but starts all the same.
            (Self::Nfs, StoreKind::Qdrant) => {
                Some("NFS may corrupt Qdrant's data; its own check says so and goes on")
            }
            (Self::Cifs | Self::Fuse | Self::NineP, StoreKind::Qdrant) => {
                Some("its caching breaks memory-mapped files, and vectors have come back as zeroes from it")
            }
            // Sockets and scratch files are mounted too, and belong where they are.
            (Self::Nfs | Self::Cifs | Self::Fuse | Self::NineP | Self::Memory, StoreKind::Volume) => None,
        }
    }
}

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    // Plain files that are only read, and a Qdrant path without data, come to no harm.
    if mount.location.read_only || mount.moved {
        return;
    }
    let of_volume =
        mount.volume.as_ref().and_then(|volume| volume.mounts.as_deref()).and_then(FileSystem::of_type);
    let Some(system) =
        of_volume.or_else(|| mount.directory.as_ref().and_then(|directory| FileSystem::of(&directory.path)))
    else {
        return;
    };
    if let Some(harm) = system.harm(mount.kind) {
        let what = format!("{} is on {}", mount.name(), system.name());
        findings.push(CheckFinding::new(CheckSeverity::Warn, &mount.service, what, harm));
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
    fn plain_files_may_be_anywhere() {
        assert!(FileSystem::Nfs.harm(StoreKind::Qdrant).is_some());
        assert!(FileSystem::Nfs.harm(StoreKind::Volume).is_none());
        assert!(FileSystem::Memory.harm(StoreKind::Qdrant).is_some());
        assert!(FileSystem::Memory.harm(StoreKind::Volume).is_none());
    }
}
