//! The files in which servers keep an identifier of their data: written once, when the data directory is made, and copied
//! with it by a backup of files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A file that identifies the data of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityFile {
    /// The system identifier.
    PostgreSql,
    /// The server UUID. A server that misses the file makes it again with another one.
    MySql,
    /// The UUID of the Aria engine, which every server has for its system tables.
    MariaDb,
}

impl IdentityFile {
    /// Relative to the data directory.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::PostgreSql => "global/pg_control",
            Self::MySql => "auto.cnf",
            Self::MariaDb => "aria_log_control",
        }
    }

    /// Whether a path may be that of the file.
    pub fn is_at(self, path: &Path) -> bool {
        path.ends_with(self.path())
    }

    /// The data directory that has the file at this path.
    pub fn directory_of(self, path: &Path) -> Option<PathBuf> {
        path.ancestors().nth(Path::new(self.path()).components().count()).map(Path::to_owned)
    }

    /// The directories that may be the data directory, for a data path of the image.
    pub fn directories(self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let below: &[&str] = match self {
            Self::PostgreSql => &["", "data", "pgdata"],
            Self::MySql | Self::MariaDb => &["", "data", "databases"],
        };
        below.iter().map(move |below| path.join(below))
    }

    /// What the identifier identifies.
    pub fn noun(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL system",
            Self::MySql => "MySQL server",
            Self::MariaDb => "MariaDB server",
        }
    }

    /// The identifier in the content of the file; `None` if it is not such a file, or not complete yet.
    pub fn parse(self, content: &[u8]) -> Option<String> {
        match self {
            Self::PostgreSql => {
                let id = u64::from_le_bytes(content.get(..8)?.try_into().ok()?);
                let format = u32::from_le_bytes(content.get(8..12)?.try_into().ok()?);
                // The format has been between 800 and 1800 since PostgreSQL 8.
                (id != 0 && (800..10_000).contains(&format)).then(|| id.to_string())
            }
            Self::MySql => {
                let text = std::str::from_utf8(content).ok()?;
                let id = text.lines().find_map(|line| line.trim().strip_prefix("server-uuid"))?;
                let id = id.trim_start().strip_prefix('=')?.trim();
                (id.len() == 36).then(|| id.to_owned())
            }
            Self::MariaDb => {
                let id = content.strip_prefix(b"\xfe\xfe\x0c")?.get(1..17)?;
                id.iter().any(|byte| *byte != 0).then(|| hex::encode(id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read() {
        let mut control = vec![0; 8192];
        control[..8].copy_from_slice(&7_412_345_678_901_234_567_u64.to_le_bytes());
        control[8..12].copy_from_slice(&1300_u32.to_le_bytes());
        assert_eq!(IdentityFile::PostgreSql.parse(&control).as_deref(), Some("7412345678901234567"));
        let auto = b"[auto]\nserver-uuid=6f1d2b0e-90cf-11ef-9b9a-0242ac110002\n";
        assert_eq!(IdentityFile::MySql.parse(auto).as_deref(), Some("6f1d2b0e-90cf-11ef-9b9a-0242ac110002"));
        let mut aria = b"\xfe\xfe\x0c\x01".to_vec();
        aria.extend(1..=40);
        assert_eq!(IdentityFile::MariaDb.parse(&aria).as_deref(), Some("0102030405060708090a0b0c0d0e0f10"));
    }

    #[test]
    fn a_file_that_is_not_complete_or_something_else_identifies_nothing() {
        for file in [IdentityFile::PostgreSql, IdentityFile::MySql, IdentityFile::MariaDb] {
            for content in
                [&b""[..], &[0; 8192], b"[auto]\n", b"server-uuid=6f1d", &[0xff; 64], b"\xfe\xfe\x0c\x01\x02"]
            {
                assert_eq!(file.parse(content), None, "{file:?} {content:?}");
            }
        }
    }
}
