//! Which mount of a service covers its data path.

use super::mount::{LintMount, LintMountSource};

/// What is mounted at a data path. Mounts are given by their index in the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountCoverage {
    /// A mount at the path, or above it where that is enough.
    Mounted(usize),
    /// A mount above the path, hidden by a `VOLUME` of the image.
    Shadowed(usize),
    /// A mount below the path, which holds a part of the data.
    Below(usize),
    /// Nothing, but another mount looks as if it was meant for the data.
    Near(usize),
    Nothing,
    /// The path is not known from the file.
    Unknown,
}

/// Whether a path is equal to another or below it.
pub(super) fn within(path: &str, above: &str) -> bool {
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn coverage(mounts: &[LintMount], paths: &[String], volumes: &[String]) -> MountCoverage {
    let mut best = MountCoverage::Nothing;
    for (at, mount) in mounts.iter().enumerate() {
        if matches!(mount.source, LintMountSource::Other) {
            continue;
        }
        let Some(target) = mount.path() else { return MountCoverage::Unknown };
        let found =
            paths.iter().map(|path| coverage_of(at, target, path, volumes)).max_by_key(|cover| rank(*cover));
        if let Some(found) = found
            && rank(found) > rank(best)
        {
            best = found;
        }
    }
    if best != MountCoverage::Nothing {
        return best;
    }
    let near = mounts.iter().position(|mount| paths.iter().any(|path| is_near(mount, path)));
    near.map_or(MountCoverage::Nothing, MountCoverage::Near)
}

fn rank(cover: MountCoverage) -> u8 {
    match cover {
        MountCoverage::Mounted(_) => 4,
        MountCoverage::Shadowed(_) => 3,
        MountCoverage::Below(_) => 2,
        MountCoverage::Near(_) => 1,
        MountCoverage::Nothing | MountCoverage::Unknown => 0,
    }
}

fn coverage_of(at: usize, target: &str, path: &str, volumes: &[String]) -> MountCoverage {
    if within(path, target) {
        let hidden =
            volumes.iter().any(|volume| volume != target && within(volume, target) && within(path, volume));
        if hidden { MountCoverage::Shadowed(at) } else { MountCoverage::Mounted(at) }
    } else if within(target, path) {
        MountCoverage::Below(at)
    } else {
        MountCoverage::Nothing
    }
}

/// Paths of images for other things than data.
const NOT_DATA: &[&str] = &[
    "/etc/",
    "/run",
    "/tmp",
    "/dev",
    "/var/run",
    "/var/log",
    "/logs",
    "/log",
    "/docker-entrypoint",
    "/opt/bitnami",
    "/usr/local",
    "/certs",
    "/ssl",
    "/scripts",
    "/plugins",
    "/import",
    "/backup",
    "/root",
    "/home",
    "/init",
    "/conf",
    "/qdrant/snapshots",
    "/snapshots",
    "/var/lib/mysql-files",
    "/usr/share/elasticsearch/config",
    "/dumps",
    "/dump",
    "/usr/share/opensearch/config",
    "/proc",
    "/sys",
    "/entrypoint",
    "/usr/share/elasticsearch/plugins",
];

/// Whether a mount looks as if it was meant for the data.
fn is_near(mount: &LintMount, path: &str) -> bool {
    let Some(target) = mount.path() else { return false };
    let name = target.rsplit('/').next().unwrap_or_default();
    if mount.read_only || name.contains('.') || NOT_DATA.iter().any(|other| target.starts_with(other)) {
        return false;
    }
    let shared =
        target.split('/').zip(path.split('/')).skip(1).take_while(|(one, other)| one == other).count();
    let words = ["data", "storage", "db", "lib"];
    shared > 0 || words.iter().any(|word| target.contains(word))
}
