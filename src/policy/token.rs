//! The confirmation token: it confirms one plan and no other.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::effect::{Assessment, Effect, Subject};

/// A digest of what would be lost: engine, project, and every destroyed or orphaned piece of data with its creation
/// time, and with the backup that a restore replaces it with. It confirms no other plan, no other engine, no recreated
/// volume of the same name, and no restore of another backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token of a plan.
    pub fn of(plan: &Assessment) -> Self {
        let mut lost: Vec<(Effect, &Subject, Option<&String>)> = plan
            .impacts
            .iter()
            .filter(|impact| impact.effect >= Effect::Orphan && impact.counts())
            .map(|impact| (impact.effect, &impact.subject, impact.replacement.as_ref()))
            .collect();
        lost.sort();
        let text = serde_json::to_vec(&(&plan.engine, &plan.project, lost)).expect("plain data serialises");
        let digest = Sha256::digest(&text);
        Self(hex::encode(&digest[..6]))
    }

    /// Whether the typed word is this token.
    pub fn matches(&self, typed: &str) -> bool {
        self.0 == typed
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::effect::Impact;

    fn plan(engine: &str, project: &str, volume: &str, created: &str) -> Assessment {
        Assessment {
            engine: engine.into(),
            project: project.into(),
            impacts: vec![Impact::new(
                Effect::Destroy,
                Subject::Volume { name: volume.into(), created: Some(created.into()), anonymous: false },
                "",
            )],
        }
    }

    #[test]
    fn a_token_fits_one_plan_only() {
        let token = Token::of(&plan("e", "p", "v", "t"));
        assert!(token.matches(&Token::of(&plan("e", "p", "v", "t")).to_string()));
        for other in [
            plan("f", "p", "v", "t"),
            plan("e", "q", "v", "t"),
            plan("e", "p", "w", "t"),
            plan("e", "p", "v", "u"),
        ] {
            assert!(!token.matches(&Token::of(&other).to_string()), "{other:?}");
        }
        assert!(!token.matches(""));
    }

    #[test]
    fn a_token_fits_the_restore_of_one_backup() {
        let restore = |backup: &str| {
            let mut plan = plan("e", "p", "v", "t");
            plan.impacts[0].replacement = Some(backup.into());
            Token::of(&plan)
        };
        assert_eq!(restore("a"), restore("a"));
        assert_ne!(restore("a"), restore("b"));
    }

    #[test]
    fn what_is_in_a_volume_does_not_change_its_token() {
        let mut later = plan("e", "p", "v", "t");
        later.impacts[0].bytes = Some(7);
        later.impacts[0].contents = Some("8 points".into());
        assert_eq!(Token::of(&later), Token::of(&plan("e", "p", "v", "t")));
    }
}
