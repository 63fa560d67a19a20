//! The confirmation prompt.

use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Answer, Approval, Confirmation};
use crate::ui::Ui;

/// Asks the user to type a word. `what` names the action, and `instead` says what holds if the answer is no.
pub(super) fn ask(ui: &Ui, question: Confirmation, what: &str, instead: &str) -> Result<Approval, Failure> {
    let typed = ui.ask(question.word());
    let exit = if typed.is_some() { Exit::Refused } else { Exit::Interrupted };
    match question.answer(&typed.unwrap_or_default()) {
        Answer::Granted(approval) => Ok(approval),
        Answer::Denied => Err(Failure::new(exit, format!("{what} was not confirmed")).say(instead)),
    }
}
