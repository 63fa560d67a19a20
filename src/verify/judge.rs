//! The verdict on a store, from what was recorded and what was seen.

use super::{Observation, Recorded, VerifyResult};
use crate::backup::baseline::Note;
use crate::backup::fingerprint::{Difference, Fingerprint};

/// `compare` compares the contents of a server.
pub(super) fn judge(
    recorded: Recorded<'_>,
    now: Observation,
    compare: impl Fn(&Fingerprint, &Fingerprint) -> Vec<Difference>,
) -> VerifyResult {
    let evidence = recorded.evidence();
    if let Some(Note::Destroyed { backup }) = recorded.baseline.map(|baseline| &baseline.note) {
        // What was seen since then is new data, which can be lost like any other.
        let differences = evidence.map(|evidence| evidence.compare(&now.evidence)).unwrap_or_default();
        return match differences {
            differences if differences.is_empty() => VerifyResult::Reset { now, backup: backup.clone() },
            differences => VerifyResult::DataMissing { now: Some(now), differences },
        };
    }
    let contents = recorded.baseline.and_then(|baseline| baseline.fingerprint.as_ref());
    // Comparing a server with itself still finds collections that are red or unreadable.
    let mut differences =
        now.contents.as_ref().map(|now| compare(contents.unwrap_or(now), now)).unwrap_or_default();
    if differences.is_empty()
        && let Some(evidence) = evidence
    {
        differences = evidence.compare(&now.evidence);
    }
    let is_known = match &now.contents {
        Some(_) => contents.is_some(),
        None => evidence.is_some_and(|evidence| evidence.has_data),
    };
    match differences {
        differences if !differences.is_empty() => VerifyResult::DataMissing { now: Some(now), differences },
        _ if is_known => VerifyResult::Complete(now),
        _ => VerifyResult::NoBaseline(now),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::backup::baseline::StoreBaseline;
    use crate::backup::evidence::StoreEvidence;

    fn seen(has_data: bool) -> StoreEvidence {
        StoreEvidence {
            time: Timestamp::UNIX_EPOCH,
            has_data,
            server: None,
            version: None,
            volumes: BTreeMap::new(),
        }
    }

    fn now(has_data: bool) -> Observation {
        Observation { contents: None, evidence: seen(has_data) }
    }

    fn baseline(note: Note, evidence: Option<StoreEvidence>) -> StoreBaseline {
        StoreBaseline { evidence, ..StoreBaseline::new(Timestamp::UNIX_EPOCH, note, None, None) }
    }

    fn verdict(
        baseline: Option<&StoreBaseline>,
        backup: Option<&StoreEvidence>,
        has_data: bool,
    ) -> VerifyResult {
        judge(Recorded { baseline, backup }, now(has_data), |_, _| Vec::new())
    }

    fn lost() -> VerifyResult {
        VerifyResult::DataMissing { now: Some(now(false)), differences: vec![Difference::NoData] }
    }

    #[test]
    fn the_baseline_counts_and_without_one_the_newest_backup() {
        let (full, empty) = (seen(true), seen(false));
        let stopped = baseline(Note::Stopped, Some(full.clone()));
        assert_eq!(verdict(Some(&stopped), None, true), VerifyResult::Complete(now(true)));
        assert_eq!(verdict(Some(&stopped), Some(&empty), false), lost());
        assert_eq!(verdict(None, Some(&full), false), lost());
        assert_eq!(verdict(None, Some(&full), true), VerifyResult::Complete(now(true)));
        assert_eq!(verdict(None, None, true), VerifyResult::NoBaseline(now(true)));
        let was_empty = baseline(Note::Seen, Some(empty));
        assert_eq!(verdict(Some(&was_empty), None, true), VerifyResult::NoBaseline(now(true)));
    }

    #[test]
    fn what_was_destroyed_on_purpose_is_not_missed_and_what_came_after_is() {
        let destroyed = baseline(Note::Destroyed { backup: None }, None);
        let reset = VerifyResult::Reset { now: now(false), backup: None };
        assert_eq!(verdict(Some(&destroyed), None, false), reset);
        let seen_since = StoreBaseline { evidence: Some(seen(true)), ..destroyed };
        assert_eq!(verdict(Some(&seen_since), None, false), lost());
    }
}
