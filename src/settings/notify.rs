//! `notify`: hosts that are told when something happens to the project's data.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::duration;
use crate::event::EventKind;

/// How long a host may take to answer, unless the settings say so.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time that a host may have: somebody waits for the command.
const LONGEST: Duration = Duration::from_mins(1);

/// `notify[N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyTarget {
    pub kind: NotifyKind,
    pub url: Url,
    pub token: Option<NotifyToken>,
    pub events: Vec<EventKind>,
    pub timeout: Duration,
}

/// `kind`: the service at the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyKind {
    /// A topic of ntfy.
    Ntfy,
    /// A Gotify server.
    Gotify,
    /// A check of healthchecks.io, or of a server with the same pings.
    Healthchecks,
    /// Any URL, which gets the event as JSON.
    Webhook,
}

/// Where the token for a host is. It is never in the Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyToken {
    /// `token_file`: relative to the project directory.
    File(PathBuf),
    /// `token_env`: a variable of this process.
    Variable(String),
}

impl NotifyKind {
    /// The events that it is told of, unless the settings say so.
    fn events(self) -> Vec<EventKind> {
        use EventKind as E;
        match self {
            Self::Ntfy | Self::Gotify | Self::Webhook => vec![E::OnFailure, E::OnLoss, E::OnRefusal],
            Self::Healthchecks => vec![E::BeforeBackup, E::AfterBackup, E::OnFailure, E::OnLoss],
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyMapping {
    kind: NotifyKind,
    url: String,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    events: Option<Vec<EventKind>>,
    #[serde(default, deserialize_with = "duration::optional")]
    timeout: Option<Duration>,
}

impl<'de> Deserialize<'de> for NotifyTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let NotifyMapping { kind, url, token_file, token_env, events, timeout } =
            NotifyMapping::deserialize(deserializer)?;
        // The error does not name the URL, which may have a password.
        let url = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| D::Error::custom("`url` is not an `http://` or `https://` URL"))?;
        let token = match (token_file, token_env) {
            (Some(_), Some(_)) => return Err(D::Error::custom("set either `token_file` or `token_env`")),
            (Some(file), None) => Some(NotifyToken::File(file)),
            (None, Some(name)) => Some(NotifyToken::Variable(name)),
            (None, None) => None,
        };
        match (kind, &token) {
            (NotifyKind::Gotify, None) => {
                return Err(D::Error::custom("`gotify` needs `token_file` or `token_env`"));
            }
            (NotifyKind::Ntfy, _) if url.path().trim_matches('/').is_empty() => {
                return Err(D::Error::custom("the `url` of `ntfy` ends with the topic"));
            }
            (NotifyKind::Ntfy | NotifyKind::Gotify | NotifyKind::Healthchecks | NotifyKind::Webhook, _) => {}
        }
        let timeout = timeout.unwrap_or(TIMEOUT);
        if timeout > LONGEST {
            return Err(D::Error::custom("the `timeout` of a notification is 60 seconds at most"));
        }
        Ok(Self { kind, url, token, events: events.unwrap_or_else(|| kind.events()), timeout })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::Settings;

    fn read(target: &Value) -> Result<NotifyTarget, String> {
        Settings::read(Some(&json!({ "notify": [target] })))
            .map(|mut settings| settings.notify.remove(0))
            .map_err(|error| error.reason())
    }

    #[test]
    fn unset_fields_have_defaults() {
        let target = read(&json!({ "kind": "ntfy", "url": "https://ntfy.example/shop" })).expect("valid");
        assert_eq!(target.events, [EventKind::OnFailure, EventKind::OnLoss, EventKind::OnRefusal]);
        assert_eq!((target.token, target.timeout), (None, TIMEOUT));
        let target = read(&json!({
            "kind": "webhook", "url": "http://10.0.0.1/x", "token_env": "T", "events": ["on_loss"], "timeout": 3,
        }));
        let target = target.expect("valid");
        assert_eq!(target.events, [EventKind::OnLoss]);
        assert_eq!(target.token, Some(NotifyToken::Variable("T".into())));
        assert_eq!(target.timeout, Duration::from_secs(3));
    }

    #[test]
    fn a_mistake_is_an_error_without_the_url() {
        for (target, reason) in [
            (json!({ "url": "https://me:hunter2@x" }), "missing field `kind`"),
            (json!({ "kind": "slack", "url": "https://hunter2" }), "unknown variant `slack`"),
            (json!({ "kind": "webhook", "url": "hunter2" }), "is not an `http://`"),
            (json!({ "kind": "webhook", "url": "file:///hunter2" }), "is not an `http://`"),
            (json!({ "kind": "webhook", "url": "https://x", "token": "hunter2" }), "unknown field `token`"),
            (json!({ "kind": "ntfy", "url": "https://hunter2.example/" }), "ends with the topic"),
            (json!({ "kind": "gotify", "url": "https://hunter2" }), "needs `token_file`"),
            (json!({ "kind": "webhook", "url": "https://x", "token_env": "T", "token_file": "f" }), "either"),
            (
                json!({ "kind": "webhook", "url": "https://x", "events": ["on_lost"] }),
                "unknown variant `on_lost`",
            ),
            (json!({ "kind": "webhook", "url": "https://x", "timeout": "2m" }), "60 seconds at most"),
        ] {
            let error = read(&target).expect_err("a mistake");
            assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
        }
    }
}
