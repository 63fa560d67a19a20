//! The bind mounts of a running container as its processes have them.
//!
//! A mount keeps the directory that its path led to when the container started. If the path leads to another directory
//! since, the engine's answers and its archives are about the other one: it only stores the path. The kernel knows both:
//! `/proc/PID/mountinfo` may be read by everyone, the files below `/proc/PID/root` by root and by the container's user.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::engine::{
    ByteStream, Container, LiveEntry, MANY_ENTRIES, MOST_OF_A_FILE, Mount, MountSource, ReplacedMount,
};

/// How many chunks of an archive wait for their reader.
const CHUNKS: usize = 8;
const CHUNK: usize = 256 * 1024;

/// A process in a container, if this machine has it: the engine may run in a virtual machine.
#[derive(Debug, Clone)]
pub(super) struct LiveProcess {
    pid: u32,
    mounts: Vec<MountEntry>,
}

/// A line of `mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountEntry {
    /// Major and minor number of the file system.
    pub(super) device: String,
    /// The mounted directory, in the file system.
    pub(super) root: PathBuf,
    pub(super) mount_point: PathBuf,
}

impl MountEntry {
    /// Whether the mounted directory was deleted: it exists only for those who have it mounted.
    pub(super) fn is_deleted(&self) -> bool {
        self.root.as_os_str().as_bytes().ends_with(b"//deleted")
    }
}

impl LiveProcess {
    pub(super) fn find(pid: u32, container: &str) -> Option<Self> {
        let text = std::fs::read(format!("/proc/{pid}/mountinfo")).ok().filter(|_| pid > 0)?;
        // The engine mounts `/etc/hostname` and others from the container's own directory.
        let marker = format!("/containers/{container}/");
        let is_of_container = text.windows(marker.len()).any(|part| part == marker.as_bytes());
        is_of_container.then(|| Self { pid, mounts: parse(&text) })
    }

    /// The writable directories whose path on the host leads somewhere else now.
    pub(super) fn replaced(&self, container: &Container) -> Vec<ReplacedMount> {
        container
            .mounts
            .iter()
            .filter(|mount| !mount.read_only)
            .filter_map(|mount| self.check(mount))
            .collect()
    }

    fn check(&self, mount: &Mount) -> Option<ReplacedMount> {
        let MountSource::Bind { path } = &mount.source else { return None };
        let entry = self.mounts.iter().rev().find(|entry| entry.mount_point == mount.destination)?;
        let inside = self.open(&mount.destination).and_then(rustix::fs::fstat);
        let on_host = match rustix::fs::stat(path) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            // Not being able to look is no difference.
            Err(_) => return None,
        };
        // An editor that saves a file replaces it too.
        if !inside.as_ref().ok().or(on_host.as_ref()).is_none_or(is_directory) {
            return None;
        }
        let deleted = entry.is_deleted();
        let differs = match (&inside, &on_host) {
            (_, None) => true,
            (Ok(inside), Some(on_host)) => (inside.st_dev, inside.st_ino) != (on_host.st_dev, on_host.st_ino),
            (Err(_), Some(_)) => {
                deleted
                    || here(path).is_some_and(|(device, root)| device != entry.device || root != entry.root)
            }
        };
        differs.then(|| ReplacedMount { destination: mount.destination.clone(), path: path.clone(), deleted })
    }

    /// What is at a path; `None` if this process may not look at it.
    pub(super) fn look(&self, path: &Path) -> Option<LiveEntry> {
        let place = match self.open(path) {
            Ok(place) => place,
            Err(Errno::NOENT | Errno::NOTDIR) => return Some(LiveEntry::Missing),
            Err(_) => return None,
        };
        let stat = rustix::fs::fstat(&place).ok()?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let directory = open_directory(&place, Path::new(".")).ok()?;
                let has_data = has_file(&directory, &mut 0).ok()?;
                Some(LiveEntry::Directory { has_data })
            }
            FileType::RegularFile => {
                // A descriptor that only names a file cannot be read, but opened again.
                let file = File::open(format!("/proc/self/fd/{}", place.as_raw_fd())).ok()?;
                let mut content = Vec::new();
                file.take(MOST_OF_A_FILE).read_to_end(&mut content).ok()?;
                Some(LiveEntry::File(content))
            }
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => None,
        }
    }

    /// A path in the container. Links in the container cannot lead out of it.
    fn open(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(format!("/proc/{}/root", self.pid), directory, Mode::empty())?;
        let below = path.strip_prefix("/").unwrap_or(path);
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(root, below, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// A tar stream of a directory, in the form of the engine: with the directory itself as the top entry.
    pub(super) fn read(&self, path: &Path) -> io::Result<ByteStream> {
        let directory = open_directory(&self.open(path)?, Path::new("."))?;
        let top = PathBuf::from(path.file_name().unwrap_or(OsStr::new(".")));
        let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Vec<u8>>>(CHUNKS);
        std::thread::Builder::new().name("live-archive".to_owned()).spawn(move || {
            let pipe = ChunkWriter { sender: sender.clone(), chunk: Vec::with_capacity(CHUNK) };
            if let Err(error) = archive(&directory, &top, pipe) {
                let _ = sender.blocking_send(Err(error));
            }
        })?;
        Ok(Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        })))
    }
}

