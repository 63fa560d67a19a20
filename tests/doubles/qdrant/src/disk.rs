//! Files: written whole or not at all, and the write-ahead log.
//!
//! Invariant: an operation is in the log before it is acknowledged, so a killed process loses nothing it said it
//! had. (A power cut is out of scope: nothing is synced to the device.)

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::point::{Point, PointId};

/// Write `bytes` beside `path` and rename it into place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let mut temporary = tempfile::Builder::new().prefix(".atomicwrite").tempfile_in(dir)?;
    temporary.write_all(bytes)?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write(path, &serde_json::to_vec(value)?)
}

/// Write `bytes` followed by a hole, so that the file is as sparse as the server's preallocated ones.
pub(crate) fn write_padded(path: &Path, bytes: &[u8], page: u64) -> io::Result<()> {
    write(path, bytes)?;
    let length = (bytes.len() as u64).div_ceil(page).max(1) * page;
    OpenOptions::new().write(true).open(path)?.set_len(length)
}

/// Move a directory, also across file systems.
pub(crate) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let beside = to.with_extension("tmp");
    fs::copy(from, &beside)?;
    fs::rename(&beside, to)?;
    fs::remove_file(from)
}

/// What one operation did, with everything resolved, so that doing it again changes nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) op: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) put: Vec<Point>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) del: Vec<PointId>,
    /// The operation was refused when it was applied; only its number is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) void: bool,
}

/// The file of the log that says how much of it is in the segments.
const FIRST_INDEX: &str = "first-index";

/// An append-only log of JSON lines in a preallocated (sparse) file.
#[derive(Debug)]
pub(crate) struct Wal {
    path: PathBuf,
    file: File,
    end: u64,
    capacity: u64,
}

impl Wal {
    /// Open the log in `dir`, and read the entries in it. A torn last line was never acknowledged and is dropped.
    pub(crate) fn open(dir: &Path, capacity: u64) -> io::Result<(Self, Vec<Entry>)> {
        fs::create_dir_all(dir)?;
        let path = dir.join("open-1");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut entries = Vec::new();
        let mut end = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Ok(entry) = serde_json::from_slice(line) else { break };
            if line.last() != Some(&b'\n') {
                break;
            }
            entries.push(entry);
            end += line.len() as u64;
        }
        file.set_len(end)?;
        file.set_len(end.max(capacity))?;
        Ok((Self { path, file, end, capacity }, entries))
    }

    pub(crate) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&line)?;
        self.end += line.len() as u64;
        Ok(())
    }

    /// Forget everything up to an operation, after it has been written to the segments. Numbers are not given out twice.
    pub(crate) fn clear(&mut self, until: u64) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        write_json(&dir.join(FIRST_INDEX), &serde_json::json!({ "ack_index": until }))?;
        let fresh = tempfile::Builder::new().prefix(".wal").tempfile_in(dir)?;
        fresh.as_file().set_len(self.capacity)?;
        self.file = fresh.persist(&self.path).map_err(|error| error.error)?;
        self.end = 0;
        Ok(())
    }

    /// The last operation that was forgotten.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        let bytes = fs::read(self.path.parent()?.join(FIRST_INDEX)).ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()?["ack_index"].as_u64()
    }

    pub(crate) fn used(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_tail_is_dropped_and_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (mut wal, entries) = Wal::open(dir.path(), 4096).unwrap();
        assert!(entries.is_empty());
        wal.append(&Entry { op: 1, ..Entry::default() }).unwrap();
        let path = dir.path().join("open-1");
        let mut bytes = fs::read(&path).unwrap();
        let used = usize::try_from(wal.used()).unwrap();
        bytes.splice(used..used + 8, *b"{\"op\":2,");
        fs::write(&path, bytes).unwrap();

        let (mut wal, entries) = Wal::open(dir.path(), 4096).unwrap();
        assert_eq!(entries.iter().map(|e| e.op).collect::<Vec<_>>(), [1]);
        wal.append(&Entry { op: 3, ..Entry::default() }).unwrap();
        let (mut wal, entries) = Wal::open(dir.path(), 4096).unwrap();
        assert_eq!(entries.iter().map(|e| e.op).collect::<Vec<_>>(), [1, 3]);
        wal.clear(3).unwrap();
        assert_eq!(wal.acknowledged(), Some(3));
        assert!(Wal::open(dir.path(), 4096).unwrap().1.is_empty());
    }
}
