//! Files of database servers: what tells the version and the identity of the data, and SQLite databases.

use std::path::Path;

use crate::backup::driver::volume::sqlite::SqliteFiles;
use crate::backup::driver::volume::tar_summary;
use crate::backup::sqlite::SqliteResult;
use crate::inventory::known::IdentityFile;
use crate::inventory::version::{VersionFile, of_control_file};

const SQLITE: &[u8] = b"SQLite format 3\0";

pub(super) fn run(bytes: &[u8]) {
    use VersionFile::{InnoDbLog, MySqlHistory, PostgreSql, RedisDump, UpgradeInfo};
    for file in [PostgreSql, UpgradeInfo, MySqlHistory, InnoDbLog, RedisDump] {
        if let Some(version) = file.parse(bytes) {
            assert!(!version.numbers.is_empty(), "{file:?}");
        }
    }
    of_control_file(bytes);
    for file in [IdentityFile::PostgreSql, IdentityFile::MySql, IdentityFile::MariaDb] {
        file.parse(bytes);
    }
    if bytes.starts_with(SQLITE) {
        sqlite(bytes);
    }
}

/// A file that begins like a database is checked, and nothing of it is left.
fn sqlite(bytes: &[u8]) {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, "data/app.db", bytes).expect("memory");
    let archive = archive.into_inner().expect("memory");
    let directory = tempfile::tempdir().expect("a directory");
    let scratch = directory.path().join("sqlite");
    let mut files = SqliteFiles::new(scratch.clone());
    tar_summary::take_with(archive.as_slice(), &mut files).expect("a sound archive");
    let found = files.check(Path::new("/data"));
    assert!(matches!(&found[..], [one] if one.path == "/data/app.db"), "{found:?}");
    assert!(
        !matches!(&found[0].result, SqliteResult::Damaged { problem } if problem.is_empty()),
        "{found:?}"
    );
    assert!(!scratch.exists(), "what was unpacked is removed");
}
