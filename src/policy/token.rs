//! The confirmation token: it confirms one plan and no other, for one day.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::effect::{Assessment, Effect, Impact, Subject};

/// How many hours a token is valid after the one in which it was issued. The data goes on growing, so who confirmed a plan
/// weeks ago did not confirm the loss of what is there now. A measure of the data itself would make the token of a busy
/// database worthless before it can be typed.
const HOURS: i64 = 24;

/// How many hours a clock may be behind that of whoever issued the token.
const SKEW: i64 = 1;

/// The hour of issue as the token has it, modulo this: 7 years.
const CYCLE: i64 = 1 << 16;

/// A digest of what would be lost and of the hour of issue: engine, project, and every destroyed or orphaned piece of data
/// with what identifies it, and with the backup that a restore replaces it with. It confirms no other plan, no other
/// engine, no recreated volume of the same name, and no restore of another backup. The first four digits are the hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

/// What a typed token is for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenMatch {
    Valid,
    /// It was for this plan, and is too old.
    Expired,
    /// It is for another plan, or no token at all.
    Other,
}

impl Token {
    /// The token of a plan, issued now.
    pub fn of(plan: &Assessment, now: Timestamp) -> Self {
        Self::issued(plan, hour(now))
    }

    fn issued(plan: &Assessment, hour: i64) -> Self {
        let mut lost: Vec<(Effect, Subject, Option<&String>)> = plan
            .impacts
            .iter()
            .filter(|impact| impact.effect >= Effect::Orphan && impact.counts())
            .map(|impact| (impact.effect, identified(impact), impact.replacement.as_ref()))
            .collect();
        lost.sort();
        let text =
            serde_json::to_vec(&(hour, &plan.engine, &plan.project, lost)).expect("plain data serialises");
        let digest = Sha256::digest(&text);
        Self(format!("{:04x}{}", hour.rem_euclid(CYCLE), hex::encode(&digest[..4])))
    }

    /// What the typed word is for a plan now.
    pub(super) fn compare(typed: &str, plan: &Assessment, now: Timestamp) -> TokenMatch {
        let digits = typed.get(..4).and_then(|digits| i64::from_str_radix(digits, 16).ok());
        let Some(issued) = digits else { return TokenMatch::Other };
        // The latest hour with these digits that is not in the future.
        let latest = hour(now) + SKEW;
        let age = (latest - issued).rem_euclid(CYCLE);
        if Self::issued(plan, latest - age).0 != typed {
            TokenMatch::Other
        } else if age <= HOURS + SKEW {
            TokenMatch::Valid
        } else {
            TokenMatch::Expired
        }
    }
}

/// A subject by what stays as it is while the data is used.
fn identified(impact: &Impact) -> Subject {
    match &impact.subject {
        Subject::Volume { name, anonymous, .. } => {
            Subject::Volume { name: name.clone(), created: impact.identity.clone(), anonymous: *anonymous }
        }
        subject => subject.clone(),
    }
}

