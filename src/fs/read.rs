//! Reads files of ours that somebody else may have replaced: by a link, a pipe, a device, or something enormous.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::{FsError, PRIVATE_FILE, Result};

/// The most that is read of a file that describes backups, in bytes. None comes near it.
const MOST: u64 = 256 * 1024 * 1024;

/// Opens a regular file. A symbolic link in its place is not followed, and a pipe that nobody writes to is not waited for.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    regular(openat(CWD, path, flags, Mode::empty()).map(File::from))
}

/// Opens a file for reading and writing, and creates it if needed, with the same care.
pub(super) fn open_or_create(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    regular(openat(CWD, path, flags | more, Mode::from_raw_mode(PRIVATE_FILE)).map(File::from))
}

/// What was opened without following a link, if it is a regular file.
fn regular(opened: rustix::io::Result<File>) -> io::Result<File> {
    match opened {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) | Err(rustix::io::Errno::NXIO) => Err(not_a_file("not a regular file")),
        Err(rustix::io::Errno::LOOP) => Err(not_a_file("a symbolic link, which is not followed")),
        Err(other) => Err(other.into()),
    }
}

fn not_a_file(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Reads a regular file that describes backups, and refuses one that is too large for that.
pub fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, MOST)
}

fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    #[cfg(any(test, feature = "internals"))]
    recorded::record(path);
    let mut bytes = Vec::new();
    // The length may change while it is read.
    let is_small = file.metadata()?.len() <= most;
    if is_small && file.take(most + 1).read_to_end(&mut bytes)? as u64 <= most {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large to be what its name says"))
}

/// The same, with the path in the error. `None` if there is no such file.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match read_bounded(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FsError::io("read", path, source)),
    }
}

/// Whether there is nothing at a path. `false` where the system fails to look: whoever reads it then says why.
pub fn is_missing(path: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    path.symlink_metadata().is_err_and(|error| matches!(error.kind(), NotADirectory | NotFound))
}

/// Whether the system failed to read a file that is there: that says nothing about what is in it.
pub fn is_read_failure(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    error.raw_os_error().is_some() && !matches!(error.kind(), IsADirectory | NotADirectory | NotFound)
}

/// What was read, for tests of how much a command reads.
#[cfg(any(test, feature = "internals"))]
mod recorded {
    use std::cell::RefCell;
    use std::path::{Path, PathBuf};

    thread_local! {
        static READ: RefCell<Option<Vec<PathBuf>>> = const { RefCell::new(None) };
    }

    pub(super) fn record(path: &Path) {
        READ.with_borrow_mut(|read| read.iter_mut().for_each(|read| read.push(path.to_owned())));
    }

    /// The files that describe backups and that this thread reads while something runs.
    pub fn files_read(run: impl FnOnce()) -> Vec<PathBuf> {
        READ.set(Some(Vec::new()));
        run();
        READ.take().unwrap_or_default()
    }
}

#[cfg(any(test, feature = "internals"))]
pub use recorded::files_read;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_of_a_sensible_size_are_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("file"), "abc").expect("written");
        assert_eq!(read_bounded(&path("file")).expect("read"), b"abc");
        assert_eq!(read_if_there(&path("none")).expect("nothing"), None);
        assert_eq!(
            read_at_most(&path("file"), 2).expect_err("too large").kind(),
            io::ErrorKind::FileTooLarge
        );
        assert_eq!(read_at_most(&path("file"), 3).expect("just fits"), b"abc");

        symlink(path("file"), path("link")).expect("linked");
        rustix::fs::mknodat(CWD, path("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("bound");
        for (name, why) in [
            ("link", "a symbolic link, which is not followed"),
            ("pipe", "not a regular file"),
            ("socket", "not a regular file"),
            (".", "not a regular file"),
        ] {
            assert_eq!(read_bounded(&path(name)).expect_err(name).to_string(), why, "{name}");
        }
        assert_eq!(
            read_bounded(Path::new("/dev/zero")).expect_err("a device").to_string(),
            "not a regular file"
        );
        assert!(read_if_there(&path("link")).expect_err("a link").to_string().contains("link"));
        for (name, expected) in [("none", true), ("file/below", true), ("file", false), ("link", false)] {
            assert_eq!(is_missing(&path(name)), expected, "{name}");
        }
        assert!(!is_missing(&path(&"n".repeat(300))), "the system fails to look");
        for name in ["none", "link", "pipe", ".", "file/below"] {
            assert!(!is_read_failure(&read_bounded(&path(name)).expect_err(name)), "{name}");
        }
        assert!(is_read_failure(&io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())));
    }
}
