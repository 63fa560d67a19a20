//! Proof that a destructive step was decided on.

use super::effect::Assessment;

/// How the data that would be lost is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStatus {
    /// Every piece is in a backup that was read back and verified.
    Verified,
    /// The user gave `--safe-skip-backup` or declared the project disposable; the journal records it.
    Waived,
    /// There is nothing to back up.
    Nothing,
}

/// The permission to carry out one plan.
///
/// Functions that delete or overwrite data take a `&Clearance`. Only [`super::Approval::clear`] creates one, from a
/// decision and from how the data is backed up, so code that skips the decision does not compile.
#[derive(Debug, Clone)]
pub struct Clearance {
    plan: Assessment,
    backup: BackupStatus,
}

impl Clearance {
    pub(super) fn granted(plan: Assessment, backup: BackupStatus) -> Self {
        Self { plan, backup }
    }

    /// The plan that it was granted for.
    pub fn plan(&self) -> &Assessment {
        &self.plan
    }

    /// How the data of the plan is backed up.
    pub fn backup(&self) -> BackupStatus {
        self.backup
    }
}
