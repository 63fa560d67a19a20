//! The confirmation prompt.

use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Answer, Approval, Confirmation};
use crate::ui::{Reply, Ui};

/// Asks the user to type a word. `what` names the action, and `instead` says what holds if the answer is no.
pub(super) fn ask(ui: &Ui, question: Confirmation, what: &str, instead: &str) -> Result<Approval, Failure> {
    let denied = |exit| Err(Failure::new(exit, format!("{what} was not confirmed")).say(instead));
    match ui.ask(question.word()) {
        Reply::Typed(word) => match question.answer(&word) {
            Answer::Granted(approval) => Ok(approval),
            Answer::Denied => denied(Exit::Refused),
        },
        Reply::EndOfInput => denied(Exit::Refused),
        Reply::Interrupted => denied(Exit::INTERRUPTED),
    }
}
