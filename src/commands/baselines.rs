//! Reads and writes baselines: what a store held at its last stop, or when it was accepted.

use jiff::Timestamp;

use super::context::ProjectContext;
use super::mode::Apply;
use crate::backup::baseline::{Note, StoreBaseline, UnresolvedLoss};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::Store;

/// Reads the baseline of a store.
pub(super) fn read(cx: &ProjectContext<'_>, store: &Store) -> Result<Option<StoreBaseline>, Failure> {
    StoreBaseline::read(&cx.root, &store.id).map_err(|error| {
        let failure =
            Failure::new(Exit::Unverified, format!("the baseline of `{}` cannot be read", store.service))
                .because(error);
        match cx.lockout() {
            Some(_) => cx.with_repair(failure),
            None => failure.run("To accept the current state as the new baseline", cx.suggest().accept()),
        }
    })
}

/// Records that a store has lost data since its baseline, which stays as it is until the loss is resolved.
pub(super) fn record_loss(
    cx: &ProjectContext<'_>,
    apply: Apply,
    store: &Store,
    baseline: Option<&StoreBaseline>,
    missing: Vec<String>,
) {
    let now = Timestamp::now();
    let baseline = match baseline {
        Some(baseline) => baseline.clone(),
        None => StoreBaseline::new(now, Note::Stopped, None, None),
    };
    let found = baseline.loss.as_ref().map_or(now, |loss| loss.found);
    let loss = Some(UnresolvedLoss { found, missing });
    if baseline.loss != loss {
        cx.command.record.will(format!("records that {} has lost data", store.id));
        cx.command.record.begin(apply);
        put(cx, apply, store, &StoreBaseline { loss, ..baseline });
    }
}

/// Writes the baseline of a store. After a loss that nobody has restored or accepted, what a command leaves behind is no
/// new baseline.
pub(super) fn record(cx: &ProjectContext<'_>, apply: Apply, store: &Store, record: &StoreBaseline) {
    match record.note {
        Note::Accepted => {}
        Note::Stopped | Note::Destroyed { .. } | Note::Seen => {
            let known = StoreBaseline::read(&cx.root, &store.id).ok().flatten();
            if known.is_some_and(|known| known.loss.is_some()) {
                return;
            }
        }
    }
    put(cx, apply, store, record);
}

/// Replaces the baseline of a store. Failing to write it is a warning and does not fail the command.
pub(super) fn put(cx: &ProjectContext<'_>, _: Apply, store: &Store, record: &StoreBaseline) {
    if let Err(error) = record.write(&cx.root, &store.id) {
        cx.ui().warn(format!(
            "the baseline of `{}` could not be recorded: {}.",
            store.service,
            causes(&error.into())
        ));
    }
}
