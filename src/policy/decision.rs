//! From what would happen, what is saved and who can be asked, to what is done.

use serde::Deserialize;

use super::clearance::Clearance;
use super::effect::{Assessment, Effect};
use super::token::Token;

/// What the settings say about one kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Ask for the project's name.
    #[default]
    Confirm,
    /// Never do it.
    Refuse,
    /// Do it without a question.
    Allow,
}

/// What is known when the decision is made.
#[derive(Debug)]
pub struct DecisionInput<'a> {
    pub plan: &'a Assessment,
    pub destroy: Rule,
    pub orphan: Rule,
    /// Whether somebody can be asked.
    pub terminal: bool,
    /// The word given with `--safe-allow`.
    pub allow: Option<&'a str>,
}

/// How the data that would be lost is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStatus {
    /// Every piece is in a backup that was read back and checked.
    Verified,
    /// Somebody said `--safe-skip-backup`; the journal has it.
    Waived,
    /// There is nothing in it to save.
    Nothing,
}

/// What to do with a command.
#[derive(Debug)]
pub enum Decision {
    /// Run it.
    Allow(Approval),
    /// Ask for `word` to be typed.
    Confirm(Question),
    /// Do not run it.
    Refuse(Refusal),
}

/// Leave to run, which becomes a [`Clearance`] when the data is saved.
#[derive(Debug)]
pub struct Approval(());

impl Approval {
    /// Every way to lose data ends here: the decision is made, and this is how the data is saved.
    pub fn clear(self, _: BackupStatus) -> Clearance {
        Clearance::granted()
    }
}

/// A question that only the right word opens.
#[derive(Debug)]
pub struct Question {
    word: String,
}

/// What a question got.
#[derive(Debug)]
pub enum Answer {
    Granted(Approval),
    Denied,
}

impl Question {
    /// The word to type.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Compares what was typed, spaces around it aside.
    pub fn answer(self, typed: &str) -> Answer {
        if typed.trim() == self.word { Answer::Granted(Approval(())) } else { Answer::Denied }
    }
}

/// Why a command does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The settings forbid it.
    Settings(Effect),
    /// Nobody can be asked; this token would open it.
    NoTerminal(Token),
    /// The token given belongs to another plan.
    WrongToken(Token),
}

/// Decides.
pub fn decide(input: &DecisionInput<'_>) -> Decision {
    let worst = input.plan.worst();
    let rule = match worst {
        Effect::None | Effect::Interrupt => return Decision::Allow(Approval(())),
        Effect::Orphan => input.orphan,
        Effect::Destroy => stricter(
            input.destroy,
            if input.plan.of(Effect::Orphan).next().is_some() { input.orphan } else { Rule::Allow },
        ),
    };
    match rule {
        Rule::Refuse => Decision::Refuse(Refusal::Settings(worst)),
        Rule::Allow => Decision::Allow(Approval(())),
        Rule::Confirm => {
            let token = Token::of(input.plan);
            match input.allow {
                Some(word) if token.matches(word) => Decision::Allow(Approval(())),
                Some(_) => Decision::Refuse(Refusal::WrongToken(token)),
                None if input.terminal => Decision::Confirm(Question { word: input.plan.project.clone() }),
                None => Decision::Refuse(Refusal::NoTerminal(token)),
            }
        }
    }
}

fn stricter(one: Rule, other: Rule) -> Rule {
    match (one, other) {
        (Rule::Refuse, _) | (_, Rule::Refuse) => Rule::Refuse,
        (Rule::Confirm, _) | (_, Rule::Confirm) => Rule::Confirm,
        (Rule::Allow, Rule::Allow) => Rule::Allow,
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
        DecisionInput { plan, destroy: Rule::Confirm, orphan: Rule::Confirm, terminal, allow: None }
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
            let wrong = DecisionInput { allow: Some("0123456789ab"), ..input(&plan, true) };
            assert!(matches!(decide(&wrong), Decision::Refuse(Refusal::WrongToken(_))));
        }
    }

    #[test]
    fn only_the_project_name_opens_the_question() {
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
        let refuse = DecisionInput { destroy: Rule::Refuse, ..input(&plan, true) };
        assert!(matches!(decide(&refuse), Decision::Refuse(Refusal::Settings(Effect::Destroy))));
        let allow = DecisionInput { destroy: Rule::Allow, ..input(&plan, false) };
        assert!(matches!(decide(&allow), Decision::Allow(_)));
        let orphan = DecisionInput { orphan: Rule::Refuse, destroy: Rule::Allow, ..input(&plan, true) };
        assert!(matches!(decide(&orphan), Decision::Allow(_)), "nothing is orphaned");
    }
}
