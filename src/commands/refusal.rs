//! Decides about a plan and renders the refusal: the one place for Compose's commands, `restore` and `unprotect`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::confirm::ask;
use super::context::CommandContext;
use crate::error::{Failure, Hint};
use crate::exit::Exit;
use crate::policy::{
    Approval, Assessment, Confirmation, Decision, DecisionInput, Effect, Impact, Refusal, Subject,
    decide as decide_on,
};
use crate::suggest::Suggest;
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
pub(super) enum ApprovalState {
    Granted(Approval),
    /// Somebody has to confirm it first.
    Ask(Confirmation),
}

/// The permission for an action, or the refusal with its reason.
pub(super) fn decide(
    command: &CommandContext,
    input: &DecisionInput<'_>,
    action: &RefusableAction<'_>,
) -> Result<ApprovalState, Failure> {
    match decide_on(input) {
        Decision::Allow(approval) => Ok(ApprovalState::Granted(approval)),
        Decision::Confirm(question) => Ok(ApprovalState::Ask(question)),
        Decision::Refuse(refusal) => {
            command.record.refused();
            let mut failure = render(&command.suggest, &command.words, action, &refusal);
            // Nobody reads the plan of a workflow before it fails, so what to write into it comes first.
            if command.env.ci && command.composes().is_some() && matches!(refusal, Refusal::NoTerminal(_)) {
                failure.hints.insert(0, Hint::Say(workflow_hint(input.plan)));
                return Err(failure);
            }
            Err(disposable_hint(input.plan).into_iter().fold(failure, Failure::say))
        }
    }
}

impl ApprovalState {
    /// Asks, if it has to be confirmed. `instead` says what holds if the answer is no.
    pub(super) fn confirm(self, ui: &Ui, what: &str, instead: &str) -> Result<Approval, Failure> {
        match self {
            Self::Granted(approval) => Ok(approval),
            Self::Ask(question) => ask(ui, question, what, instead),
        }
    }
}

/// How to declare data in container layers disposable: mostly they belong to a cache, or to a test.
fn disposable_hint(plan: &Assessment) -> Option<String> {
    let layers = plan.of(Effect::Destroy).filter(|impact| matches!(impact.subject, Subject::Layer { .. }));
    let setting = disposable_setting(layers)?;
    Some(format!(
        "If data in the container does not matter, say so in the Compose file, with `{setting}`, or for one run with \
         `{}={}`.",
        crate::env::DISPOSABLE,
        plan.project
    ))
}

/// What to put into a workflow: the usual reason for a refusal there is data of a test.
fn workflow_hint(plan: &Assessment) -> String {
    let at_stake = plan.impacts.iter().filter(|impact| impact.counts() && impact.effect >= Effect::Orphan);
    let in_file =
        disposable_setting(at_stake).map(|setting| format!(", or put `{setting}` into the Compose file"));
    format!(
        "In this workflow, if the data belongs to a test: set `{}={}`{}. Otherwise run the command with the token below.",
        crate::env::DISPOSABLE,
        plan.project,
        in_file.unwrap_or_default()
    )
}

/// The setting that declares the data of the affected services disposable.
fn disposable_setting<'a>(impacts: impl Iterator<Item = &'a Impact>) -> Option<String> {
    let services: BTreeSet<&String> = impacts.flat_map(|impact| &impact.services).collect();
    let names: Vec<String> =
        services.into_iter().map(|name| format!("{name}: {{ disposable: true }}")).collect();
    (!names.is_empty()).then(|| format!("x-safe-compose: {{ services: {{ {} }} }}", names.join(", ")))
}

fn render(suggest: &Suggest, words: &[OsString], action: &RefusableAction<'_>, refusal: &Refusal) -> Failure {
    let RefusableAction { what, untouched, allow } = action;
    let refused =
        |why: String| Failure::new(Exit::Refused, format!("{what} was refused: {why}")).say(*untouched);
    let (failure, token) = match refusal {
        Refusal::Settings(effect) => {
            let setting = match effect {
                Effect::Destroy => "destroy",
                Effect::Orphan | Effect::Interrupt | Effect::None => "orphan",
            };
            return refused(format!("the settings say `guard.{setting}: refuse`")).say(format!(
                "To be asked instead, set `guard.{setting}: confirm` under `x-safe-compose` in the Compose file."
            ));
        }
        Refusal::NoTerminal(token) => (refused("there is no terminal to ask on".to_owned()), token),
        Refusal::WrongToken(token) => (
            refused("the token belongs to another plan".to_owned())
                .say("The data has changed since the token was printed, or the token is for something else."),
            token,
        ),
        Refusal::ExpiredToken(token) => (
            refused("the token has expired".to_owned())
                .say("A token is valid for a day: the data may have changed since. This one is new."),
            token,
        ),
    };
    failure.run(*allow, suggest.again(&format!("--safe-allow={token}"), words))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::policy::Token;

    /// Everything that is printed, without the layout.
    fn text(refusal: &Refusal) -> String {
        let suggest = Suggest::new(OsStr::new("docker-compose"), &[]);
        let words = "down -v".split(' ').map(OsString::from).collect::<Vec<_>>();
        let action = RefusableAction {
            what: "`down -v`",
            untouched: "Nothing was run, and no data was lost.",
            allow: "To run exactly this command once",
        };
        let failure = render(&suggest, &words, &action, refusal);
        assert_eq!(failure.exit, Exit::Refused);
        let hints = failure.hints.iter().map(|hint| match hint {
            Hint::Say(sentence) => sentence.clone(),
            Hint::Run { why, command } => format!("{why}: {command}"),
        });
        std::iter::once(failure.message.clone()).chain(hints).collect::<Vec<_>>().join("\n")
    }

    fn token() -> Token {
        let subject = Subject::Volume { name: "shop_data".into(), created: None, anonymous: false };
        let impacts = vec![Impact::new(Effect::Destroy, subject, "")];
        Token::of(&Assessment { engine: "e".into(), project: "shop".into(), impacts }, jiff::Timestamp::now())
    }

    #[test]
    fn a_refusal_gives_the_true_reason() {
        let token = token();
        insta::assert_snapshot!(
            text(&Refusal::NoTerminal(token.clone())).replace(&token.to_string(), "TOKEN"),
            @r"
        `down -v` was refused: there is no terminal to ask on
        Nothing was run, and no data was lost.
        To run exactly this command once: docker-compose --safe-allow=TOKEN down -v
        "
        );
        insta::assert_snapshot!(
            text(&Refusal::WrongToken(token.clone())).replace(&token.to_string(), "TOKEN"),
            @r"
        `down -v` was refused: the token belongs to another plan
        Nothing was run, and no data was lost.
        The data has changed since the token was printed, or the token is for something else.
        To run exactly this command once: docker-compose --safe-allow=TOKEN down -v
        "
        );
        insta::assert_snapshot!(
            text(&Refusal::ExpiredToken(token.clone())).replace(&token.to_string(), "TOKEN"),
            @r"
        `down -v` was refused: the token has expired
        Nothing was run, and no data was lost.
        A token is valid for a day: the data may have changed since. This one is new.
        To run exactly this command once: docker-compose --safe-allow=TOKEN down -v
        "
        );
        insta::assert_snapshot!(text(&Refusal::Settings(Effect::Orphan)), @r"
        `down -v` was refused: the settings say `guard.orphan: refuse`
        Nothing was run, and no data was lost.
        To be asked instead, set `guard.orphan: confirm` under `x-safe-compose` in the Compose file.
        ");
    }
}