fn open_directory(at: &OwnedFd, name: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

/// Whether there is a file with content below a directory, or so many entries that it has data anyway.
fn has_file(directory: &OwnedFd, seen: &mut usize) -> rustix::io::Result<bool> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
        if name == Path::new(".") || name == Path::new("..") {
            continue;
        }
        *seen += 1;
        let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // It was deleted since the directory was read.
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        let found = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => stat.st_size > 0,
            FileType::Directory => match open_directory(directory, name) {
                Ok(below) => has_file(&below, seen)?,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => false,
                Err(error) => return Err(error),
            },
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => false,
        };
        if found || *seen > MANY_ENTRIES {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// The file system of a path of this process, and where it is there.
fn here(path: &Path) -> Option<(String, PathBuf)> {
    let path = path.canonicalize().ok()?;
    let mounts = parse(&std::fs::read("/proc/self/mountinfo").ok()?);
    // Of two mounts at one point, the later covers the other.
    let entry = mounts
        .iter()
        .filter(|entry| path.starts_with(&entry.mount_point))
        .max_by_key(|entry| entry.mount_point.components().count())?;
    let rest = path.strip_prefix(&entry.mount_point).ok()?;
    let root = if rest.as_os_str().is_empty() { entry.root.clone() } else { entry.root.join(rest) };
    Some((entry.device.clone(), root))
}

pub(super) fn parse(mountinfo: &[u8]) -> Vec<MountEntry> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').skip(2);
            Some(MountEntry {
                device: String::from_utf8_lossy(fields.next()?).into_owned(),
                root: unescape(fields.next()?),
                mount_point: unescape(fields.next()?),
            })
        })
        .collect()
}

/// The kernel writes space, tab, line end and backslash as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'\\').then(|| after.get(..3)).flatten();
        let code = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// Sends what is written to it in chunks.
struct ChunkWriter {
    sender: tokio::sync::mpsc::Sender<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
}

impl io::Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Writes a directory and everything below it. Sockets are left out, as the engine does.
fn archive(directory: &OwnedFd, top: &Path, pipe: ChunkWriter) -> io::Result<()> {
    let mut tar = tar::Builder::new(pipe);
    let stat = rustix::fs::fstat(directory)?;
    append(&mut tar, top, &stat, tar::EntryType::Directory, io::empty())?;
    below(&mut tar, directory, top)?;
    io::Write::flush(&mut tar.into_inner()?)
}

fn below(tar: &mut tar::Builder<ChunkWriter>, directory: &OwnedFd, path: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort();
    for name in names {
        match child(tar, directory, &name, &path.join(&name)) {
            // It was deleted since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|error| {
                io::Error::new(error.kind(), format!("`{}`: {error}", path.join(&name).display()))
            })?,
        }
    }
    Ok(())
}

fn child(
    tar: &mut tar::Builder<ChunkWriter>,
    directory: &OwnedFd,
    name: &OsStr,
    path: &Path,
) -> io::Result<()> {
    let open = |flags| {
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(directory, name, flags, Mode::empty())
    };
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let directory = open(OFlags::DIRECTORY)?;
            append(tar, path, &stat, tar::EntryType::Directory, io::empty())?;
            below(tar, &directory, path)
        }
        FileType::RegularFile => {
            // A named pipe may have taken its place, and would wait for a writer.
            let file = open(OFlags::NONBLOCK)?;
            let stat = rustix::fs::fstat(file.as_fd())?;
            let size = size(&stat)?;
            let content = Exactly { file: File::from(file), left: size };
            append(tar, path, &stat, tar::EntryType::Regular, content)
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
            let mut header = header(&stat, tar::EntryType::Symlink, 0);
            tar.append_link(&mut header, path, OsStr::from_bytes(target.to_bytes()))
        }
        FileType::Fifo => append(tar, path, &stat, tar::EntryType::Fifo, io::empty()),
        FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Ok(()),
    }
}

fn append(
    tar: &mut tar::Builder<ChunkWriter>,
    path: &Path,
    stat: &Stat,
    kind: tar::EntryType,
    content: impl Read,
) -> io::Result<()> {
    let size = if kind == tar::EntryType::Regular { size(stat)? } else { 0 };
    tar.append_data(&mut header(stat, kind, size), path, content)
}

fn size(stat: &Stat) -> io::Result<u64> {
    u64::try_from(stat.st_size).map_err(io::Error::other)
}

