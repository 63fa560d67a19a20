//! Decides from the plan, the settings and the terminal whether a command runs, asks or is refused.

use jiff::Timestamp;
use serde::Deserialize;

use super::clearance::{BackupStatus, Clearance};
use super::effect::{Assessment, Effect};
use super::token::{Token, TokenMatch};

/// What the settings say about one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardMode {
    /// Ask for the project name.
    #[default]
    Confirm,
    /// Never do it.
    Refuse,
    /// Do it without asking.
    Allow,
}

/// What is known when the decision is made.
#[derive(Debug)]
pub struct DecisionInput<'a> {
    pub plan: &'a Assessment,
    pub destroy: GuardMode,
    pub orphan: GuardMode,
    /// Whether there is a terminal to ask on.
    pub terminal: bool,
    /// The confirmation token of `--safe-allow`.
    pub allow: Option<&'a str>,
    /// A token is valid for a day.
    pub now: Timestamp,
}

/// What to do with a command.
#[derive(Debug)]
pub enum Decision {
    /// Run it.
    Allow(Approval),
    /// Ask for a word to be typed.
    Confirm(Confirmation),
    /// Do not run it.
    Refuse(Refusal),
}

/// The decision to carry out a plan, which becomes a [`Clearance`] once the data is backed up.
#[derive(Debug)]
pub struct Approval {
    plan: Assessment,
}

impl Approval {
    fn of(plan: &Assessment) -> Self {
        Self { plan: plan.clone() }
    }

    /// The approval of work that affects no data of a project: it happens in what was created for it.
    pub fn to_affect_nothing(engine: &str, project: &str) -> Self {
        let plan = Assessment { engine: engine.to_owned(), project: project.to_owned(), impacts: Vec::new() };
        Self { plan }
    }

    /// The only way to a [`Clearance`]: the plan was approved, and its data is backed up in this way.
    pub fn clear(self, backup: BackupStatus) -> Clearance {
        Clearance::granted(self.plan, backup)
    }
}

/// A question that is answered by typing a word.
#[derive(Debug)]
pub struct Confirmation {
    word: String,
    plan: Assessment,
}

/// The answer to a question.
#[derive(Debug)]
pub enum Answer {
    Granted(Approval),
    Denied,
}

impl Confirmation {
    /// The word to type.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Compares what was typed with the word, apart from surrounding spaces.
    pub fn answer(self, typed: &str) -> Answer {
        if typed.trim() == self.word { Answer::Granted(Approval { plan: self.plan }) } else { Answer::Denied }
    }
}

/// Why a command does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The setting for this effect forbids it.
    Settings(Effect),
    /// There is no terminal to ask on; this token confirms the plan.
    NoTerminal(Token),
    /// The given token belongs to another plan; this one confirms the plan.
    WrongToken(Token),
    /// The given token was for this plan, and is too old; this one confirms the plan.
    ExpiredToken(Token),
}

/// Decides about a plan.
pub fn decide(input: &DecisionInput<'_>) -> Decision {
    let worst = input.plan.worst();
    let mode = match worst {
        Effect::None | Effect::Interrupt => return Decision::Allow(Approval::of(input.plan)),
        Effect::Orphan => input.orphan,
        Effect::Destroy => stricter(
            input.destroy,
            if input.plan.of(Effect::Orphan).next().is_some() { input.orphan } else { GuardMode::Allow },
        ),
    };
    match mode {
        GuardMode::Refuse => {
            let by_destroy = worst == Effect::Destroy && input.destroy == GuardMode::Refuse;
            Decision::Refuse(Refusal::Settings(if by_destroy { Effect::Destroy } else { Effect::Orphan }))
        }
        GuardMode::Allow => Decision::Allow(Approval::of(input.plan)),
        GuardMode::Confirm => {
            let token = Token::of(input.plan, input.now);
            match input.allow.map(|word| Token::compare(word, input.plan, input.now)) {
                Some(TokenMatch::Valid) => Decision::Allow(Approval::of(input.plan)),
                Some(TokenMatch::Expired) => Decision::Refuse(Refusal::ExpiredToken(token)),
                Some(TokenMatch::Other) => Decision::Refuse(Refusal::WrongToken(token)),
                None if input.terminal => Decision::Confirm(Confirmation {
                    word: input.plan.project.clone(),
                    plan: input.plan.clone(),
                }),
                None => Decision::Refuse(Refusal::NoTerminal(token)),
            }
        }
    }
}

