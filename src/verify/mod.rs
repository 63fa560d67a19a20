//! Is what was there at the last stop still there?

use std::time::Duration;

use crate::backup::driver::Target;
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::record::{Note, Record};

/// What comparing one store with its record has shown.
#[derive(Debug, Clone, PartialEq)]
pub enum VerifyResult {
    /// Everything recorded is there.
    Complete(Fingerprint),
    /// Nothing was recorded yet, so there is nothing to compare with.
    NoBaseline(Fingerprint),
    /// The data was destroyed on purpose; what is there now is new.
    Reset { now: Fingerprint, backup: Option<String> },
    /// Something is missing.
    DataMissing { now: Fingerprint, differences: Vec<Difference> },
    /// It could not be looked at, which is never the same as being whole.
    Unverifiable(String),
}

impl VerifyResult {
    /// Whether a command that gets this verdict may say that all is well.
    pub fn is_well(&self) -> bool {
        match self {
            Self::Complete(_) | Self::NoBaseline(_) | Self::Reset { .. } => true,
            Self::DataMissing { .. } | Self::Unverifiable(_) => false,
        }
    }
}

/// Waits until the store answers, at most `limit`, and compares it with its record.
pub async fn examine(target: Target<'_>, record: Option<&Record>, limit: Duration) -> VerifyResult {
    let driver = target.store.kind.driver();
    if let Err(error) = driver.wait_ready(target, limit).await {
        return VerifyResult::Unverifiable(format!("{error:#}"));
    }
    match driver.fingerprint(target).await {
        Ok(now) => judge(record, now, |recorded, now| driver.compare(recorded, now)),
        Err(error) => VerifyResult::Unverifiable(format!("{error:#}")),
    }
}

fn judge(
    record: Option<&Record>,
    now: Fingerprint,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> VerifyResult {
    let Some(record) = record else {
        return unrecorded(now, compare);
    };
    if let Note::Destroyed { backup } = &record.note {
        return VerifyResult::Reset { now, backup: backup.clone() };
    }
    let Some(recorded) = &record.fingerprint else {
        return unrecorded(now, compare);
    };
    match compare(recorded, &now) {
        differences if differences.is_empty() => VerifyResult::Complete(now),
        differences => VerifyResult::DataMissing { now, differences },
    }
}

/// Without a record there is still something to see: a collection that is red or cannot be read shows in a comparison
/// of the store with itself.
fn unrecorded(
    now: Fingerprint,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> VerifyResult {
    match compare(&now, &now) {
        differences if differences.is_empty() => VerifyResult::NoBaseline(now),
        differences => VerifyResult::DataMissing { now, differences },
    }
}
