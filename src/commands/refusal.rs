//! Decides about a plan and renders the refusal: the one place for Compose's commands, `restore` and `unprotect`.

use super::confirm::ask;
use super::context::CommandContext;
use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Approval, Confirmation, Decision, DecisionInput, Effect, Refusal, decide as decide_on};
use crate::ui::Ui;

/// An action that may be refused, for messages.
pub(super) struct RefusableAction<'a> {
    /// The action as a noun: `` `down -v` ``.
    pub what: &'a str,
    /// A sentence: what the refusal leaves as it is.
    pub untouched: &'a str,
    /// Introduces the command that allows the action.
    pub allow: &'a str,
}

/// A decision that is no refusal.
#[must_use]
#[derive(Debug)]
pub(super) enum Permission {
    Granted(Approval),
    /// Somebody has to confirm it first.
    Ask(Confirmation),
}

/// The permission for an action, or the refusal with its reason.
pub(super) fn decide(
    command: &CommandContext,
    input: &DecisionInput<'_>,
    action: &RefusableAction<'_>,
) -> Result<Permission, Failure> {
    match decide_on(input) {
        Decision::Allow(approval) => Ok(Permission::Granted(approval)),
        Decision::Confirm(question) => Ok(Permission::Ask(question)),
        Decision::Refuse(refusal) => Err(render(command, action, &refusal)),
    }
}

impl Permission {
    /// Asks, if it has to be confirmed. `instead` says what holds if the answer is no.
    pub(super) fn confirm(self, ui: &Ui, what: &str, instead: &str) -> Result<Approval, Failure> {
        match self {
            Self::Granted(approval) => Ok(approval),
            Self::Ask(question) => ask(ui, question, what, instead),
        }
    }
}

fn render(command: &CommandContext, action: &RefusableAction<'_>, refusal: &Refusal) -> Failure {
    let RefusableAction { what, untouched, allow } = action;
    let refused =
        |why: String| Failure::new(Exit::Refused, format!("{what} was refused: {why}")).say(*untouched);
    let (failure, token) = match refusal {
        Refusal::Settings(effect) => {
            let setting = match effect {
                Effect::Destroy => "destroy",
                Effect::Orphan | Effect::Interrupt | Effect::None => "orphan",
            };
            return refused(format!("the settings say `guard.{setting}: refuse`"));
        }
        Refusal::NoTerminal(token) => (refused("there is no terminal to ask on".to_owned()), token),
        Refusal::WrongToken(token) => (
            refused("the token belongs to another plan".to_owned())
                .say("The data has changed since the token was printed, or the token is for something else."),
            token,
        ),
    };
    failure.run(*allow, command.suggest.again(&format!("--safe-allow={token}"), &command.words))
}
