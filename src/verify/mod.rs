//! Compares the data of a store with its baseline: what it held at the last stop.

use std::time::Duration;

use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::DriverTarget;
use crate::backup::fingerprint::{Difference, Fingerprint};

/// The result of comparing a store with its baseline.
#[derive(Debug, Clone, PartialEq)]
pub enum VerifyResult {
    /// All data of the baseline is present.
    Complete(Fingerprint),
    /// There is no baseline to compare with.
    NoBaseline(Fingerprint),
    /// The data was destroyed intentionally; the current data is new.
    Reset { now: Fingerprint, backup: Option<String> },
    /// Data of the baseline is missing.
    DataMissing { now: Fingerprint, differences: Vec<Difference> },
    /// The store could not be checked. This never counts as complete.
    Unverifiable(String),
}

/// Waits until the store is ready, at most `limit`, and compares it with its baseline.
pub async fn examine(
    target: DriverTarget<'_>,
    record: Option<&StoreBaseline>,
    limit: Duration,
) -> VerifyResult {
    let driver = target.store.kind.driver();
    if let Err(error) = driver.wait_ready(target, limit).await {
        return VerifyResult::Unverifiable(format!("{error:#}"));
    }
    match driver.fingerprint(target).await {
        Ok(now) => compare_with_baseline(record, now, |recorded, now| driver.compare(recorded, now)),
        Err(error) => VerifyResult::Unverifiable(format!("{error:#}")),
    }
}

fn compare_with_baseline(
    record: Option<&StoreBaseline>,
    now: Fingerprint,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> VerifyResult {
    let Some(record) = record else {
        return without_baseline(now, compare);
    };
    if let Note::Destroyed { backup } = &record.note {
        return VerifyResult::Reset { now, backup: backup.clone() };
    }
    let Some(recorded) = &record.fingerprint else {
        return without_baseline(now, compare);
    };
    match compare(recorded, &now) {
        differences if differences.is_empty() => VerifyResult::Complete(now),
        differences => VerifyResult::DataMissing { now, differences },
    }
}

/// Without a baseline, comparing the store with itself still finds collections that are red or unreadable.
fn without_baseline(
    now: Fingerprint,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> VerifyResult {
    match compare(&now, &now) {
        differences if differences.is_empty() => VerifyResult::NoBaseline(now),
        differences => VerifyResult::DataMissing { now, differences },
    }
}
