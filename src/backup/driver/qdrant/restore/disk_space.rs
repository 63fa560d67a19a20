//! Checks the free space on a server's disk before a restore.
//!
//! Only a certain failure is refused: the sizes are the minimum that a restore needs.

use std::path::Path;

use anyhow::bail;
use tokio::io::AsyncReadExt as _;

use crate::backup::driver::DriverTarget;
use crate::backup::driver::qdrant::server::access::in_home;
use crate::engine::{Container, MountSource};
use crate::units::Bytes;

/// The file system that a directory of the server is on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Disk {
    /// Identifies the file system.
    id: String,
    free: u64,
}

/// The directory of the server's snapshots in its container.
pub(crate) fn snapshots(container: &Container) -> String {
    directory(container, "QDRANT__STORAGE__SNAPSHOTS_PATH", "snapshots")
}

fn storage(container: &Container) -> String {
    directory(container, "QDRANT__STORAGE__STORAGE_PATH", "storage")
}

fn directory(container: &Container, variable: &str, default: &str) -> String {
    let set = container.environment.get(variable).map(|value| value.expose().trim());
    let path = set.filter(|path| !path.is_empty()).unwrap_or(default);
    in_home(path).to_string_lossy().into_owned()
}

/// The space that a restore needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpaceNeeded {
    pub(crate) storage: u64,
    pub(crate) snapshots: u64,
}

impl SpaceNeeded {
    /// The minimum that each of several nodes needs, however the shards are distributed.
    pub(crate) fn shared_by(self, nodes: u64) -> Self {
        Self { storage: self.storage / nodes, snapshots: self.snapshots / nodes }
    }
}

/// Fails if the server would certainly run out of space. If the free space is unknown, it passes.
pub(crate) async fn ensure(target: DriverTarget<'_>, need: SpaceNeeded) -> anyhow::Result<()> {
    let container = target.container()?;
    let storage = disk(target, container, &storage(container)).await;
    let snapshots = disk(target, container, &snapshots(container)).await;
    judge(storage, snapshots, need)
}

fn judge(storage: Option<Disk>, snapshots: Option<Disk>, need: SpaceNeeded) -> anyhow::Result<()> {
    let wants = match (storage, snapshots) {
        (Some(storage), Some(snapshots)) if storage.id == snapshots.id => {
            vec![("", storage.free.min(snapshots.free), need.storage + need.snapshots)]
        }
        (storage, snapshots) => [
            storage.map(|disk| (" for data", disk.free, need.storage)),
            snapshots.map(|disk| (" for snapshots", disk.free, need.snapshots)),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    for (which, free, needed) in wants {
        if free < needed {
            bail!(
                "the server's disk{which} has {} free, and at least {} are needed; nothing was changed",
                Bytes(free),
                Bytes(needed)
            );
        }
    }
    Ok(())
}

/// From `df` in the container; without it, from the mounted directory if the engine is on this machine.
async fn disk(target: DriverTarget<'_>, container: &Container, path: &str) -> Option<Disk> {
    if let Some(found) = df(target, container, path).await {
        return Some(found);
    }
    let mount = container.mount_of(Path::new(path))?;
    match &mount.source {
        MountSource::Bind { path } if target.local => {
            let free = crate::fs::free_bytes(path).ok()?;
            Some(Disk { id: path.display().to_string(), free })
        }
        _ => None,
    }
}

async fn df(target: DriverTarget<'_>, container: &Container, path: &str) -> Option<Disk> {
    let mut pipe = target.engine.exec(&container.id, &["df", "-Pk", path]).await.ok()?;
    let mut printed = String::new();
    // A program that does not end is not waited for.
    let read = pipe.stdout.read_to_string(&mut printed);
    tokio::time::timeout(std::time::Duration::from_secs(10), read).await.ok()?.ok()?;
    parse(&printed)
}

/// The last line of POSIX `df -Pk`: file system, blocks, used, available, capacity, mount point.
fn parse(printed: &str) -> Option<Disk> {
    let mut lines = printed.lines();
    lines.next()?;
    let words: Vec<&str> = lines.next()?.split_whitespace().collect();
    // The name of a file system may contain spaces, so the columns are counted from the percentage.
    let at = words.iter().position(|word| word.ends_with('%') && word.len() > 1)?;
    let free: u64 = words.get(at.checked_sub(1)?)?.parse().ok()?;
    Some(Disk { id: words.get(at + 1..)?.join(" "), free: free * 1024 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures;
    use crate::secret::Secret;

    fn on(id: &str, free: u64) -> Disk {
        Disk { id: id.into(), free }
    }

    #[test]
    fn df_is_read() {
        let printed = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                       /dev/my disk     102400    2048     99328       2% /qdrant/storage\n";
        assert_eq!(parse(printed), Some(on("/qdrant/storage", 99_328 * 1024)));
        for odd in ["", "Filesystem\n", "a\nb c d\n", "a\n5%\n"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn one_disk_has_to_hold_both() {
        let need = SpaceNeeded { storage: 200, snapshots: 100 };
        judge(Some(on("/", 300)), Some(on("/", 300)), need).expect("enough");
        let error =
            judge(Some(on("/", 299)), Some(on("/", 299)), need).expect_err("one byte short").to_string();
        assert!(error.contains("disk has 299 bytes free") || error.contains("299"), "{error}");
        judge(Some(on("/a", 200)), Some(on("/b", 100)), need).expect("enough");
        assert!(judge(Some(on("/a", 199)), Some(on("/b", 100)), need).is_err());
        let error = judge(Some(on("/a", 200)), Some(on("/b", 99)), need).expect_err("short").to_string();
        assert!(error.contains("for snapshots"), "{error}");
        judge(None, None, need).expect("nobody knows");
        assert!(judge(None, Some(on("/b", 99)), need).is_err());
    }

    #[test]
    fn the_container_says_where_its_places_are() {
        let mut container = fixtures::container();
        assert_eq!(
            (storage(&container), snapshots(&container)),
            ("/qdrant/storage".into(), "/qdrant/snapshots".into())
        );
        let mut set = |value: &str| {
            container.environment.insert("QDRANT__STORAGE__SNAPSHOTS_PATH".into(), Secret::new(value));
            snapshots(&container)
        };
        assert_eq!(set("./storage/snap"), "/qdrant/storage/snap");
        assert_eq!(set("/data/snap"), "/data/snap");
        assert_eq!(set("../x"), "/x");
    }
}
