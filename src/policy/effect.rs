//! What a command does to data, as the guard has worked it out.

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
    /// The data stays on disk, but the service will start without it.
    Orphan,
    /// The data is not on disk any more.
    Destroy,
}

/// The piece of data an effect falls on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    /// A volume of the engine. Its creation time tells it from a later volume of the same name.
    Volume { name: String, created: Option<String>, anonymous: bool },
    /// A directory of the host.
    Directory { path: String },
    /// What a container wrote outside of any mount. It is as old as the container.
    Layer { container: String, created: Option<String> },
    /// The memory file system of a container.
    Tmpfs { container: String, path: String },
    /// A collection of a running server.
    Collection { service: String, name: String },
    /// An image of the engine.
    Image { name: String, id: String },
    /// A running service, where the effect is on the service and not on a place.
    Service { name: String },
}

/// One effect, on one piece of data, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    pub effect: Effect,
    pub subject: Subject,
    /// The services that keep data there.
    pub services: BTreeSet<String>,
    /// Why, in one sentence.
    pub reason: String,
    /// What is in it, as far as it can be told cheaply: `3 collections, 1204 points`.
    pub contents: Option<String>,
    /// Size in bytes, where the engine knows it.
    pub bytes: Option<u64>,
    /// The newest backup of its services, by name and creation time.
    pub newest_backup: Option<NewestBackup>,
    /// The settings say that this data may be thrown away without a question.
    pub disposable: bool,
    /// Worth a line, not a question: an anonymous volume of a service that is no data store we know, such as a
    /// `node_modules`. A question about those would teach people to answer without reading. A service that is only
    /// stopped is never asked about; of those this marks the ones that are worth a line.
    pub notice: bool,
}

/// The newest backup there is of a piece of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewestBackup {
    pub name: String,
    pub created: jiff::Timestamp,
}

impl Impact {
    /// An impact of which nothing but its cause is known yet.
    pub fn new(effect: Effect, subject: Subject, reason: impl Into<String>) -> Self {
        Self {
            effect,
            subject,
            services: BTreeSet::new(),
            reason: reason.into(),
            contents: None,
            bytes: None,
            newest_backup: None,
            disposable: false,
            notice: false,
        }
    }

    /// Whether it takes part in the decision.
    pub fn counts(&self) -> bool {
        !self.disposable && (!self.notice || self.effect == Effect::Interrupt)
    }
}

/// Everything that one command does to data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// The engine it would happen on, told from every other.
    pub engine: String,
    pub project: String,
    pub impacts: Vec<Impact>,
}

impl Assessment {
    /// The impacts of one kind that somebody has to decide on.
    pub fn of(&self, effect: Effect) -> impl Iterator<Item = &Impact> {
        self.impacts.iter().filter(move |impact| impact.effect == effect && impact.counts())
    }

    /// The worst that happens to data that somebody has to decide on.
    pub fn worst(&self) -> Effect {
        self.impacts.iter().filter(|impact| impact.counts()).map(|i| i.effect).max().unwrap_or(Effect::None)
    }
}