fn header(stat: &Stat, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header
}

/// Reads as many bytes as the header says: a file may grow meanwhile. One that shrinks is an error.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.file.read(&mut buffer[..most])? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file shrank while it was read")),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    fn process(destination: &Path, root: &Path) -> LiveProcess {
        // This process is its own container: `/proc/self/root` is its root.
        let (device, _) = here(root).unwrap_or_default();
        let entry = MountEntry { device, root: root.to_owned(), mount_point: destination.to_owned() };
        LiveProcess { pid: std::process::id(), mounts: vec![entry] }
    }

    fn bind(path: &Path, destination: &Path) -> Mount {
        let source = MountSource::Bind { path: path.to_owned() };
        Mount { source, destination: destination.to_owned(), read_only: false, subpath: None }
    }

    #[test]
    fn a_directory_is_replaced_when_its_path_leads_to_another_one() {
        let root = tempfile::tempdir().expect("a directory");
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        std::fs::create_dir(&old).expect("made");
        let process = process(&old, &old);
        assert_eq!(process.check(&bind(&old, &old)), None);
        std::os::unix::fs::symlink(&old, &new).expect("linked");
        assert_eq!(process.check(&bind(&new, &old)), None, "a link to the same directory");
        std::fs::remove_file(&new).expect("removed");
        let replaced = ReplacedMount { destination: old.clone(), path: new.clone(), deleted: false };
        assert_eq!(process.check(&bind(&new, &old)), Some(replaced.clone()), "nothing is there");
        std::fs::create_dir(&new).expect("made");
        assert_eq!(process.check(&bind(&new, &old)), Some(replaced), "another directory is there");
        assert_eq!(process.check(&bind(&new, &new)), None, "no such mount");
    }

    #[test]
    fn a_replaced_file_is_what_editors_do() {
        let root = tempfile::tempdir().expect("a directory");
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        std::fs::write(&old, "").expect("written");
        std::fs::write(&new, "").expect("written");
        assert_eq!(process(&old, &old).check(&bind(&new, &old)), None);
    }

    #[test]
    fn an_entry_is_what_the_processes_have() {
        let root = tempfile::tempdir().expect("a directory");
        let data = root.path().join("data");
        let process = process(&data, &data);
        let look = |path: &str| process.look(&data.join(path));
        assert_eq!(look(""), Some(LiveEntry::Missing));
        std::fs::create_dir_all(data.join("a/b")).expect("made");
        std::fs::write(data.join("lock"), "").expect("written");
        assert_eq!(look(""), Some(LiveEntry::Directory { has_data: false }), "only an empty file");
        std::os::unix::fs::symlink("/etc", data.join("link")).expect("linked");
        assert_eq!(look(""), Some(LiveEntry::Directory { has_data: false }), "a link is no data");
        std::fs::write(data.join("a/b/c"), "x").expect("written");
        assert_eq!(look(""), Some(LiveEntry::Directory { has_data: true }));
        assert_eq!(look("a/b/c"), Some(LiveEntry::File(b"x".to_vec())));
        assert_eq!(look("a/b/c/d"), Some(LiveEntry::Missing), "a file is no directory");
    }

    #[test]
    fn mountinfo_is_unescaped() {
        let text = b"36 35 98:0 /srv/my\\040data//deleted /var/lib/x rw,noatime - ext4 /dev/sda rw\n";
        let entry = &parse(text)[0];
        assert_eq!(entry.device, "98:0");
        assert_eq!(entry.root, Path::new("/srv/my data//deleted"));
        assert_eq!(entry.mount_point, Path::new("/var/lib/x"));
    }

    #[test]
    fn another_process_is_no_process_of_the_container() {
        assert!(LiveProcess::find(std::process::id(), "0123456789abcdef-not-a-container").is_none());
        assert!(LiveProcess::find(0, "").is_none());
    }

    #[tokio::test]
    async fn an_archive_has_everything_below_the_directory() {
        let root = tempfile::tempdir().expect("a directory");
        let data = root.path().join("data");
        std::fs::create_dir_all(data.join("sub")).expect("made");
        std::fs::write(data.join("sub/file"), vec![7; 300_000]).expect("written");
        std::os::unix::fs::symlink("/etc/passwd", data.join("link")).expect("linked");
        let _socket = std::os::unix::net::UnixListener::bind(data.join("socket")).expect("bound");
        let stream = process(&data, &data).read(&data).expect("opened");
        let bytes: Vec<u8> = stream.try_concat().await.expect("read");
        let mut found = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().expect("an archive") {
            let entry = entry.expect("an entry");
            found.push((entry.path().expect("a path").display().to_string(), entry.size()));
        }
        let expected = [("data", 0), ("data/link", 0), ("data/sub", 0), ("data/sub/file", 300_000)];
        assert_eq!(found, expected.map(|(path, size)| (path.to_owned(), size)));
    }
}
