//! What is below the data mounts of a store, read from the host without reading any file: a digest of the names, sizes, times
//! and inodes. Two equal digests prove that nothing was written in between, as long as nothing had the files open for writing
//! when the first was made, or what was written until then had been written out (see [`write_out`]).

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::contents::{self, PlaceContents};
use crate::backup::driver::DriverTarget;
use crate::fs::Digester;
use crate::inventory::{DataLocation, LocationSource};

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileTree {
    pub(super) digest: String,
    /// The space that an archive of it takes at most, in bytes. The holes of sparse files take none.
    pub(super) space: u64,
    /// The space of each place, by its path in the container.
    spaces: Vec<(PathBuf, u64)>,
    pub(super) places: Vec<PlaceContents>,
    /// By their paths in the container. The engine leaves them out.
    pub(super) sockets: Vec<PathBuf>,
}

impl FileTree {
    /// The space that an archive of one place takes at most, with what is mounted inside of it.
    pub(super) fn space_of(&self, target: &Path) -> u64 {
        self.spaces.iter().filter(|(path, _)| path.starts_with(target)).map(|(_, space)| space).sum()
    }
}

/// A place: its path in the container, and on this machine.
pub(super) type RootPaths = (PathBuf, PathBuf);

/// The digest; `None` where this process cannot see all the files.
pub(super) async fn digest(target: DriverTarget<'_>, places: &[&DataLocation]) -> Option<String> {
    look(target, places).await.map(|tree| tree.digest)
}

/// Everything that can be seen; `None` where this process cannot see all the files.
pub(super) async fn look(target: DriverTarget<'_>, places: &[&DataLocation]) -> Option<FileTree> {
    let roots = roots(target, places).await?;
    let marks = contents::program(target).map_or(&[][..], |program| program.files);
    tokio::task::spawn_blocking(move || of_roots(&roots, marks)).await.ok()?.ok()
}

/// Writes everything out that is in memory only, and so makes the digest reliable while processes are paused that have files
/// mapped into memory: the kernel sets the time of such a file when a page is first written to after it was written out, and
/// not again before the next time. `false` where that is not known to hold.
pub(super) async fn write_out(target: DriverTarget<'_>, places: &[&DataLocation]) -> bool {
    let Some(roots) = roots(target, places).await else { return false };
    let written = tokio::task::spawn_blocking(move || roots.iter().all(|(_, on_host)| sync(on_host).is_ok()));
    written.await.unwrap_or(false)
}

/// The file systems that are known to behave like this: ext2 to ext4, XFS and Btrfs, by their magic numbers (`statfs(2)`).
#[cfg(target_os = "linux")]
const KNOWN_FILE_SYSTEMS: [u32; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

#[cfg(target_os = "linux")]
fn sync(directory: &Path) -> io::Result<()> {
    let open = std::fs::File::open(directory)?;
    let kind = u32::try_from(rustix::fs::fstatfs(&open)?.f_type).map_err(io::Error::other)?;
    if KNOWN_FILE_SYSTEMS.iter().all(|known| *known != kind) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(rustix::fs::syncfs(&open)?)
}

#[cfg(not(target_os = "linux"))]
fn sync(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where places, and what is mounted inside of them, are on the host; `None` if that is on another machine or not known.
pub(super) async fn roots(target: DriverTarget<'_>, places: &[&DataLocation]) -> Option<Vec<RootPaths>> {
    if !target.local {
        return None;
    }
    let mut roots: Vec<RootPaths> = Vec::new();
    let below = |place: &&DataLocation| places.iter().any(|outer| place.target.starts_with(&outer.target));
    for place in target.store.locations.iter().filter(below) {
        let on_host = match &place.source {
            LocationSource::Tmpfs => continue,
            LocationSource::Layer | LocationSource::Volume { name: None, .. } => return None,
            LocationSource::Bind { path } => path.clone(),
            LocationSource::Volume { name: Some(name), .. } => {
                let volume = target.engine.volume(name).await.ok()??;
                // What its options mount is there only while a container uses it.
                if volume.driver != "local" || !volume.options.is_empty() {
                    return None;
                }
                volume.mountpoint
            }
        };
        roots.push((place.target.clone(), on_host));
    }
    roots.sort();
    (!roots.is_empty()).then_some(roots)
}

fn of_roots(roots: &[RootPaths], marks: &'static [&'static str]) -> io::Result<FileTree> {
    let mut walk = TreeWalk {
        digester: Digester::default(),
        space: 0,
        entries: 0,
        marks,
        is_recognized: false,
        sockets: Vec::new(),
    };
    let mut sockets = Vec::new();
    let (mut places, mut spaces) = (Vec::new(), Vec::new());
    for (target, on_host) in roots {
        walk.digester.update(target.as_os_str().as_bytes());
        (walk.entries, walk.is_recognized) = (0, false);
        let before = walk.space;
        walk.entry(on_host, Path::new(""), &on_host.symlink_metadata()?)?;
        spaces.push((target.clone(), walk.space - before));
        sockets.extend(walk.sockets.drain(..).map(|inside| target.join(inside)));
        places.push(PlaceContents {
            target: target.clone(),
            // The place itself counts as one.
            is_empty: walk.entries <= 1,
            is_recognized: walk.is_recognized,
        });
    }
    Ok(FileTree { digest: walk.digester.finish().to_string(), space: walk.space, spaces, places, sockets })
}

/// The header of an entry, its extended header, and the padding of its content.
const ENTRY: u64 = 2048;

struct TreeWalk {
    digester: Digester,
    space: u64,
    /// Of the place that is looked at.
    entries: u64,
    marks: &'static [&'static str],
    is_recognized: bool,
    /// Below the place that is looked at.
    sockets: Vec<PathBuf>,
}