fn stricter(one: GuardMode, other: GuardMode) -> GuardMode {
    match (one, other) {
        (GuardMode::Refuse, _) | (_, GuardMode::Refuse) => GuardMode::Refuse,
        (GuardMode::Confirm, _) | (_, GuardMode::Confirm) => GuardMode::Confirm,
        (GuardMode::Allow, GuardMode::Allow) => GuardMode::Allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::effect::{Impact, Subject};

    fn plan(effect: Effect, disposable: bool) -> Assessment {
        let subject = Subject::Volume { name: "shop_db".into(), created: None, anonymous: false };
        Assessment {
            engine: "e".into(),
            project: "shop".into(),
            impacts: vec![Impact { disposable, ..Impact::new(effect, subject, "") }],
        }
    }

    fn input(plan: &Assessment, terminal: bool) -> DecisionInput<'_> {
        DecisionInput {
            plan,
            destroy: GuardMode::Confirm,
            orphan: GuardMode::Confirm,
            terminal,
            allow: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_loses_nothing_needs_no_question() {
        for effect in [Effect::None, Effect::Interrupt] {
            assert!(matches!(decide(&input(&plan(effect, false), false)), Decision::Allow(_)));
        }
        assert!(matches!(decide(&input(&plan(Effect::Destroy, true), false)), Decision::Allow(_)));
    }

    #[test]
    fn without_a_terminal_a_loss_is_refused_with_its_token() {
        for effect in [Effect::Orphan, Effect::Destroy] {
            let plan = plan(effect, false);
            let Decision::Refuse(Refusal::NoTerminal(token)) = decide(&input(&plan, false)) else {
                panic!("{effect:?} must be refused");
            };
            let word = token.to_string();
            let allowed = DecisionInput { allow: Some(&word), ..input(&plan, false) };
            assert!(matches!(decide(&allowed), Decision::Allow(_)));
            let now = Timestamp::from_second(2 * 24 * 3600).expect("a time");
            let late = DecisionInput { now, ..allowed };
            assert!(matches!(decide(&late), Decision::Refuse(Refusal::ExpiredToken(_))));
            let wrong = DecisionInput { allow: Some("0123456789ab"), ..input(&plan, true) };
            assert!(matches!(decide(&wrong), Decision::Refuse(Refusal::WrongToken(_))));
        }
    }

    #[test]
    fn only_the_project_name_confirms() {
        let plan = plan(Effect::Destroy, false);
        let ask = || match decide(&input(&plan, true)) {
            Decision::Confirm(question) => question,
            other => panic!("{other:?}"),
        };
        assert_eq!(ask().word(), "shop");
        assert!(matches!(ask().answer(" shop\n"), Answer::Granted(_)));
        for typed in ["", "y", "yes", "Shop", "shop_db"] {
            assert!(matches!(ask().answer(typed), Answer::Denied), "{typed:?}");
        }
    }

    #[test]
    fn the_settings_can_forbid_and_allow() {
        let plan = plan(Effect::Destroy, false);
        let refuse = DecisionInput { destroy: GuardMode::Refuse, ..input(&plan, true) };
        assert!(matches!(decide(&refuse), Decision::Refuse(Refusal::Settings(Effect::Destroy))));
        let allow = DecisionInput { destroy: GuardMode::Allow, ..input(&plan, false) };
        assert!(matches!(decide(&allow), Decision::Allow(_)));
        let orphan =
            DecisionInput { orphan: GuardMode::Refuse, destroy: GuardMode::Allow, ..input(&plan, true) };
        assert!(matches!(decide(&orphan), Decision::Allow(_)), "nothing is orphaned");
    }

    #[test]
    fn a_refusal_names_the_setting_that_forbids_it() {
        let mut both = plan(Effect::Destroy, false);
        both.impacts.extend(plan(Effect::Orphan, false).impacts);
        let orphan = DecisionInput { orphan: GuardMode::Refuse, ..input(&both, true) };
        assert!(matches!(decide(&orphan), Decision::Refuse(Refusal::Settings(Effect::Orphan))));
        let destroy = DecisionInput { destroy: GuardMode::Refuse, ..input(&both, true) };
        assert!(matches!(decide(&destroy), Decision::Refuse(Refusal::Settings(Effect::Destroy))));
    }

    #[test]
    fn a_clearance_carries_the_plan_and_the_backup_status() {
        let plan = plan(Effect::Destroy, true);
        let Decision::Allow(approval) = decide(&input(&plan, false)) else { panic!("it is disposable") };
        let clearance = approval.clear(BackupStatus::Waived);
        assert_eq!(clearance.plan(), &plan);
        assert_eq!(clearance.backup(), BackupStatus::Waived);
    }
}
