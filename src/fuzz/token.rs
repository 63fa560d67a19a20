//! Confirmation tokens: the typed word, and after a NUL each the engine, the project, a volume and its identity.

use jiff::{SignedDuration, Timestamp};

use crate::policy::{
    Assessment, Decision, DecisionInput, Effect, GuardMode, Impact, Refusal, Subject, Token, decide,
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut fields = text.splitn(5, '\0');
    let typed = fields.next().unwrap_or_default();
    let [engine, project, volume, identity] = std::array::from_fn(|_| fields.next().unwrap_or_default());
    let plan = plan(engine, project, volume, identity);
    let token = Token::of(&plan, NOW).to_string();
    assert!(is_allowed(&plan, &token), "the token of a plan confirms it");
    // Those of the last day are valid, and of the hour to come.
    let is_one =
        (-1..=24).any(|ago| Token::of(&plan, NOW - SignedDuration::from_hours(ago)).to_string() == typed);
    assert_eq!(is_allowed(&plan, typed), is_one, "{typed:?}, where the token is {token}");
    let other = self::plan(engine, project, volume, &format!("{identity}2"));
    assert!(!is_allowed(&other, &token), "the volume was created again");
}

fn plan(engine: &str, project: &str, volume: &str, identity: &str) -> Assessment {
    let subject = Subject::Volume { name: volume.to_owned(), created: None, anonymous: false };
    Assessment {
        engine: engine.to_owned(),
        project: project.to_owned(),
        impacts: vec![Impact {
            identity: Some(identity.to_owned()),
            ..Impact::new(Effect::Destroy, subject, "")
        }],
    }
}

fn is_allowed(plan: &Assessment, typed: &str) -> bool {
    let input = DecisionInput {
        plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: true,
        allow: Some(typed),
        now: NOW,
    };
    match decide(&input) {
        Decision::Allow(_) => true,
        Decision::Refuse(Refusal::WrongToken(_) | Refusal::ExpiredToken(_)) => false,
        other => panic!("a token is right or wrong: {other:?}"),
    }
}