impl TreeWalk {
    /// `inside` is the path below the place.
    fn entry(&mut self, path: &Path, inside: &Path, meta: &Metadata) -> io::Result<()> {
        let numbers = [meta.ino(), u64::from(meta.mode()), meta.size()];
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        for number in numbers {
            self.digester.update(&number.to_le_bytes());
        }
        for time in times {
            self.digester.update(&time.to_le_bytes());
        }
        self.entries += 1;
        self.is_recognized |= self.marks.iter().any(|mark| inside.ends_with(mark));
        self.space += ENTRY;
        if meta.file_type().is_socket() {
            self.sockets.push(inside.to_owned());
        }
        if meta.is_file() {
            // A block has 512 bytes here, whatever the file system has.
            self.space += meta.size().min(meta.blocks().saturating_mul(512)) / meta.nlink().max(1);
        }
        if !meta.is_dir() {
            return Ok(());
        }
        let mut names = std::fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        for name in names {
            self.digester.update(&[0]);
            self.digester.update(name.as_bytes());
            self.digester.update(&[0]);
            let path = path.join(&name);
            match path.symlink_metadata() {
                Ok(meta) => self.entry(&path, &inside.join(&name), &meta)?,
                // Something is writing, and the next digest will differ.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.digester.update(b"gone"),
                Err(error) => return Err(error),
            }
        }
        // The end of the directory.
        self.digester.update(&[0, 0]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn digest(root: &Path) -> String {
        of_roots(&[("/data".into(), root.to_owned())], &[]).expect("readable").digest
    }

    #[test]
    fn every_change_shows() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("a/file");
        fs::create_dir(root.path().join("a")).expect("made");
        fs::write(&file, "one").expect("written");
        let mut seen = vec![digest(root.path())];
        assert_eq!(digest(root.path()), seen[0], "nothing happened");
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(root.path().join("b"), "").expect("written"),
            &|| fs::write(&file, "more").expect("written"),
            &|| fs::rename(&file, root.path().join("a/other")).expect("renamed"),
            &|| fs::remove_file(root.path().join("a/other")).expect("removed"),
        ];
        for change in changes {
            change();
            let now = digest(root.path());
            assert!(!seen.contains(&now));
            seen.push(now);
        }
    }

    #[test]
    fn the_same_size_and_time_in_another_file_shows() {
        let root = tempfile::tempdir().expect("a directory");
        let (file, other) = (root.path().join("file"), root.path().join("other"));
        fs::write(&file, "one").expect("written");
        fs::write(&other, "two").expect("written");
        let time = file.metadata().expect("there").modified().expect("a time");
        let before = digest(root.path());
        fs::rename(&other, &file).expect("renamed");
        let options = fs::File::options().write(true).open(&file).expect("opened");
        options.set_modified(time).expect("set");
        assert_ne!(digest(root.path()), before);
    }

    #[test]
    fn what_cannot_be_seen_has_no_digest() {
        assert!(of_roots(&[("/data".into(), "/nonexistent".into())], &[]).is_err());
    }

    #[test]
    fn the_space_of_an_archive_is_known_without_reading_a_file() {
        let root = tempfile::tempdir().expect("a directory");
        let look =
            || of_roots(&[("/data".into(), root.path().to_owned())], &["PG_VERSION"]).expect("readable");
        assert!(look().places[0].is_empty);
        fs::create_dir(root.path().join("a")).expect("made");
        fs::write(root.path().join("a/file"), vec![7; 100_000]).expect("written");
        fs::hard_link(root.path().join("a/file"), root.path().join("link")).expect("linked");
        let sparse = fs::File::create(root.path().join("sparse")).expect("created");
        sparse.set_len(1 << 40).expect("extended");
        let tree = look();
        assert!((100_000..120_000).contains(&tree.space), "{}", tree.space);
        assert!(!tree.places[0].is_empty && !tree.places[0].is_recognized);
        fs::write(root.path().join("a/PG_VERSION"), "17").expect("written");
        assert!(look().places[0].is_recognized);
    }
}
