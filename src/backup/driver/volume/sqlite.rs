//! SQLite databases among the files of an archive: each is unpacked with its journals while the archive is read back, and
//! checked by SQLite itself.
//!
//! They are recognized by what they begin with (<https://www.sqlite.org/fileformat2.html>): names say nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::tar_summary::{Item, Visitor};
use crate::backup::sqlite::{SqliteDatabase, SqliteResult};
use crate::fs::{Digest, FsError, NewFile, ensure_reserve, remove_tree};

/// What a database begins with.
const DATABASE: &[u8] = b"SQLite format 3\0";
/// What a write-ahead log begins with; the last bit is the byte order of its checksums.
const WRITE_AHEAD_LOG: [&[u8]; 2] = [&[0x37, 0x7f, 0x06, 0x82], &[0x37, 0x7f, 0x06, 0x83]];
/// What a rollback journal begins with. One that is not needed any more begins with zeros.
const ROLLBACK_JOURNAL: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// SQLite appends these to the name of the database.
const WRITE_AHEAD_LOG_SUFFIX: &str = "-wal";
const ROLLBACK_JOURNAL_SUFFIX: &str = "-journal";

/// How many bytes are unpacked before the free space is looked at again.
const CHECKED: u64 = 64 * 1024 * 1024;

/// Unpacks the databases of an archive. Dropping it removes them.
pub(crate) struct SqliteFiles {
    /// Created when the first file is unpacked.
    directory: PathBuf,
    /// The path of each database below the top of the archive, and its file.
    databases: BTreeMap<PathBuf, PathBuf>,
    entry: Entry,
    /// Why no more files are unpacked.
    failed: Option<String>,
}

/// How far the entry is read that the archive is at.
enum Entry {
    /// What it begins with is not known yet.
    Begins {
        path: PathBuf,
        head: Vec<u8>,
    },
    Unpacked {
        file: NewFile,
        unchecked: u64,
    },
    Skipped,
}

impl SqliteFiles {
    /// `directory` must not exist yet.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, databases: BTreeMap::new(), entry: Entry::Skipped, failed: None }
    }

    /// Whether there is no database in the archive.
    pub(crate) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Checks every database that was unpacked. `top` is the path of the archive's top directory in the container.
    pub(crate) fn check(self, top: &Path) -> Vec<SqliteDatabase> {
        let result = |file: &Path| match &self.failed {
            Some(reason) => SqliteResult::Unchecked { reason: reason.clone() },
            None => check(file),
        };
        let database = |(path, file): (&PathBuf, &PathBuf)| {
            // A single file that is mounted is the top itself.
            let path = if path.as_os_str().is_empty() { top.to_owned() } else { top.join(path) };
            SqliteDatabase { path: path.display().to_string(), result: result(file) }
        };
        self.databases.iter().map(database).collect()
    }

    /// Decides by what the entry begins with.
    fn begin(&mut self, path: PathBuf, head: &[u8]) -> Entry {
        let name = path.as_os_str().as_encoded_bytes();
        let (database, suffix) = if head.starts_with(DATABASE) {
            (name, "")
        } else if WRITE_AHEAD_LOG.iter().any(|magic| head.starts_with(magic))
            && let Some(database) = name.strip_suffix(WRITE_AHEAD_LOG_SUFFIX.as_bytes())
        {
            (database, WRITE_AHEAD_LOG_SUFFIX)
        } else if head.starts_with(ROLLBACK_JOURNAL)
            && let Some(database) = name.strip_suffix(ROLLBACK_JOURNAL_SUFFIX.as_bytes())
        {
            (database, ROLLBACK_JOURNAL_SUFFIX)
        } else {
            return Entry::Skipped;
        };
        let file = self.directory.join(format!("{}{suffix}", Digest::of(database)));
        if suffix.is_empty() {
            self.databases.insert(path, file.clone());
        }
        if self.failed.is_some() {
            return Entry::Skipped;
        }
        let unpacked = NewFile::create(&file).map(NewFile::unhashed).and_then(|mut file| {
            file.append(head)?;
            Ok(Entry::Unpacked { file, unchecked: CHECKED })
        });
        unpacked.unwrap_or_else(|error| self.give_up(&error))
    }

    fn give_up(&mut self, error: &FsError) -> Entry {
        self.failed = Some(format!("it could not be unpacked: {error}"));
        Entry::Skipped
    }
}

impl Visitor for SqliteFiles {
    fn enter(&mut self, path: &Path) {
        self.entry = Entry::Begins { path: path.to_owned(), head: Vec::new() };
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let entry = match std::mem::replace(&mut self.entry, Entry::Skipped) {
            Entry::Begins { path, mut head } => {
                head.extend_from_slice(bytes);
                if head.len() < DATABASE.len() {
                    Entry::Begins { path, head }
                } else {
                    self.begin(path, &head)
                }
            }
            Entry::Unpacked { mut file, mut unchecked } => {
                unchecked += bytes.len() as u64;
                let space = if unchecked >= CHECKED {
                    unchecked = 0;
                    ensure_reserve(&self.directory)
                } else {
                    Ok(())
                };
                match space.and_then(|()| file.append(bytes)) {
                    Ok(()) => Entry::Unpacked { file, unchecked },
                    Err(error) => self.give_up(&error),
                }
            }
            Entry::Skipped => Entry::Skipped,
        };
        self.entry = entry;
    }

