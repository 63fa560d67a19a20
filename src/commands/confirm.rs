//! The question before something may be lost.

use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Answer, Approval, Question};
use crate::ui::Ui;

/// The approval, once the word was typed. `what` was to be done, and `instead` says how things stand without it.
pub(super) fn ask(ui: &Ui, question: Question, what: &str, instead: &str) -> Result<Approval, Failure> {
    let typed = ui.ask(question.word());
    let exit = if typed.is_some() { Exit::Refused } else { Exit::Interrupted };
    match question.answer(&typed.unwrap_or_default()) {
        Answer::Granted(approval) => Ok(approval),
        Answer::Denied => Err(Failure::new(exit, format!("{what} was not confirmed")).say(instead)),
    }
}
