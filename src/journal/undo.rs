//! What a command has taken, and what ran before it: what `undo` needs to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The data that a command took, and the services that it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UndoRecord {
    /// The services that ran before.
    pub running: Vec<String>,
    /// The services that had a container and did not run.
    pub stopped: Vec<String>,
    /// How many containers a service had, where it had more than one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replicas: BTreeMap<String, usize>,
    /// The data that was destroyed or left behind.
    pub losses: Vec<RecordedLoss>,
    /// The images that services had, by the names of the services, where the command has given them other ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
}

/// One piece of data that a command destroyed or left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedLoss {
    /// For people: `volume shop_data`.
    pub subject: String,
    /// The services that kept data there.
    pub services: Vec<String>,
    /// The directory name of the backup that has it.
    pub backup: Option<String>,
    /// The command did not delete it: it is where no service of the project uses it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_behind: bool,
    /// Why there is no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_backup: Option<NoBackup>,
    /// It is this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<RecordedImage>,
}

/// An image that a command deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedImage {
    pub name: String,
    pub id: String,
}

/// Why data was not backed up before it was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoBackup {
    /// The user did not want a backup.
    Skipped,
    /// The settings declare it disposable.
    Disposable,
    /// No known program keeps data there, or it is an image.
    NotKnown,
    /// It was not deleted, only left where no service of the project uses it.
    LeftBehind,
    /// It cannot be backed up.
    Impossible,
}
