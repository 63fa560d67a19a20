//! Fingerprints: what can be counted and sampled in a store, to compare two points in time.

pub mod database_position;
pub mod sample;
pub mod write_position;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use database_position::DatabasePosition;
use sample::{Divergence, Sample};
use write_position::WritePosition;

/// What a store contained at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Fingerprint {
    Qdrant(QdrantFingerprint),
    /// Plain files.
    Volume {
        entries: u64,
        bytes: u64,
    },
    Databases(DatabasesFingerprint),
}

impl Fingerprint {
    /// A copy with some collections and aliases taken from `now`.
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
            (Self::Volume { .. } | Self::Databases(_), _) | (_, Self::Volume { .. } | Self::Databases(_)) => {
                now.clone()
            }
        }
    }
}

impl Fingerprint {
    /// Whether something was written between this fingerprint and a later one, according to the server's counters, or to
    /// the counts where it reports none.
    pub fn was_written_until(&self, now: &Self) -> bool {
        let (Self::Qdrant(then), Self::Qdrant(now)) = (self, now) else { return self != now };
        let written = |name: &String, then: &CollectionFingerprint| match now.collections.get(name) {
            None => true,
            Some(now) if then.write_position.is_some() && now.write_position.is_some() => {
                !then.is_unwritten(now)
            }
            Some(now) => then.points_after.is_some() || then.points != now.points,
        };
        then.aliases != now.aliases
            || then.collections.len() != now.collections.len()
            || then.collections.iter().any(|(name, then)| written(name, then))
    }
}

/// What a Qdrant server contained.
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
    /// The exact count; `None` if the collection could not be read, for the reason in `unreadable`.
    pub points: Option<u64>,
    /// A second exact count after the snapshot, if it differs: points were written in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_after: Option<u64>,
    /// `green`, `yellow`, `grey` or `red`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// `config` of the collection's info, as the server reports it.
    pub config: serde_json::Value,
    /// Indexed payload fields with `{data_type, params}`, without the counter `points`.
    pub payload_schema: serde_json::Value,
    /// A sample of its points; `None` if the server returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Where its writes stood just before; `None` if the server does not report it. Called `mark` in older files.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "mark")]
    pub write_position: Option<WritePosition>,
}

impl CollectionFingerprint {
    /// How the sampled points differ in a later fingerprint of the collection.
    pub fn diverges(&self, now: &Self) -> Divergence {
        match (&self.sample, &now.sample) {
            (Some(before), Some(now)) => before.diverges(now),
            _ => Divergence::default(),
        }
    }

    /// Whether nothing was written between this fingerprint and a later one, according to the server's counters.
    pub fn is_unwritten(&self, now: &Self) -> bool {
        self.points_after.is_none()
            && matches!((&self.write_position, &now.write_position), (Some(before), Some(now)) if now.same_writes(before))
    }
}

/// What a database server contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasesFingerprint {
    pub version: String,
    pub databases: BTreeMap<String, DatabaseFingerprint>,
    /// Where the writes of the server stood during its dump, if nothing was written meanwhile and the server reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Box<DatabasePosition>>,
}

/// One database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseFingerprint {
    /// The exact number of rows of each table, as `schema.table`. Tables of extensions are not among them.
    pub tables: BTreeMap<String, u64>,
    /// Everything that the user has created in it: tables, views, functions, schemas, extensions and large objects.
    pub objects: u64,
    #[serde(default)]
    pub large_objects: u64,
    /// The versions of its extensions.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
}

impl DatabaseFingerprint {
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

impl DatabasesFingerprint {
    /// The rows of all databases.
    pub fn rows(&self) -> u64 {
        self.databases.values().map(DatabaseFingerprint::rows).sum()
    }
}

/// One way in which a store differs from its fingerprint.
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
    /// Of `sampled` points, this many have a vector that has become zero.
    ZeroVectors {
        collection: String,
        zeroed: u64,
        sampled: u64,
    },
    /// Of `sampled` points, this many are missing or have different contents.
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
    /// Nothing is left.
    NoData,
    /// Nothing is left in the volume, which is certainly the same.
    EmptiedVolume {
        volume: String,
    },
    /// There are files, but not those of the server.
    NoServerData {
        server: String,
    },
    /// The data is that of another server of the same program.
    OtherServer {
        server: String,
        recorded: String,
        now: String,
    },
    /// The volume was removed, and created again under its name.
    RecreatedVolume {
        volume: String,
    },
    /// The data is in none of the recorded volumes.
    OtherVolume {
        recorded: String,
        now: String,
    },
    /// The volume was removed, and the service has no container.
    RemovedVolume {
        volume: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingCollection { collection, points: Some(points) } => {
                write!(f, "collection `{collection}` is missing ({})", crate::units::count(*points, "point"))
            }
            Self::MissingCollection { collection, points: None } => {
                write!(f, "collection `{collection}` is missing")
            }
            Self::FewerPoints { collection, recorded, now } => {
                write!(f, "collection `{collection}` has {now} of {recorded} points")
            }
            Self::OtherVectors { collection, recorded, now } => {
                write!(f, "collection `{collection}` has different vectors: {now} instead of {recorded}")
            }
            Self::ZeroVectors { collection, zeroed, sampled } => write!(
                f,
                "collection `{collection}` has lost vectors: {zeroed} of {sampled} sampled points have a vector of zeros now"
            ),
            Self::OtherPoints { collection, missing, changed, sampled } => write!(
                f,
                "collection `{collection}` has different contents: of {sampled} sampled points, {missing} are missing and {changed} have changed"
            ),
            Self::Unreadable { collection, reason } => {
                write!(f, "collection `{collection}` cannot be read: {reason}")
            }
            Self::Red { collection } => {
                write!(f, "collection `{collection}` has status red: an operation on it failed")
            }
            Self::MissingAlias { alias, collection } => {
                write!(f, "alias `{alias}` of collection `{collection}` is missing")
            }
            Self::MovedAlias { alias, recorded, now } => {
                write!(f, "alias `{alias}` points to `{now}` instead of `{recorded}`")
            }
            Self::FewerFiles { recorded, now } => write!(f, "{now} of {recorded} files are left"),
            Self::NoData => write!(f, "it has no data any more"),
            Self::EmptiedVolume { volume } => {
                write!(f, "volume `{volume}` is the same, and has no data any more")
            }
            Self::NoServerData { server } => write!(f, "the data of {server} is not there"),
            Self::OtherServer { server, recorded, now } => {
                write!(f, "it is another {server}: {now} instead of {recorded}")
            }
            Self::RecreatedVolume { volume } => {
                write!(f, "volume `{volume}` was removed and created again")
            }
            Self::OtherVolume { recorded, now } => {
                write!(f, "its data is in volume `{now}` instead of `{recorded}`")
            }
            Self::RemovedVolume { volume } => write!(f, "volume `{volume}` was removed"),
        }
    }
}
