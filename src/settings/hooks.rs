//! `hooks`: programs that run when something happens to the project's data.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::duration;
use crate::event::EventKind;

/// How long a hook may take, unless the settings say so.
const TIMEOUT: Duration = Duration::from_mins(1);

/// `hooks`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookSettings {
    pub before_backup: Option<Hook>,
    pub after_backup: Option<Hook>,
    #[serde(deserialize_with = "reporting")]
    pub on_failure: Option<Hook>,
    #[serde(deserialize_with = "reporting")]
    pub on_loss: Option<Hook>,
    #[serde(deserialize_with = "reporting")]
    pub on_refusal: Option<Hook>,
}

/// `hooks.EVENT`: a list of words, or a mapping with more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The program and its arguments; at least the program.
    pub run: Vec<String>,
    pub timeout: Duration,
    on_error: Option<HookErrorMode>,
}

/// `on_error`: what follows if a hook fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookErrorMode {
    /// The backup does not count, and the command that needs it is not run.
    Fail,
    /// A warning is printed.
    Warn,
}

impl HookSettings {
    /// The hook of an event, and what follows if it fails.
    pub fn of(&self, event: EventKind) -> Option<(&Hook, HookErrorMode)> {
        let (hook, default) = match event {
            EventKind::BeforeBackup => (&self.before_backup, HookErrorMode::Fail),
            EventKind::AfterBackup => (&self.after_backup, HookErrorMode::Warn),
            EventKind::OnFailure => (&self.on_failure, HookErrorMode::Warn),
            EventKind::OnLoss => (&self.on_loss, HookErrorMode::Warn),
            EventKind::OnRefusal => (&self.on_refusal, HookErrorMode::Warn),
        };
        hook.as_ref().map(|hook| (hook, hook.on_error.unwrap_or(default)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HookMapping {
    run: Vec<String>,
    #[serde(default, deserialize_with = "duration::optional")]
    timeout: Option<Duration>,
    on_error: Option<HookErrorMode>,
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let HookMapping { run, timeout, on_error } = match Value::deserialize(deserializer)? {
            Value::Array(words) => {
                let run = Vec::deserialize(Value::Array(words)).map_err(D::Error::custom)?;
                HookMapping { run, timeout: None, on_error: None }
            }
            mapping @ Value::Object(_) => HookMapping::deserialize(mapping).map_err(D::Error::custom)?,
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
                return Err(D::Error::custom(
                    "a hook is a list: the program and its arguments. No shell reads it",
                ));
            }
        };
        if run.first().is_none_or(String::is_empty) {
            return Err(D::Error::custom("a hook needs a program"));
        }
        Ok(Self { run, timeout: timeout.unwrap_or(TIMEOUT), on_error })
    }
}

/// A hook that reports what has happened already. Its failure changes nothing.
fn reporting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hook>, D::Error> {
    let hook = Option::<Hook>::deserialize(deserializer)?;
    match &hook {
        Some(Hook { on_error: Some(HookErrorMode::Fail), .. }) => {
            Err(D::Error::custom("`on_error: fail` is only possible for `before_backup` and `after_backup`"))
        }
        Some(_) | None => Ok(hook),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    fn read(hooks: &Value) -> Result<HookSettings, String> {
        Settings::read(Some(&json!({ "hooks": hooks })))
            .map(|settings| settings.hooks)
            .map_err(|error| error.reason())
    }

    #[test]
    fn a_hook_is_a_list_or_a_mapping() {
        let hooks = read(&json!({
            "before_backup": ["./prepare", "--all"],
            "after_backup": { "run": ["./report"], "timeout": "2m30s", "on_error": "fail" },
        }))
        .expect("valid");
        let (before, mode) = hooks.of(EventKind::BeforeBackup).expect("set");
        assert_eq!(
            (before.run.join(" ").as_str(), before.timeout, mode),
            ("./prepare --all", TIMEOUT, HookErrorMode::Fail)
        );
        let (after, mode) = hooks.of(EventKind::AfterBackup).expect("set");
        assert_eq!((after.timeout, mode), (Duration::from_secs(150), HookErrorMode::Fail));
        assert_eq!(hooks.of(EventKind::OnLoss), None);
    }

    #[test]
    fn a_mistake_is_an_error() {
        for (hooks, reason) in [
            (json!({ "before_backup": "./prepare --all" }), "a hook is a list"),
            (json!({ "before_backup": [] }), "needs a program"),
            (json!({ "before_backup": [""] }), "needs a program"),
            (json!({ "before_backup": { "timeout": "5s" } }), "missing field `run`"),
            (json!({ "before_backup": { "run": ["a"], "shell": true } }), "unknown field `shell`"),
            (json!({ "before_backup": { "run": ["a"], "timeout": "soon" } }), "`soon` is no time"),
            (json!({ "before_backup": { "run": ["a"], "timeout": "0s" } }), "between"),
            (json!({ "before_backup": { "run": ["a"], "timeout": 90000 } }), "between"),
            (json!({ "on_loss": { "run": ["a"], "on_error": "fail" } }), "only possible for"),
            (json!({ "on_lost": ["a"] }), "unknown field `on_lost`"),
        ] {
            let error = read(&hooks).expect_err("a mistake");
            assert!(error.contains(reason), "{error}");
        }
    }
}
