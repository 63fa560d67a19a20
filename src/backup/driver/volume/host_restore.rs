//! What the engine cannot unpack, done on the host: holes, times before 1970, and exactly the recorded attributes.
//!
//! Measured with engine 20.10: it unpacks extended attributes, ACLs and fractions of seconds, but writes the zeros of holes,
//! makes 1970 of earlier times, and lets new files inherit an ACL from the directory that it has just unpacked.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, ensure};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, Timespec, Timestamps, openat2, statat, utimensat,
};

use super::attributes::has_holes;
use super::tar_entries::{TarEntry, TarWalkError, walk};
use super::{archive_file, xattr};

/// The smallest hole. File systems have blocks of this size.
const BLOCK: usize = 4096;

/// The directory in which the engine has unpacked an archive, on the host.
pub(super) struct HostDirectory {
    directory: OwnedFd,
}

impl HostDirectory {
    /// `None` where this process cannot write there as root can.
    pub(super) fn open(path: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // The host's own links may lead to a volume.
        let directory = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::empty()).ok()?;
        Some(Self { directory })
    }

    /// Gives everything that was unpacked from an archive what the archive records. Files with holes were unpacked empty
    /// and get their content. Returns how many files have extended attributes that the file system does not support.
    pub(super) fn complete(&self, archive: &Path) -> anyhow::Result<u64> {
        let tar = archive_file::open(archive)?;
        let mut without_attributes = 0;
        let mut parent: Option<(PathBuf, OwnedFd)> = None;
        walk(tar, |entry, content| {
            let path = entry.path();
            let has_all = self
                .complete_one(&mut parent, entry, content)
                .with_context(|| format!("`{}` cannot get its attributes", path.display()))?;
            without_attributes += u64::from(!has_all);
            Ok(())
        })
        .map_err(|error| match error {
            TarWalkError::Visit(error) => error,
            TarWalkError::Read(error) | TarWalkError::Damaged(error) => error.into(),
            TarWalkError::Truncated(_) | TarWalkError::Trailing { .. } => {
                anyhow::anyhow!("`{}` is damaged", archive.display())
            }
        })?;
        Ok(without_attributes)
    }

    /// Returns whether the file has all of its attributes.
    fn complete_one(
        &self,
        parent: &mut Option<(PathBuf, OwnedFd)>,
        entry: &TarEntry,
        content: &mut dyn Read,
    ) -> anyhow::Result<bool> {
        let path = entry.path();
        let normal = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let (Some(name), true) = (path.file_name(), normal) else { anyhow::bail!("it is outside") };
        let above = path.parent().unwrap_or(Path::new(""));
        if parent.as_ref().is_none_or(|(known, _)| known != above) {
            *parent = Some((above.to_owned(), self.directory(above)?));
        }
        let directory = &parent.as_ref().context("it has no directory")?.1;
        if has_holes(entry) {
            fill(directory, name.as_bytes(), entry.size, content)?;
        }
        // A path whose directory cannot be replaced; the functions for attributes take no directory.
        let by_descriptor = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
        // A hard link has those of the file that it is a link to.
        let has_all = entry.kind() == b'1' || xattr::write(&by_descriptor, entry.records.attributes())?;
        let time = entry.mtime()?;
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if (stat.st_mtime, u64::from(time.nanoseconds)) != (time.seconds, stat.st_mtime_nsec) {
            let time = Timespec { tv_sec: time.seconds, tv_nsec: time.nanoseconds.into() };
            let times = Timestamps { last_access: time, last_modification: time };
            utimensat(directory, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(has_all)
    }

    /// A directory that was unpacked. No symbolic link is followed, wherever it is.
    fn directory(&self, below: &Path) -> io::Result<OwnedFd> {
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(&self.directory, below, flags, Mode::empty(), resolve)?)
    }
}

/// Writes the content of a file with holes; blocks of zeros become holes.
fn fill(directory: &OwnedFd, name: &[u8], size: u64, content: &mut dyn Read) -> anyhow::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let file = File::from(openat2(directory, name, flags, Mode::empty(), resolve)?);
    let meta = file.metadata()?;
    ensure!(meta.is_file() && meta.len() == 0, "it is not the file that was unpacked");
    file.set_len(size)?;
    let mut buffer = vec![0; 64 * BLOCK];
    let mut at = 0;
    loop {
        let read = read_full(content, &mut buffer)?;
        if read == 0 {
            break;
        }
        for block in buffer[..read].chunks(BLOCK) {
            if block.iter().any(|byte| *byte != 0) {
                file.write_all_at(block, at)?;
            }
            at += block.len() as u64;
        }
    }
    ensure!(at == size, "its content is incomplete");
    file.sync_data()?;
    Ok(())
}

/// As many bytes as there are, up to the length of the buffer.
fn read_full(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match content.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
