//! Which attributes of files an archive has.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which attributes of files an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileAttributes {
    /// Everything: ACLs and extended attributes, fractions of seconds, times before 1970, and which files have holes.
    All,
    /// What the engine puts into its archives: the files could not be looked at on the host.
    Basic,
}

impl fmt::Display for FileAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all, with ACLs, extended attributes, fractions of seconds and holes",
            Self::Basic => {
                "owners, modes, times in seconds, hard links and capabilities; not ACLs, other extended attributes and holes"
            }
        })
    }
}
