//! Records what was found: a loss until it is resolved, and what was seen of sound stores.

use super::examine::{Examined, is_loss};
use crate::backup::baseline::{Note, StoreBaseline};
use crate::commands::baselines;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::verify::{Observation, VerifyResult};

/// Records a loss, or that it is over, or what a sound store has: a later command of plain Compose is noticed by it.
pub(super) fn remember(cx: &ProjectContext<'_>, apply: Apply, examined: &Examined<'_>) {
    let Examined { store, baseline, verdict, .. } = examined;
    match verdict {
        // It was only a warning.
        VerifyResult::DataMissing { differences, .. } if !is_loss(store, differences) => {}
        VerifyResult::DataMissing { differences, .. } => {
            let missing = differences.iter().map(ToString::to_string).collect();
            baselines::record_loss(cx, apply, store, baseline.as_ref(), missing);
        }
        VerifyResult::Complete(now) | VerifyResult::NoBaseline(now) | VerifyResult::Reset { now, .. } => {
            // A server that keeps running without data is not waited for again.
            let is_worth_it = now.evidence.has_data || baseline.is_some() || store.is_running();
            if let Some(record) = with_evidence(baseline.as_ref(), verdict, now)
                && is_worth_it
                && !cx.is_disposable()
            {
                baselines::put(cx, apply, store, &record);
            }
        }
        VerifyResult::Unverifiable(_) => {}
    }
}

/// The baseline with what was seen; `None` if that changes nothing, or if there is nothing to remember.
fn with_evidence(
    baseline: Option<&StoreBaseline>,
    verdict: &VerifyResult,
    now: &Observation,
) -> Option<StoreBaseline> {
    let seen = &now.evidence;
    let Some(known) = baseline else {
        let record = StoreBaseline::new(seen.time, Note::Seen, None, None);
        let has_place = seen.has_data || !seen.volumes.is_empty();
        return has_place.then(|| StoreBaseline { evidence: Some(seen.clone()), ..record });
    };
    // Files that are new since they were destroyed have a baseline of their own; the contents of a server are compared
    // with the next stop.
    if matches!(verdict, VerifyResult::Reset { .. }) && now.contents.is_none() {
        return with_evidence(None, verdict, now);
    }
    let is_resolved = known.loss.is_some() && !matches!(verdict, VerifyResult::Reset { .. });
    let news = match &known.evidence {
        Some(known) => known.updated_by(seen),
        None => Some(seen.clone()),
    };
    (is_resolved || news.is_some()).then(|| StoreBaseline {
        evidence: news.or_else(|| known.evidence.clone()),
        loss: if is_resolved { None } else { known.loss.clone() },
        ..known.clone()
    })
}
