//! The question before something may be lost.

use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Answer, Approval, Question};
use crate::ui::{Reply, Ui};

/// The approval, once the word was typed. `what` was to be done, and `instead` says how things stand without it.
pub(super) fn ask(ui: &Ui, question: Question, what: &str, instead: &str) -> Result<Approval, Failure> {
    let denied = |exit| Err(Failure::new(exit, format!("{what} was not confirmed")).say(instead));
    match ui.ask(question.word()) {
        Reply::Typed(word) => match question.answer(&word) {
            Answer::Granted(approval) => Ok(approval),
            Answer::Denied => denied(Exit::Refused),
        },
        Reply::EndOfInput => denied(Exit::Refused),
        Reply::Interrupted => denied(Exit::Interrupted),
    }
}
