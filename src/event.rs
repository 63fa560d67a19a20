//! What happens to a project's data, for programs and hosts that want to know: the document that hooks read and webhooks
//! receive. `docs/hooks.md` describes it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The kinds of events, as the settings name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Backups are about to be made. Nothing was stopped for them yet.
    BeforeBackup,
    /// Backups were made and verified.
    AfterBackup,
    /// A command failed.
    OnFailure,
    /// Verification found data missing.
    OnLoss,
    /// A command was refused.
    OnRefusal,
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeBackup => "before_backup",
            Self::AfterBackup => "after_backup",
            Self::OnFailure => "on_failure",
            Self::OnLoss => "on_loss",
            Self::OnRefusal => "on_refusal",
        }
    }
}

/// An event as JSON. Contains no secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventDocument {
    pub format: &'static str,
    pub format_version: u32,
    pub event: EventKind,
    pub time: Timestamp,
    pub host: String,
    pub project: String,
    /// Of the project.
    pub directory: PathBuf,
    pub engine: String,
    /// As typed, without secrets.
    pub command: String,
    /// One sentence for people.
    pub summary: String,
    /// The services that the event is about.
    pub services: Vec<String>,
    pub backups: Vec<EventBackup>,
    /// The services whose backups failed.
    pub failed: Vec<String>,
    pub error: Option<EventError>,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventBackup {
    pub name: String,
    pub services: Vec<String>,
    pub directory: PathBuf,
    pub bytes: u64,
    pub consistency: String,
    pub proof: String,
}

/// Why a command failed or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventError {
    pub message: String,
    pub cause: Option<String>,
    pub exit_code: u8,
}

/// The prefix of the environment variables with the essentials of an event.
pub const VARIABLE_PREFIX: &str = "SAFE_COMPOSE_";

impl EventDocument {
    /// The essentials as environment variables of a hook.
    pub fn variables(&self) -> Vec<(String, String)> {
        let directories = self.backups.iter().map(|backup| backup.directory.display().to_string());
        let exit = self.error.as_ref().map(|error| error.exit_code.to_string()).unwrap_or_default();
        [
            ("EVENT", self.event.name().to_owned()),
            ("PROJECT", self.project.clone()),
            ("DIRECTORY", self.directory.display().to_string()),
            ("COMMAND", self.command.clone()),
            ("SUMMARY", self.summary.clone()),
            ("SERVICES", self.services.join(",")),
            ("BACKUPS", directories.collect::<Vec<_>>().join("\n")),
            ("EXIT_CODE", exit),
        ]
        .into_iter()
        // A program gets no text with a zero in it.
        .map(|(name, value)| (format!("{VARIABLE_PREFIX}{name}"), value.replace('\0', "")))
        .collect()
    }
}
