//! The kinds of data stores.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A kind of data store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreKind {
    Qdrant,
    /// Data of an unknown kind: copied as files.
    Volume,
    /// A database server that dumps its databases with its own tools. Only backups are of this kind, and what is backed up
    /// and restored in this way: everywhere else such a store is one of files.
    Sql(SqlServer),
}

/// A database server with tools of its own for dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SqlServer {
    PostgreSql,
    /// MariaDB too.
    MySql,
}

impl SqlServer {
    /// The name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
        }
    }
}

impl StoreKind {
    pub const ALL: [Self; 4] =
        [Self::Qdrant, Self::Volume, Self::Sql(SqlServer::PostgreSql), Self::Sql(SqlServer::MySql)];

    /// As settings and manifests name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qdrant => "qdrant",
            Self::Volume => "volume",
            Self::Sql(SqlServer::PostgreSql) => "postgresql",
            Self::Sql(SqlServer::MySql) => "mysql",
        }
    }

    /// The default data path of the server.
    pub fn data_path(self) -> Option<&'static Path> {
        match self {
            Self::Qdrant => Some(Path::new("/qdrant/storage")),
            Self::Volume | Self::Sql(_) => None,
        }
    }
}

impl From<StoreKind> for String {
    fn from(kind: StoreKind) -> Self {
        kind.name().to_owned()
    }
}

impl TryFrom<String> for StoreKind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
            format!("unknown kind `{name}`, expected one of {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in StoreKind::ALL {
            let written = serde_json::to_string(&kind).expect("JSON");
            assert_eq!(written, format!("\"{}\"", kind.name()));
            assert_eq!(serde_json::from_str::<StoreKind>(&written).expect("a kind"), kind);
        }
        let error = serde_json::from_str::<StoreKind>("\"oracle\"").expect_err("unknown").to_string();
        assert!(error.contains("expected one of `qdrant`, `volume`, `postgresql`"), "{error}");
    }
}
