//! Whether all files of a backup belong to one moment.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::inventory::StoreKind;

/// How it is known that all files of a backup belong to one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// The server wrote the backup itself.
    Dumped,
    /// No process had the files open for writing: everything that could write was stopped.
    Cold,
    /// Every process that could write was paused, so the files are what a crash at that moment would have left.
    Frozen,
    /// Something may have written during the copy: the backup may mix files of different moments.
    #[serde(rename = "torn possible")]
    TornPossible,
}

impl Consistency {
    /// Whether the data can be relied on. Only such a backup allows data to be destroyed.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Dumped | Self::Cold | Self::Frozen => true,
            Self::TornPossible => false,
        }
    }

    /// That of a backup whose manifest does not say it. A server was only ever backed up by its own snapshots. Files were
    /// copied from whatever ran; only where no container was left is it known that none did.
    pub(super) fn of_older(kind: StoreKind, container: &str) -> Self {
        match kind {
            StoreKind::Qdrant | StoreKind::Sql(_) => Self::Dumped,
            StoreKind::Volume if container.is_empty() => Self::Cold,
            StoreKind::Volume => Self::TornPossible,
        }
    }
}

/// As in the manifest.
impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dumped => "dumped",
            Self::Cold => "cold",
            Self::Frozen => "frozen",
            Self::TornPossible => "torn possible",
        })
    }
}
