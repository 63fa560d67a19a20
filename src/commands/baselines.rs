//! What is remembered of a store from one stop to the next start.

use jiff::Timestamp;

use super::context::ProjectContext;
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::fingerprint::Fingerprint;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;

/// Reads the record of a store.
pub(super) fn read(cx: &ProjectContext<'_>, store: &Store) -> Result<Option<StoreBaseline>, Failure> {
    StoreBaseline::read(&cx.root, &store.id).map_err(|error| {
        Failure::new(Exit::DataMissing, format!("the record of `{}` cannot be read", store.service))
            .because(error)
            .run("To take what runs now as the new record", cx.suggest().accept())
    })
}

/// Writes the record of a store. A record that cannot be written is worth a warning, not the command.
pub(super) fn write(
    cx: &ProjectContext<'_>,
    store: &Store,
    note: Note,
    fingerprint: Option<Fingerprint>,
    backup: Option<String>,
) {
    let record = StoreBaseline::new(Timestamp::now(), note, fingerprint, backup);
    if let Err(error) = record.write(&cx.root, &store.id) {
        let error = anyhow::Error::from(error);
        cx.ui().warn(format!("what `{}` held could not be recorded: {error:#}", store.service));
    }
}
