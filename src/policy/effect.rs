//! What a command does to data, as the guard predicts it.

use std::collections::BTreeSet;

use serde::Serialize;

/// What happens to one piece of data, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The data stays and the service keeps seeing it.
    None,
    /// The service is stopped; its data stays.
    Interrupt,
    /// The data stays on disk, but the service starts without it.
    Orphan,
    /// The data is deleted or overwritten.
    Destroy,
}

/// The piece of data that an effect is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    /// A volume of the engine. Some engines report another creation time whenever a file is made at its top.
    Volume { name: String, created: Option<String>, anonymous: bool },
    /// A directory of the host.
    Directory { path: String },
    /// A container layer: what a container wrote outside of its mounts. It is as old as the container.
    Layer { container: String, created: Option<String> },
    /// A tmpfs of a container.
    Tmpfs { container: String, path: String },
    /// A collection of a running server.
    Collection { service: String, name: String },
    /// An image of the engine.
    Image { name: String, id: String },
    /// A running service, where the effect is on the service itself.
    Service { name: String },
}

/// One effect, on one piece of data, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    pub effect: Effect,
    pub subject: Subject,
    /// What tells a volume from a later one of the same name; `None` if nothing does. A confirmation is for this one only.
    #[serde(skip)]
    pub identity: Option<String>,
    /// The services that keep data there.
    pub services: BTreeSet<String>,
    /// Why, in one sentence.
    pub reason: String,
    /// What it contains, if that is cheap to find out: `3 collections, 1204 points`.
    pub contents: Option<String>,
    /// Size in bytes, if the engine knows it.
    pub bytes: Option<u64>,
    /// The newest backup of its services, by name and creation time.
    pub newest_backup: Option<NewestBackup>,
    /// Whether there is a backup is not known: this process may not read them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backups_unreadable: bool,
    /// The backup or file that a restore replaces the data with: a confirmation is for this one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// The settings declare this data disposable: it may be deleted without asking.
    pub disposable: bool,
    /// It is reported but takes no part in the decision: for example an anonymous volume of a service that is no known
    /// data store, such as `node_modules`. Questions about those would teach people to answer without reading. An
    /// interruption is never asked about; there it marks the ones that are reported before the command runs.
    pub notice: bool,
}

/// The newest backup of a piece of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewestBackup {
    pub name: String,
    pub created: jiff::Timestamp,
}

impl Impact {
    /// An impact of which only the cause is known yet.
    pub fn new(effect: Effect, subject: Subject, reason: impl Into<String>) -> Self {
        Self {
            effect,
            subject,
            identity: None,
            services: BTreeSet::new(),
            reason: reason.into(),
            contents: None,
            bytes: None,
            newest_backup: None,
            backups_unreadable: false,
            replacement: None,
            disposable: false,
            notice: false,
        }
    }

    /// Whether it is on a running service itself.
    pub fn is_on_service(&self, service: &str) -> bool {
        matches!(&self.subject, Subject::Service { name } if name == service)
    }

    /// Whether it takes part in the decision.
    pub fn counts(&self) -> bool {
        !self.disposable && (!self.notice || self.effect == Effect::Interrupt)
    }
}

/// Everything that one command does to data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// Identifies the engine.
    pub engine: String,
    pub project: String,
    pub impacts: Vec<Impact>,
}

impl Assessment {
    /// The impacts with one effect that take part in the decision.
    pub fn of(&self, effect: Effect) -> impl Iterator<Item = &Impact> {
        self.impacts.iter().filter(move |impact| impact.effect == effect && impact.counts())
    }

    /// The worst effect that takes part in the decision.
    pub fn worst(&self) -> Effect {
        self.impacts.iter().filter(|impact| impact.counts()).map(|i| i.effect).max().unwrap_or(Effect::None)
    }
}
