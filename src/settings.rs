//! The user's settings: `x-safe-compose` at the top level of the Compose file.

mod duration;
mod hooks;
mod notify;
mod repository;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Error as _;

use crate::compose::subcommand::{GuardedCommand, Subcommand};
use crate::policy::GuardMode;
use crate::store_kind::StoreKind;

pub use hooks::{Hook, HookErrorMode, HookSettings};
pub use notify::{NotifyKind, NotifyTarget, NotifyToken};
pub use repository::RepositorySettings;

/// `x-safe-compose`. An unknown key is an error, so that a typo does not disable protection.
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
    pub hooks: HookSettings,
    pub notify: Vec<NotifyTarget>,
}

/// `backup`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// The backup directory, relative to the project directory.
    pub directory: PathBuf,
    /// The commands that back up the databases that they stop. What a command destroys is always backed up.
    pub before: Vec<BackedCommand>,
    /// The proof that a backup needs to be accepted.
    pub proof: RequiredProof,
    pub keep: RetentionSettings,
    pub compression: Compression,
    /// Groups of services whose data is backed up at one moment.
    pub together: Vec<Vec<String>>,
    /// Whether the labels of other backup tools are followed.
    pub labels: bool,
    /// Where verified backups are copied to.
    pub repository: Option<RepositorySettings>,
}

/// `backup.compression`: how the archives of files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// With Zstandard, at its default level.
    #[default]
    Zstd,
    None,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("./backups"),
            before: vec![BackedCommand::Down, BackedCommand::Stop, BackedCommand::Rm],
            proof: RequiredProof::default(),
            keep: RetentionSettings::default(),
            compression: Compression::default(),
            together: Vec::new(),
            labels: true,
            repository: None,
        }
    }
}

/// The proof that a backup needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequiredProof {
    /// Read back completely from disk.
    #[default]
    Readable,
    /// Test-restored into a temporary server and found equal. Backups of plain files only need to be readable.
    Restored,
}

/// A command that stops services and can make a backup first.
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

/// `backup.keep`: how many backups to keep. A backup is kept if any rule keeps it; the newest is always kept.
///
/// By default no backup is kept for its hour: on a busy database every one of them is as large as the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    pub last: u32,
    pub hourly: u32,
    pub daily: u32,
    pub weekly: u32,
    pub monthly: u32,
    /// How many backups of each store keep their files on this machine once they are in the repository. `None`: all of them.
    pub local: Option<u32>,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { last: 7, hourly: 0, daily: 7, weekly: 4, monthly: 6, local: None }
    }
}

/// `guard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    pub destroy: GuardMode,
    pub orphan: GuardMode,
}

/// `services.NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// The kind of data, if it cannot be recognized by image and mounts.
    pub kind: Option<StoreKind>,
    /// Its data may be destroyed without confirmation and is not backed up.
    pub disposable: bool,
    /// How its containers are kept from writing while their files are copied. The default depends on the program.
    pub quiesce: Option<QuiesceMode>,
    /// The commands before which it is backed up if they only stop it, in place of `backup.before`.
    pub backup_before: Option<Vec<BackedCommand>>,
}

/// `services.NAME.quiesce`: how containers are kept from writing while their files are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuiesceMode {
    /// Their processes are frozen. The copy is what a crash at that moment would have left.
    Pause,
    /// The service is stopped, so that the program writes everything, and started again.
    Stop,
    /// Nothing is done. The copy may mix files of different moments.
    None,
}

/// `volumes.KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolumeSettings {
    /// The volume may be destroyed without confirmation and is not backed up.
    pub disposable: bool,
}

/// `lint`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LintSettings {
    /// The level of findings, by rule id.
    pub rules: BTreeMap<String, LintLevel>,
}

/// The level of a lint rule's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    Off,
    Info,
    Warning,
    Error,
}

/// `x-safe-compose` is not valid.
#[derive(Debug, thiserror::Error)]
#[error("invalid `x-safe-compose` in the Compose file: {0}")]
pub struct SettingsError(serde_json::Error);

impl SettingsError {
    /// The reason alone.
    pub fn reason(&self) -> String {
        self.0.to_string()
    }
}

