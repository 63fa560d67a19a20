//! Reads and writes baselines: what a store held at its last stop, or when it was accepted.

use jiff::Timestamp;

use super::context::ProjectContext;
use super::mode::Apply;
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::fingerprint::Fingerprint;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::Store;

/// Reads the baseline of a store.
pub(super) fn read(cx: &ProjectContext<'_>, store: &Store) -> Result<Option<StoreBaseline>, Failure> {
    StoreBaseline::read(&cx.root, &store.id).map_err(|error| {
        Failure::new(Exit::DataMissing, format!("the baseline of `{}` cannot be read", store.service))
            .because(error)
            .run("To accept the current state as the new baseline", cx.suggest().accept())
    })
}

/// Writes the baseline of a store. Failing to write it is a warning and does not fail the command.
pub(super) fn write(
    cx: &ProjectContext<'_>,
    _: Apply,
    store: &Store,
    note: Note,
    fingerprint: Option<Fingerprint>,
    backup: Option<String>,
) {
    let record = StoreBaseline::new(Timestamp::now(), note, fingerprint, backup);
    if let Err(error) = record.write(&cx.root, &store.id) {
        cx.ui().warn(format!(
            "the baseline of `{}` could not be recorded: {}.",
            store.service,
            causes(&error.into())
        ));
    }
}
