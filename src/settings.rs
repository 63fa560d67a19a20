//! What the user has set: `x-safe-compose` at the top of the Compose file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::compose::subcommand::{GuardedCommand, Subcommand};
use crate::inventory::StoreKind;
use crate::policy::GuardMode;

/// `x-safe-compose`. A word that we do not know is an error: a mistyped setting protects nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub backup: BackupSettings,
    pub guard: GuardSettings,
    /// By service name.
    pub services: BTreeMap<String, ServiceSettings>,
    /// By key under the top-level `volumes:`.
    pub volumes: BTreeMap<String, VolumeSettings>,
    pub lint: LintSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// Where backups go; relative to the project directory.
    pub directory: PathBuf,
    /// The commands that a backup is made before.
    pub before: Vec<BackedCommand>,
    /// How far every backup is checked before it counts.
    pub proof: Required,
    pub keep: Keep,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("./backups"),
            before: vec![BackedCommand::Down, BackedCommand::Stop, BackedCommand::Rm],
            proof: Required::default(),
            keep: Keep::default(),
        }
    }
}

/// How far a backup has to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Required {
    /// Read back from disk to its end.
    #[default]
    Readable,
    /// Put into a scratch server and found equal, where it is a server's; plain files stay readable.
    Restored,
}

/// A command that stops services and so can have a backup before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackedCommand {
    Down,
    Stop,
    Rm,
    Restart,
}

impl BackedCommand {
    /// The settings' name for a subcommand that stops services, if it is one.
    pub fn of(subcommand: &Subcommand) -> Option<Self> {
        use GuardedCommand as G;
        match subcommand {
            Subcommand::Guarded(command) => match command {
                G::Down => Some(Self::Down),
                G::Stop => Some(Self::Stop),
                G::Rm => Some(Self::Rm),
                G::Restart => Some(Self::Restart),
                G::Cp | G::Create | G::Kill | G::Run | G::Scale | G::Start | G::Up | G::Wait | G::Watch => {
                    None
                }
            },
            Subcommand::Harmless(_) | Subcommand::Unknown(_) => None,
        }
    }
}

/// How many backups are kept. A backup stays if any rule keeps it; the newest always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    pub last: u32,
    pub daily: u32,
    pub weekly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { last: 7, daily: 7, weekly: 4 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    pub destroy: GuardMode,
    pub orphan: GuardMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// The kind of data it holds, where its image and its mounts do not tell.
    pub kind: Option<StoreKind>,
    /// What it keeps may be lost without a question, and is never backed up.
    pub disposable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolumeSettings {
    /// May be destroyed without a question, and is never backed up.
    pub disposable: bool,
}

/// What `lint` is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LintSettings {
    /// By the rule's id: how bad its findings are.
    pub rules: BTreeMap<String, LintLevel>,
}

/// How bad a finding is, by the user's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    Off,
    Info,
    Warning,
    Error,
}

/// `x-safe-compose` says something that we do not understand.
#[derive(Debug, thiserror::Error)]
#[error("`x-safe-compose` in the Compose file is not valid: {0}")]
pub struct SettingsError(serde_json::Error);

impl SettingsError {
    /// What is wrong, without where.
    pub fn reason(&self) -> String {
        self.0.to_string()
    }
}

impl Settings {
    /// Reads the value of `x-safe-compose`.
    pub fn read(value: Option<&serde_json::Value>) -> Result<Self, SettingsError> {
        value.map_or_else(|| Ok(Self::default()), |value| Self::deserialize(value).map_err(SettingsError))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_set_has_a_default() {
        let settings = Settings::read(Some(&json!({ "backup": { "keep": { "last": 2 } } }))).expect("valid");
        assert_eq!(settings.backup.keep, Keep { last: 2, daily: 7, weekly: 4 });
        assert_eq!(settings.backup.directory, PathBuf::from("./backups"));
        assert_eq!(settings.backup.proof, Required::Readable);
        let strict = Settings::read(Some(&json!({ "backup": { "proof": "restored" } }))).expect("valid");
        assert_eq!(strict.backup.proof, Required::Restored);
        assert_eq!(Settings::read(None).expect("nothing set"), Settings::default());
    }

    #[test]
    fn a_mistyped_setting_is_an_error() {
        let error = Settings::read(Some(&json!({ "backup": { "proof": "copied" } })));
        assert!(error.is_err(), "what is only copied is never enough");
        let error = Settings::read(Some(&json!({ "volumes": { "cache": { "disposible": true } } })));
        assert!(error.expect_err("unknown word").to_string().contains("disposible"));
    }
}