impl Settings {
    /// Reads the value of `x-safe-compose`.
    pub fn read(value: Option<&serde_json::Value>) -> Result<Self, SettingsError> {
        let Some(value) = value else { return Ok(Self::default()) };
        let settings = Self::deserialize(value).map_err(SettingsError)?;
        let checked = settings.check_groups().and_then(|()| settings.check_local());
        checked.map_err(|reason| SettingsError(serde_json::Error::custom(reason)))?;
        Ok(settings)
    }

    /// What is removed here has to be somewhere else.
    fn check_local(&self) -> Result<(), String> {
        if self.backup.keep.local.is_some() && self.backup.repository.is_none() {
            return Err("`backup.keep.local` needs `backup.repository`: without it, the backups on this machine are the \
                        only ones"
                .to_owned());
        }
        Ok(())
    }

    /// A service belongs to one moment only, and one that goes on writing to none.
    fn check_groups(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for service in self.backup.together.iter().flatten() {
            if !seen.insert(service) {
                return Err(format!("`{service}` is in `backup.together` twice"));
            }
            let own = self.services.get(service);
            if own.is_some_and(|own| own.quiesce == Some(QuiesceMode::None)) {
                return Err(format!(
                    "`{service}` is in `backup.together`, so its `quiesce` cannot be `none`: it would go on writing"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unset_settings_have_defaults() {
        let settings = Settings::read(Some(&json!({ "backup": { "keep": { "last": 2 } } }))).expect("valid");
        let keep = RetentionSettings { last: 2, ..RetentionSettings::default() };
        assert_eq!(settings.backup.keep, keep);
        assert_eq!(settings.backup.directory, PathBuf::from("./backups"));
        assert_eq!(settings.backup.proof, RequiredProof::Readable);
        assert_eq!(settings.backup.compression, Compression::Zstd);
        let plain = Settings::read(Some(&json!({ "backup": { "compression": "none" } }))).expect("valid");
        assert_eq!(plain.backup.compression, Compression::None);
        let strict = Settings::read(Some(&json!({ "backup": { "proof": "restored" } }))).expect("valid");
        assert_eq!(strict.backup.proof, RequiredProof::Restored);
        let own =
            json!({ "services": { "db": { "backup_before": ["rm"] }, "cache": { "backup_before": [] } } });
        let own = Settings::read(Some(&own)).expect("valid").services;
        assert_eq!(own["db"].backup_before, Some(vec![BackedCommand::Rm]));
        assert_eq!(own["cache"].backup_before, Some(Vec::new()), "not the default");
        assert_eq!(Settings::read(None).expect("nothing set"), Settings::default());
    }

    #[test]
    fn a_mistyped_setting_is_an_error() {
        let error = Settings::read(Some(&json!({ "backup": { "proof": "copied" } })));
        assert!(error.is_err(), "what is only copied is never enough");
        let error = Settings::read(Some(&json!({ "volumes": { "cache": { "disposible": true } } })));
        assert!(error.expect_err("unknown word").to_string().contains("disposible"));
    }

    #[test]
    fn copies_alone_need_a_repository() {
        let local = json!({ "backup": { "keep": { "local": 0 } } });
        let error = Settings::read(Some(&local)).expect_err("the only ones");
        assert!(error.reason().contains("`backup.repository`"), "{}", error.reason());
        let both = json!({ "backup": { "keep": { "local": 0 }, "repository": { "url": "/srv/restic" } } });
        assert_eq!(Settings::read(Some(&both)).expect("valid").backup.keep.local, Some(0));
    }

    #[test]
    fn a_group_that_has_no_moment_is_an_error() {
        let read = |together: serde_json::Value, quiesce: &str| {
            let value = json!({
                "backup": { "together": together }, "services": { "app": { "quiesce": quiesce } }
            });
            Settings::read(Some(&value)).map_err(|error| error.reason())
        };
        let groups = read(json!([["db", "app"], ["cache"]]), "pause").expect("valid").backup.together;
        assert_eq!(groups, [vec!["db".to_owned(), "app".to_owned()], vec!["cache".to_owned()]]);
        assert!(read(json!([["db", "app"], ["app"]]), "stop").expect_err("twice").contains("`app`"));
        assert!(read(json!([["db", "app"]]), "none").expect_err("it writes").contains("`none`"));
        assert!(read(json!([["db"]]), "none").is_ok());
    }
}
