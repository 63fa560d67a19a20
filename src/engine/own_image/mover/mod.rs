//! The program of mover containers: it moves and removes the files on a list.
//!
//! The engine can add files to a container, but neither move nor remove any. A restore needs that, in volumes of services
//! whose images have no shell. The only argument is the path of the list, which [`MoveList`] writes: a sequence of
//!
//! - `m`, a path, NUL, another path, NUL: rename the first to the second, unless the second exists;
//! - `u`, a path, NUL: remove a file;
//! - `d`, a path, NUL: remove an empty directory;
//! - `e`: the end.
//!
//! A path that does not exist is no error. So a list can be carried out again after an interruption, at any point: each
//! operation that was done before is passed over. A list without its end does nothing at all, because it was not written
//! completely. The file system is synced before the first operation, so that nothing is moved that is not on disk, and
//! after the last.
//!
//! The exit code is 0, the number of the system error that stopped it, or [`INCOMPLETE`].

mod aarch64;
mod arm;
mod i386;
mod x86_64;

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::elf;

/// The exit code for a list without its end.
pub const INCOMPLETE: i64 = 255;

/// The program for an architecture, by the names in images: `amd64`, `arm64`, `386`, `arm`.
pub(super) fn program(architecture: &str) -> Option<Vec<u8>> {
    let code = match architecture {
        "amd64" => x86_64::CODE,
        "arm64" => aarch64::CODE,
        "386" => i386::CODE,
        "arm" => arm::CODE,
        _ => return None,
    };
    elf::executable(architecture, code)
}

/// What the program is to do, in this order. All paths are absolute: that tells the end apart from a path that was cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoveList(Vec<u8>);

/// One operation of a [`MoveList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    Rename { from: &'a Path, to: &'a Path },
    RemoveFile(&'a Path),
    RemoveDirectory(&'a Path),
}

impl MoveList {
    pub fn push(&mut self, operation: Operation<'_>) {
        let (letter, paths) = match operation {
            Operation::Rename { from, to } => (b'm', vec![from, to]),
            Operation::RemoveFile(path) => (b'u', vec![path]),
            Operation::RemoveDirectory(path) => (b'd', vec![path]),
        };
        self.0.push(letter);
        for path in paths {
            debug_assert!(path.is_absolute(), "the end of a list is told from a path by its first letter");
            self.0.extend(path.as_os_str().as_bytes());
            self.0.push(0);
        }
    }

    /// The content of the list's file.
    pub fn into_bytes(mut self) -> Vec<u8> {
        // Without any operation, too, the end is behind a NUL.
        if self.0.is_empty() {
            self.push(Operation::RemoveFile(Path::new("/nonexistent")));
        }
        self.0.push(b'e');
        self.0
    }

    /// Whether the content of a list's file has its end.
    pub fn is_complete(bytes: &[u8]) -> bool {
        bytes.ends_with(b"\0e")
    }

    /// The operations of a complete list, as the program reads them; `None` for another.
    #[cfg(any(test, feature = "internals"))]
    pub fn parse(bytes: &[u8]) -> Option<Vec<Operation<'_>>> {
        let mut fields = bytes.strip_suffix(b"\0e")?.split(|byte| *byte == 0);
        let path = |bytes| Path::new(std::ffi::OsStr::from_bytes(bytes));
        let mut operations = Vec::new();
        while let Some((letter, first)) = fields.next().and_then(<[u8]>::split_first) {
            operations.push(match letter {
                b'm' => Operation::Rename { from: path(first), to: path(fields.next()?) },
                b'u' => Operation::RemoveFile(path(first)),
                b'd' => Operation::RemoveDirectory(path(first)),
                _ => return None,
            });
        }
        Some(operations)
    }
}

#[cfg(test)]
mod tests;
