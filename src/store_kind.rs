//! The kinds of data stores.

use std::path::Path;

/// A kind of data store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    Qdrant,
    /// Data of an unknown kind: copied as files.
    Volume,
}

impl StoreKind {
    /// The default data path of the server.
    pub fn data_path(self) -> Option<&'static Path> {
        match self {
            Self::Qdrant => Some(Path::new("/qdrant/storage")),
            Self::Volume => None,
        }
    }
}
