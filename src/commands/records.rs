//! What is remembered of a store from one stop to the next start.

use jiff::Timestamp;

use super::stack::Stack;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::record::{Note, Record};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;

/// Reads the record of a store.
pub(super) fn read(stack: &Stack<'_>, store: &Store) -> Result<Option<Record>, Failure> {
    Record::read(&stack.root, &store.id).map_err(|error| {
        Failure::new(Exit::DataMissing, format!("the record of `{}` cannot be read", store.service))
            .because(error)
            .run("To take what runs now as the new record", stack.suggest().accept())
    })
}

/// Writes the record of a store. A record that cannot be written is worth a warning, not the command.
pub(super) fn write(
    stack: &Stack<'_>,
    store: &Store,
    note: Note,
    fingerprint: Option<Fingerprint>,
    backup: Option<String>,
) {
    let record = Record::new(Timestamp::now(), note, fingerprint, backup);
    if let Err(error) = record.write(&stack.root, &store.id) {
        let error = anyhow::Error::from(error);
        stack.ui().warn(format!("what `{}` held could not be recorded: {error:#}", store.service));
    }
}