fn hour(time: Timestamp) -> i64 {
    time.as_second().div_euclid(3600)
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn plan(engine: &str, project: &str, volume: &str, created: &str) -> Assessment {
        Assessment {
            engine: engine.into(),
            project: project.into(),
            impacts: vec![Impact {
                identity: Some(created.into()),
                ..Impact::new(
                    Effect::Destroy,
                    Subject::Volume { name: volume.into(), created: None, anonymous: false },
                    "",
                )
            }],
        }
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn fits(token: &Token, plan: &Assessment) -> bool {
        Token::compare(&token.0, plan, NOW) == TokenMatch::Valid
    }

    #[test]
    fn a_token_fits_one_plan_only() {
        let token = Token::of(&plan("e", "p", "v", "t"), NOW);
        assert!(fits(&token, &plan("e", "p", "v", "t")));
        for other in [
            plan("f", "p", "v", "t"),
            plan("e", "q", "v", "t"),
            plan("e", "p", "w", "t"),
            plan("e", "p", "v", "u"),
        ] {
            assert!(!fits(&token, &other), "{other:?}");
        }
        for word in ["", "0", "0000", "zzzz00000000", "\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(Token::compare(word, &plan("e", "p", "v", "t"), NOW), TokenMatch::Other, "{word}");
        }
    }

    #[test]
    fn a_token_is_valid_for_a_day() {
        let plan = plan("e", "p", "v", "t");
        let at = |hour: i64| Timestamp::from_second(hour * 3600 + 1800).expect("a time");
        for start in [0, 495_000, 16 * CYCLE - 3] {
            let token = Token::of(&plan, at(start)).0;
            assert_eq!(token.len(), 12);
            for (later, expected) in [
                (0, TokenMatch::Valid),
                (-1, TokenMatch::Valid),
                (1, TokenMatch::Valid),
                (24, TokenMatch::Valid),
                (25, TokenMatch::Expired),
                (24 * 21, TokenMatch::Expired),
                (-2, TokenMatch::Other),
                (CYCLE, TokenMatch::Other),
            ] {
                assert_eq!(Token::compare(&token, &plan, at(start + later)), expected, "{start} {later}");
            }
        }
    }

    #[test]
    fn a_token_fits_the_restore_of_one_backup() {
        let restore = |backup: &str| {
            let mut plan = plan("e", "p", "v", "t");
            plan.impacts[0].replacement = Some(backup.into());
            Token::of(&plan, NOW)
        };
        assert_eq!(restore("a"), restore("a"));
        assert_ne!(restore("a"), restore("b"));
    }

    #[test]
    fn what_is_in_a_volume_does_not_change_its_token() {
        let mut later = plan("e", "p", "v", "t");
        later.impacts[0].bytes = Some(7);
        later.impacts[0].contents = Some("8 points".into());
        later.impacts[0].subject =
            Subject::Volume { name: "v".into(), created: Some("just now".into()), anonymous: false };
        assert_eq!(Token::of(&later, NOW), Token::of(&plan("e", "p", "v", "t"), NOW));
    }

    fn impact() -> impl Strategy<Value = Impact> {
        let effect =
            proptest::sample::select(vec![Effect::None, Effect::Interrupt, Effect::Orphan, Effect::Destroy]);
        let identity = proptest::option::of("[12]");
        let replacement = proptest::option::of("[xy]");
        (effect, "[ab]", identity, replacement, any::<[bool; 2]>(), 0..2_u64).prop_map(
            |(effect, name, identity, replacement, [disposable, anonymous], bytes)| {
                let created = Some(format!("{bytes} seconds ago"));
                let subject = Subject::Volume { name, created, anonymous };
                Impact {
                    identity,
                    replacement,
                    disposable,
                    bytes: Some(bytes),
                    ..Impact::new(effect, subject, "")
                }
            },
        )
    }

    fn plans() -> impl Strategy<Value = Assessment> {
        let impacts = proptest::collection::vec(impact(), 0..4);
        ("[ab]", "[ab]", impacts).prop_map(|(engine, project, impacts)| Assessment {
            engine,
            project,
            impacts,
        })
    }

    /// Effect, name, anonymous, identity, replacement.
    type Loss<'a> = (Effect, &'a str, bool, Option<&'a str>, Option<&'a str>);

    /// What a confirmation of a plan is for.
    fn confirmed(plan: &Assessment) -> (&str, &str, Vec<Loss<'_>>) {
        let is_loss = |one: &&Impact| one.effect >= Effect::Orphan && !one.disposable;
        let mut losses: Vec<_> = plan
            .impacts
            .iter()
            .filter(is_loss)
            .map(|one| {
                let Subject::Volume { name, anonymous, .. } = &one.subject else { panic!("all are volumes") };
                (one.effect, name.as_str(), *anonymous, one.identity.as_deref(), one.replacement.as_deref())
            })
            .collect();
        losses.sort();
        (&plan.engine, &plan.project, losses)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_token_is_for_what_is_lost_and_for_nothing_else(plans in proptest::collection::vec(plans(), 2..12), at in 0..2_i64) {
            let now = Timestamp::from_second(at * 7200).expect("a time");
            let tokens: Vec<String> = plans.iter().map(|plan| Token::of(plan, NOW).0).collect();
            let known: BTreeSet<_> = plans.iter().map(confirmed).collect();
            prop_assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), known.len());
            for (token, of) in tokens.iter().zip(&plans) {
                for plan in &plans {
                    let is_valid = Token::compare(token, plan, now) == TokenMatch::Valid;
                    prop_assert_eq!(is_valid, confirmed(of) == confirmed(plan));
                }
            }
        }
    }
}
