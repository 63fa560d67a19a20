//! Which container layers are worth a warning before their containers are removed.

use std::path::{Path, PathBuf};

use crate::engine::{Container, Layer};
use crate::units::{Bytes, count};

/// From this size on, a layer is large.
const LARGE: u64 = 10_000_000;

/// The endings of database files.
const DATABASES: &[&str] =
    &["sqlite", "sqlite3", "db", "db3", "sqlitedb", "mdb", "mv.db", "realm", "duckdb", "lmdb", "rdb"];

/// Where programs keep what they can make again.
const CACHES: &[&str] = &["/tmp", "/var/tmp", "/var/cache", "/run", "/var/run", "/proc", "/sys", "/dev"];

/// Where an image's own package managers keep their databases.
const OF_THE_IMAGE: &[&str] = &["/var/lib/dpkg", "/var/lib/rpm", "/var/lib/apt", "/lib/apk", "/usr", "/etc"];

/// A layer that is large or has database files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotableLayer {
    bytes: Option<u64>,
    databases: Vec<PathBuf>,
}

impl NotableLayer {
    /// `None` if nobody would miss the layer.
    pub fn of(container: &Container, layer: &Layer) -> Option<Self> {
        let databases: Vec<PathBuf> =
            layer.written.iter().filter(|path| is_database(container, path)).cloned().collect();
        let is_large = layer.bytes.is_some_and(|bytes| bytes >= LARGE);
        (is_large || !databases.is_empty()).then_some(Self { bytes: layer.bytes, databases })
    }

    /// `20 MB, with the database /app/data/app.sqlite`.
    pub(super) fn describe(&self) -> String {
        let size = self.bytes.map(|bytes| Bytes(bytes).to_string());
        let databases = self.databases.first().map(|first| match self.databases.len() - 1 {
            0 => format!("the database `{}`", first.display()),
            others => format!("the database `{}` and {}", first.display(), count(others as u64, "other")),
        });
        match (size, databases) {
            (Some(size), Some(databases)) => format!("{size}, with {databases}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        }
    }
}

fn is_database(container: &Container, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_hidden_in = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let is_cache = path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        matches!(part.as_ref(), ".cache" | "node_modules" | "__pycache__")
    });
    DATABASES.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.')))
        && !is_hidden_in(CACHES)
        && !is_hidden_in(OF_THE_IMAGE)
        && !is_cache
        && container.mount_of(path).is_none()
}