    fn leave(&mut self, _: Item<'_>) {
        self.entry = Entry::Skipped;
    }
}

impl Drop for SqliteFiles {
    fn drop(&mut self) {
        if self.directory.exists() {
            // The next backup removes what cannot be removed now.
            let _ = remove_tree(&self.directory);
        }
    }
}

/// Lets SQLite apply the write-ahead log or the journal beside the file, and check it.
fn check(file: &Path) -> SqliteResult {
    match integrity(file) {
        Ok(answer) if answer == "ok" => SqliteResult::Intact,
        Ok(problem) => SqliteResult::Damaged { problem },
        Err(rusqlite::Error::SqliteFailure(error, message)) => {
            let text = message.unwrap_or_else(|| error.to_string());
            match error.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    SqliteResult::Damaged { problem: text }
                }
                _ => SqliteResult::Unchecked { reason: text },
            }
        }
        Err(other) => SqliteResult::Unchecked { reason: other.to_string() },
    }
}

/// `ok`, or the first mistake.
fn integrity(file: &Path) -> rusqlite::Result<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    // The file is a copy that is removed afterwards.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::super::tar_summary;
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, contents) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, *contents).expect("written");
        }
        archive.into_inner().expect("written")
    }

    fn checked(files: &[(&str, &[u8])]) -> Vec<SqliteDatabase> {
        let directory = tempfile::tempdir().expect("a directory");
        let scratch = directory.path().join("sqlite");
        let mut found = SqliteFiles::new(scratch.clone());
        tar_summary::take_with(archive(files).as_slice(), &mut found).expect("a sound archive");
        let results = found.check(Path::new("/data"));
        assert!(!scratch.exists(), "the unpacked files are removed");
        results
    }

    /// A database with rows, some of which are only in its write-ahead log.
    fn database() -> (Vec<u8>, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.db");
        let connection = Connection::open(&path).expect("opened");
        let execute = |text: &str| connection.execute_batch(text).expect("executed");
        execute(
            "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (n INTEGER PRIMARY KEY, x)",
        );
        execute(
            "CREATE INDEX i ON t (x); WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) \
                 INSERT INTO t SELECT n, hex(zeroblob(20)) || n FROM s; PRAGMA wal_checkpoint(TRUNCATE)",
        );
        execute("UPDATE t SET x = x || 'new' WHERE n % 7 = 0");
        let read = |suffix: &str| std::fs::read(format!("{}{suffix}", path.display())).expect("read");
        (read(""), read("-wal"))
    }

    #[test]
    fn a_database_is_checked_together_with_its_write_ahead_log() {
        let (database, log) = database();
        let result = |files: &[(&str, &[u8])]| {
            let [found] = checked(files).try_into().expect("one database");
            assert_eq!(found.path, "/data/deep/a b.sqlite");
            found.result
        };
        let file = ("data/deep/a b.sqlite", database.as_slice());
        assert_eq!(result(&[file, ("data/deep/a b.sqlite-wal", &log)]), SqliteResult::Intact);
        assert_eq!(result(&[("data/deep/a b.sqlite-wal", &log), file]), SqliteResult::Intact, "in any order");

        let mut torn = database.clone();
        let middle = torn.len() / 8192 * 4096;
        torn[middle..middle + 4096].fill(0);
        let damaged = result(&[("data/deep/a b.sqlite", &torn)]);
        assert!(matches!(damaged, SqliteResult::Damaged { .. }), "{damaged:?}");

        let half = &database[..database.len() / 8192 * 4096];
        let damaged = result(&[("data/deep/a b.sqlite", half)]);
        assert!(matches!(damaged, SqliteResult::Damaged { .. }), "{damaged:?}");
    }

    #[test]
    fn other_files_are_no_databases() {
        assert_eq!(checked(&[("data/app.db", b"text"), ("data/SQLite format 3", b"SQLite format 3")]), []);
        let (_, log) = database();
        assert_eq!(checked(&[("data/gone.db-wal", &log)]), [], "its database is gone");
    }

    #[test]
    fn a_database_that_needs_an_extension_is_not_called_damaged() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("app.db");
        let connection = Connection::open(&path).expect("opened");
        connection.create_collation("words", str::cmp).expect("created");
        connection
            .execute_batch("CREATE TABLE t (x TEXT COLLATE words UNIQUE); INSERT INTO t VALUES ('a'), ('b')")
            .expect("executed");
        drop(connection);
        let [found] =
            checked(&[("data/app.db", &std::fs::read(&path).expect("read"))]).try_into().expect("one");
        assert!(matches!(found.result, SqliteResult::Unchecked { .. }), "{found:?}");
    }
}
