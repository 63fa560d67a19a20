//! The question before something may be lost.

use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Answer, Permit, Question};
use crate::ui::Ui;

/// The permit, once the word was typed. `what` was to be done, and `instead` says how things stand without it.
pub(super) fn ask(ui: &Ui, question: Question, what: &str, instead: &str) -> Result<Permit, Failure> {
    let typed = ui.ask(question.word());
    let exit = if typed.is_some() { Exit::Refused } else { Exit::Interrupted };
    match question.answer(&typed.unwrap_or_default()) {
        Answer::Granted(permit) => Ok(permit),
        Answer::Denied => Err(Failure::new(exit, format!("{what} was not confirmed")).say(instead)),
    }
}
