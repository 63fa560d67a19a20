//! The refusal of an upgrade that is not possible.

use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn refuse(what: String) -> Failure {
    Failure::new(Exit::Refused, what).say("Nothing was changed.")
}
