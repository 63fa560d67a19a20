//! What SQLite's own check said about the databases among the files of a backup.

use serde::{Deserialize, Serialize};

/// A database among the files of a backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SqliteDatabase {
    /// The path in the container.
    pub path: String,
    #[serde(flatten)]
    pub result: SqliteResult,
}

/// The result of `PRAGMA integrity_check` on the copy of a database and its write-ahead log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum SqliteResult {
    Intact,
    /// SQLite finds a mistake, or cannot open it.
    Damaged {
        problem: String,
    },
    /// It could not be checked, for example because it uses a function of an extension.
    Unchecked {
        reason: String,
    },
}

impl SqliteDatabase {
    /// What SQLite finds wrong, if it finds something.
    pub fn problem(&self) -> Option<&str> {
        match &self.result {
            SqliteResult::Damaged { problem } => Some(problem),
            SqliteResult::Intact | SqliteResult::Unchecked { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_has_one_flat_object_for_each_database() {
        let result = SqliteResult::Damaged { problem: "malformed".into() };
        let database = SqliteDatabase { path: "/data/app.db".into(), result };
        let text = serde_json::to_string(&database).expect("JSON");
        assert_eq!(text, r#"{"path":"/data/app.db","result":"damaged","problem":"malformed"}"#);
        assert_eq!(serde_json::from_str::<SqliteDatabase>(&text).expect("read"), database);
        let text = r#"{"path":"/data/app.db","result":"intact"}"#;
        assert_eq!(serde_json::from_str::<SqliteDatabase>(text).expect("read").problem(), None);
    }
}
