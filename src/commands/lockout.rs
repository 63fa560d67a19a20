//! What is said where this process may not use the backup directory.

use crate::backup::store::Lockout;
use crate::error::Failure;

/// Introduces the command that ends a lockout.
const REPAIR: &str = "To make the backup directory usable";

/// A sentence about what this process may not use, with the command that ends it.
pub(super) fn sentence(lockout: &Lockout) -> String {
    format!(
        "`{}` belongs to user {}, and user {} may not use it, so backups and baselines cannot be read. {REPAIR}: `{}`",
        lockout.path.display(),
        lockout.owner,
        lockout.user,
        shell_words::join(&lockout.repair),
    )
}

/// Adds that command to a failure.
pub(super) fn with_repair(failure: Failure, lockout: Option<&Lockout>) -> Failure {
    match lockout {
        Some(lockout) => failure.run(REPAIR, shell_words::join(&lockout.repair)),
        None => failure,
    }
}
