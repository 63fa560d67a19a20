//! Data that plain Compose has replaced behind our back, and that no command has noticed yet: what is there now must not
//! become the baseline, or the latest backup.

use super::context::ProjectContext;
use super::mode::Apply;
use super::{baselines, format, verify_run};
use crate::backup::evidence::StoreEvidence;
use crate::inventory::Store;

/// Compares what a store has with what was recorded of it, before a command makes a backup or a new baseline of it. Other
/// data is a loss that happened behind our back: it is recorded and reported, once. Returns whether there is one.
pub(super) fn note(cx: &ProjectContext<'_>, apply: Apply, store: &Store, now: &StoreEvidence) -> bool {
    // One that cannot be read was reported.
    let Ok(baseline) = baselines::read(cx, store) else { return false };
    if baseline.as_ref().is_some_and(|known| known.loss.is_some()) {
        return true;
    }
    if !verify_run::is_verified(cx, store) {
        return false;
    }
    let Some(before) = verify_run::recorded(cx, store, baseline.as_ref()) else { return false };
    let differences = before.replaced_by(now);
    if differences.is_empty() || !verify_run::is_loss(store, &differences) {
        return false;
    }
    let missing: Vec<String> = differences.iter().map(ToString::to_string).collect();
    cx.ui().warn(format!(
        "`{}` has lost the data that it had {}: {}. The baseline stays as it is, and a backup that is made now is marked and never `latest`.",
        store.service,
        format::ago(before.time),
        missing.join("; "),
    ));
    match cx.root.latest(&store.id) {
        Ok(None) => cx.ui().say("It has no backup."),
        Ok(Some(_)) | Err(_) => {
            cx.ui().suggest("To restore the data", cx.suggest().restore_latest(&store.service));
        }
    }
    cx.ui().suggest("If this is expected, accept it as the new baseline", cx.suggest().accept());
    baselines::record_loss(cx, apply, store, baseline.as_ref(), missing);
    true
}
