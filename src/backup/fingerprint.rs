//! What can be counted about a store, to compare one time with another.

pub mod sample;
pub mod write_position;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use sample::{Divergence, Sample};
use write_position::WritePosition;

/// What a store held at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Fingerprint {
    Qdrant(QdrantFingerprint),
    /// Plain files.
    Volume {
        entries: u64,
        bytes: u64,
    },
}

impl Fingerprint {
    /// This, with some collections and aliases as they are in `now`.
    #[must_use]
    pub fn with(mut self, now: &Self, collections: &[&str], aliases: &[String]) -> Self {
        match (&mut self, now) {
            (Self::Qdrant(recorded), Self::Qdrant(now)) => {
                for name in collections {
                    if let Some(collection) = now.collections.get(*name) {
                        recorded.collections.insert((*name).to_owned(), collection.clone());
                    }
                }
                for alias in aliases {
                    if let Some(collection) = now.aliases.get(alias) {
                        recorded.aliases.insert(alias.clone(), collection.clone());
                    }
                }
                self
            }
            (Self::Volume { .. }, _) | (_, Self::Volume { .. }) => now.clone(),
        }
    }
}

/// What a Qdrant server held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QdrantFingerprint {
    pub version: String,
    pub collections: BTreeMap<String, CollectionFingerprint>,
    /// Alias to collection.
    pub aliases: BTreeMap<String, String>,
}

/// One collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionFingerprint {
    /// Exact count; `None` when the collection could not be read, and then `unreadable` says why.
    pub points: Option<u64>,
    /// A second exact count, of after the snapshot, where it was another one: points were written meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_after: Option<u64>,
    /// `green`, `yellow`, `grey` or `red`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// `config` of the collection's info, as the server prints it.
    pub config: serde_json::Value,
    /// Indexed payload field to `{data_type, params}`, without the counter `points`.
    pub payload_schema: serde_json::Value,
    /// A few of its points; `None` where the server gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Where its writes stood just before; `None` if the server does not report it. Called `mark` in older files.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "mark")]
    pub write_position: Option<WritePosition>,
}

impl CollectionFingerprint {
    /// How the sampled points are in a later look at the collection.
    pub fn diverges(&self, now: &Self) -> Divergence {
        match (&self.sample, &now.sample) {
            (Some(before), Some(now)) => before.diverges(now),
            _ => Divergence::default(),
        }
    }

    /// Whether nobody has written to it between this look and a later one, as far as the server's counters tell.
    pub fn is_unwritten(&self, now: &Self) -> bool {
        self.points_after.is_none()
            && matches!((&self.write_position, &now.write_position), (Some(before), Some(now)) if now.same_writes(before))
    }
}

/// One way in which a store is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    MissingCollection {
        collection: String,
        points: Option<u64>,
    },
    FewerPoints {
        collection: String,
        recorded: u64,
        now: u64,
    },
    OtherVectors {
        collection: String,
        recorded: String,
        now: String,
    },
    /// Of `sampled` points, so many have a vector of zeros now that was not zero.
    ZeroVectors {
        collection: String,
        zeroed: u64,
        sampled: u64,
    },
    /// Of `sampled` points, so many are gone or have other contents, though nobody has written.
    OtherPoints {
        collection: String,
        missing: u64,
        changed: u64,
        sampled: u64,
    },
    Unreadable {
        collection: String,
        reason: String,
    },
    Red {
        collection: String,
    },
    MissingAlias {
        alias: String,
        collection: String,
    },
    MovedAlias {
        alias: String,
        recorded: String,
        now: String,
    },
    FewerFiles {
        recorded: u64,
        now: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingCollection { collection, points: Some(points) } => {
                write!(f, "collection `{collection}` is gone ({})", crate::units::count(*points, "point"))
            }
            Self::MissingCollection { collection, points: None } => {
                write!(f, "collection `{collection}` is gone")
            }
            Self::FewerPoints { collection, recorded, now } => {
                write!(f, "collection `{collection}` has {now} of {recorded} points")
            }
            Self::OtherVectors { collection, recorded, now } => {
                write!(f, "collection `{collection}` has other vectors: {now} instead of {recorded}")
            }
            Self::ZeroVectors { collection, zeroed, sampled } => write!(
                f,
                "collection `{collection}` has vectors of zeros where there were others: {zeroed} of {sampled} points \
                 that were looked at"
            ),
            Self::OtherPoints { collection, missing, changed, sampled } => write!(
                f,
                "collection `{collection}` is not what it was: of {sampled} points that were looked at {missing} are \
                 gone and {changed} have other contents"
            ),
            Self::Unreadable { collection, reason } => {
                write!(f, "collection `{collection}` cannot be read: {reason}")
            }
            Self::Red { collection } => {
                write!(f, "collection `{collection}` is red: an operation on it failed")
            }
            Self::MissingAlias { alias, collection } => {
                write!(f, "alias `{alias}` of collection `{collection}` is gone")
            }
            Self::MovedAlias { alias, recorded, now } => {
                write!(f, "alias `{alias}` leads to `{now}` instead of `{recorded}`")
            }
            Self::FewerFiles { recorded, now } => write!(f, "{now} of {recorded} files are there"),
        }
    }
}
