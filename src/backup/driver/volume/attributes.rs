//! What the engine leaves out of its archives, read from the host: extended attributes and ACLs, fractions of seconds, and
//! which files have holes.
//!
//! Measured with engine 20.10: of the extended attributes, its archives have `security.capability` alone; times are cut to
//! seconds; holes are zeros; sockets are missing. What is added here is in the form that the engine and GNU tar unpack.

use std::path::{Path, PathBuf};

use super::tar_entries::TarEntry;
use super::tree::{self, RootPaths};
use crate::backup::driver::DriverTarget;
use crate::inventory::DataLocation;

/// The record of a file with holes. Its zeros are in the archive; `comment` is the key that every reader ignores.
const HOLES: (&[u8], &[u8]) = (b"comment", b"safe-compose: has holes");

/// Reads the attributes of the files of one place.
pub(super) struct HostAttributes {
    /// What is deepest in the container comes first.
    roots: Vec<RootPaths>,
    /// The directory that the place is in, in the container: every path in the archive is below it.
    parent: PathBuf,
    /// Nothing was unreadable.
    is_complete: bool,
}

impl HostAttributes {
    /// `None` where this process cannot see the files.
    pub(super) async fn of(target: DriverTarget<'_>, place: &DataLocation) -> Option<Self> {
        let mut roots = tree::roots(target, &[place]).await?;
        if roots.iter().any(|(_, on_host)| std::fs::symlink_metadata(on_host).is_err()) {
            return None;
        }
        roots.reverse();
        let parent = place.target.parent()?.to_owned();
        Some(Self { roots, parent, is_complete: true })
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Adds to an entry what its file has.
    pub(super) fn add_to(&mut self, entry: &mut TarEntry) {
        let Some(on_host) = self.on_host(&entry.path()) else {
            self.is_complete = false;
            return;
        };
        match host::add(entry, &on_host) {
            Ok(()) => {}
            // It was removed meanwhile, which is noticed in another way.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let (path, error) = (on_host.display().to_string(), error.to_string());
                tracing::debug!(path, error, "the attributes of a file cannot be read");
                self.is_complete = false;
            }
        }
    }

    fn on_host(&self, in_archive: &Path) -> Option<PathBuf> {
        let in_container = self.parent.join(in_archive);
        let mut roots = self.roots.iter();
        let (target, on_host) = roots.find(|(target, _)| in_container.starts_with(target))?;
        let below = in_container.strip_prefix(target).ok()?;
        Some(if below.as_os_str().is_empty() { on_host.clone() } else { on_host.join(below) })
    }
}

/// Whether a file had holes.
pub(super) fn has_holes(entry: &TarEntry) -> bool {
    entry.kind() == b'0' && entry.records.get(HOLES.0) == Some(HOLES.1)
}

#[cfg(not(target_os = "linux"))]
mod host {
    use std::io;
    use std::path::Path;

    use super::TarEntry;

    pub(super) fn add(_: &mut TarEntry, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
mod host {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;

    use rustix::fs::{OFlags, SeekFrom, seek};

    use super::{HOLES, TarEntry};
    use crate::backup::driver::volume::pax::FileTime;
    use crate::backup::driver::volume::xattr;

    pub(super) fn add(entry: &mut TarEntry, path: &Path) -> io::Result<()> {
        let meta = path.symlink_metadata()?;
        let time = FileTime {
            seconds: meta.mtime(),
            nanoseconds: u32::try_from(meta.mtime_nsec()).map_err(io::Error::other)?,
        };
        if time.nanoseconds != 0 || time.seconds < 0 {
            entry.records.set(b"mtime", time.to_text().into_bytes());
        }
        for (name, value) in xattr::read(path)? {
            entry.records.set_attribute(&name, value);
        }
        if entry.kind() == b'0' && meta.is_file() && is_sparse(path, &meta) {
            entry.records.set(HOLES.0, HOLES.1.to_vec());
        }
        Ok(())
    }

    /// A file system that compresses uses fewer blocks for files without holes, too.
    fn is_sparse(path: &Path, meta: &Metadata) -> bool {
        if meta.blocks().saturating_mul(512) >= meta.size() {
            return false;
        }
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
        match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => first_hole(&file).is_none_or(|hole| hole < meta.size()),
            Err(_) => true,
        }
    }

    fn first_hole(file: &File) -> Option<u64> {
        seek(file, SeekFrom::Hole(0)).ok()
    }
}
