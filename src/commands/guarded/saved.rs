//! How what a command puts at stake was saved before it.

use crate::backup::fingerprint::Fingerprint;
use crate::backup::store::{Backup, Verified};
use crate::commands::backup_run::Saved;
use crate::inventory::Store;
use crate::policy::BackupStatus;

/// How what is at stake was saved.
pub(super) struct Saving {
    pub waived: bool,
    pub saved: Vec<Saved>,
    /// What was safe already.
    pub safe: Vec<(Store, Verified)>,
    /// What is only stopped, and has a backup already.
    pub kept: Vec<(Store, Backup)>,
    /// What servers held that nobody wanted a backup of.
    pub seen: Vec<(Store, Fingerprint)>,
}

impl Saving {
    pub(super) fn backed(&self) -> BackupStatus {
        if self.waived {
            BackupStatus::Waived
        } else if self.saved.is_empty() && self.safe.is_empty() {
            BackupStatus::Nothing
        } else {
            BackupStatus::Verified
        }
    }
}
