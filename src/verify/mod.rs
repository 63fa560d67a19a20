//! Is what was there at the last stop still there?

use std::time::Duration;

use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::DriverTarget;
use crate::backup::fingerprint::{Difference, Fingerprint};

/// What comparing one store with its record has shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Everything recorded is there.
    Whole(Fingerprint),
    /// Nothing was recorded yet, so there is nothing to compare with.
    Unrecorded(Fingerprint),
    /// The data was destroyed on purpose; what is there now is new.
    Fresh { now: Fingerprint, backup: Option<String> },
    /// Something is missing.
    Lossy { now: Fingerprint, differences: Vec<Difference> },
    /// It could not be looked at, which is never the same as being whole.
    Unverifiable(String),
}

impl Verdict {
    /// Whether a command that gets this verdict may say that all is well.
    pub fn is_well(&self) -> bool {
        match self {
            Self::Whole(_) | Self::Unrecorded(_) | Self::Fresh { .. } => true,
            Self::Lossy { .. } | Self::Unverifiable(_) => false,
        }
    }
}

/// Waits until the store answers, at most `limit`, and compares it with its record.
pub async fn examine(target: DriverTarget<'_>, record: Option<&StoreBaseline>, limit: Duration) -> Verdict {
    let driver = target.store.kind.driver();
    if let Err(error) = driver.wait_ready(target, limit).await {
        return Verdict::Unverifiable(format!("{error:#}"));
    }
    match driver.fingerprint(target).await {
        Ok(now) => judge(record, now, |recorded, now| driver.compare(recorded, now)),
        Err(error) => Verdict::Unverifiable(format!("{error:#}")),
    }
}

fn judge(
    record: Option<&StoreBaseline>,
    now: Fingerprint,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> Verdict {
    let Some(record) = record else {
        return unrecorded(now, compare);
    };
    if let Note::Destroyed { backup } = &record.note {
        return Verdict::Fresh { now, backup: backup.clone() };
    }
    let Some(recorded) = &record.fingerprint else {
        return unrecorded(now, compare);
    };
    match compare(recorded, &now) {
        differences if differences.is_empty() => Verdict::Whole(now),
        differences => Verdict::Lossy { now, differences },
    }
}

/// Without a record there is still something to see: a collection that is red or cannot be read shows in a comparison
/// of the store with itself.
fn unrecorded(now: Fingerprint, compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>) -> Verdict {
    match compare(&now, &now) {
        differences if differences.is_empty() => Verdict::Unrecorded(now),
        differences => Verdict::Lossy { now, differences },
    }
}
