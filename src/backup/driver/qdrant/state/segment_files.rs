//! The identity of the segments' files on the server's disk: inode and time of the last change of each `version.info`,
//! which is written once when its segment is created. Only this distinguishes a collection from a snapshot of it that
//! was restored over it: counters and segments are the same (measured, 1.19.0).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use crate::backup::driver::DriverTarget;
use crate::backup::driver::qdrant::server::access;
use crate::engine::MountSource;

/// The timeout for listing the files in the container.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A longer list is not one of segments.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Segments and their identities.
#[derive(Debug, Default)]
pub(crate) struct SegmentFileIds(BTreeMap<String, String>);

impl SegmentFileIds {
    /// Without any files.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn of(&self, segment: &str) -> Option<String> {
        self.0.get(segment).cloned()
    }

    /// Reads the files on this machine if they are accessible, otherwise inside the container. Empty if neither works.
    pub(crate) async fn take(target: DriverTarget<'_>) -> Self {
        if let Some(directory) = directory(target).await
            && let Some(found) = on_this_machine(&directory)
        {
            return found;
        }
        let inside = tokio::time::timeout(TIMEOUT, in_the_container(target)).await;
        inside.ok().flatten().unwrap_or_default()
    }
}

/// The directory of the collections, on this machine.
async fn directory(target: DriverTarget<'_>) -> Option<PathBuf> {
    if !target.local {
        return None;
    }
    let storage = access::storage_path(target);
    let mounts = &target.store.container.as_ref()?.mounts;
    let mount = mounts
        .iter()
        .filter(|mount| storage.starts_with(&mount.destination))
        .max_by_key(|mount| mount.destination.components().count())?;
    let mut directory = match &mount.source {
        MountSource::Bind { path } => path.clone(),
        MountSource::Volume { name, .. } => target.engine.volume(name).await.ok()??.mountpoint,
        MountSource::Tmpfs | MountSource::Other => return None,
    };
    directory.extend(&mount.subpath);
    directory.push(storage.strip_prefix(&mount.destination).ok()?);
    Some(directory.join("collections"))
}

/// `None` if the directory cannot be read: the engine may run in a virtual machine.
fn on_this_machine(collections: &Path) -> Option<SegmentFileIds> {
    let mut found = BTreeMap::new();
    for shard in below(collections)?.iter().filter_map(|collection| below(collection)).flatten() {
        for segment in below(&shard.join("segments")).unwrap_or_default() {
            let Ok(file) = fs::symlink_metadata(segment.join("version.info")) else { continue };
            let name = segment.file_name()?.to_string_lossy().into_owned();
            found.insert(name, identity(file.ino(), file.ctime(), file.ctime_nsec()));
        }
    }
    Some(SegmentFileIds(found))
}

fn below(directory: &Path) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).ok()?;
    Some(entries.flatten().map(|entry| entry.path()).collect())
}

fn identity(inode: u64, seconds: i64, nanoseconds: i64) -> String {
    format!("{inode}@{seconds}.{nanoseconds:09}")
}

/// With `find`, which the official image has.
async fn in_the_container(target: DriverTarget<'_>) -> Option<SegmentFileIds> {
    let container = target.store.container.as_ref()?;
    let collections = access::storage_path(target).join("collections");
    let argv = [
        "find",
        collections.to_str()?,
        "-mindepth",
        "5",
        "-maxdepth",
        "5",
        "-path",
        "*/segments/*/version.info",
        "-printf",
        "%h %i %C@\\n",
    ];
    let pipe = target.engine.exec(&container.id, &argv).await.ok()?;
    let mut printed = String::new();
    pipe.stdout.take(LONGEST).read_to_string(&mut printed).await.ok()?;
    Some(read(&printed))
}

pub(crate) fn read(printed: &str) -> SegmentFileIds {
    let line = |line: &str| {
        let mut words = line.rsplitn(3, ' ');
        let (time, inode, directory) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let (seconds, fraction) = time.split_once('.')?;
        let nanoseconds = fraction.get(..9)?.parse().ok()?;
        let segment = Path::new(directory).file_name()?.to_str()?.to_owned();
        Some((segment, identity(inode, seconds.parse().ok()?, nanoseconds)))
    };
    SegmentFileIds(printed.lines().filter_map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_looking_say_the_same() {
        let printed =
            "/qdrant/storage/collections/com espaço/0/segments/3ec5 12 1700000000.1234567890\nrubbish\n";
        let found = read(printed);
        assert_eq!(found.of("3ec5").as_deref(), Some("12@1700000000.123456789"));
        assert_eq!(found.0.len(), 1);
        assert_eq!(identity(12, 1_700_000_000, 123_456_789), "12@1700000000.123456789");
        assert_eq!(identity(12, 1, 5), "12@1.000000005");
    }

    #[test]
    fn a_file_that_was_replaced_has_another_identity() {
        let dir = tempfile::tempdir().expect("a directory");
        let segment = dir.path().join("c/0/segments/s");
        fs::create_dir_all(&segment).expect("made");
        fs::write(segment.join("version.info"), "0.6.0").expect("written");
        let before = on_this_machine(dir.path()).expect("readable").of("s").expect("there");
        assert_eq!(on_this_machine(dir.path()).expect("readable").of("s").as_deref(), Some(before.as_str()));
        fs::write(segment.join("new"), "0.6.0").expect("written");
        fs::rename(segment.join("new"), segment.join("version.info")).expect("replaced");
        assert_ne!(on_this_machine(dir.path()).expect("readable").of("s"), Some(before));
        assert!(on_this_machine(&dir.path().join("none")).is_none());
    }
}
