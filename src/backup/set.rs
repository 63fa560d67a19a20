//! `backup_set_YYYYMMDD_HHMMSS.json`: which backups were made together.
//!
//! A set can be restored at once. Sets of format version 1 are for people only.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::format::{self, FormatError};
use super::manifest;
use super::store::{Backup, BackupRoot, SET_PREFIX, StoreError, Verified, is_set, next_second, stamp};
use crate::fs::{
    Digest, FsError, PRIVATE_FILE, create_ignored_dir_all, is_missing, read_bounded, remove_file, to_json,
    write_new,
};

/// The value of `format` in every backup set.
pub const FORMAT: &str = "safe-compose-backup-set";

/// The format version that this program writes. Version 1 was called `safe-compose-stack`.
pub const FORMAT_VERSION: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSet {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    pub created: Timestamp,
    pub project: String,
    /// Why it was made: `before down`, `asked for`.
    pub reason: String,
    pub backups: Vec<SetMember>,
    /// Which of them are of one moment, because the settings want it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<SetMoment>,
}

/// Stores that nothing wrote to from before the first of them was backed up until after the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMoment {
    pub stores: Vec<String>,
    pub since: Timestamp,
    pub until: Timestamp,
}

impl BackupSet {
    /// The other backups of the set that are of the same moment as this one.
    pub fn of_same_moment<'a>(&'a self, backup: &'a str) -> impl Iterator<Item = &'a SetMember> {
        let store = self.backups.iter().find(|member| member.name == backup).map(|member| &member.store);
        let stores = store.and_then(|own| self.moments.iter().find(|one| one.stores.contains(own)));
        let is_in = move |member: &&SetMember| {
            member.name != backup && stores.is_some_and(|moment| moment.stores.contains(&member.store))
        };
        self.backups.iter().filter(is_in)
    }
}

/// One backup of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMember {
    pub store: String,
    /// The name of the backup's directory.
    pub name: String,
    /// Of its `manifest.json`, lowercase hex.
    pub manifest_sha256: String,
}

/// Why a backup set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupSetError {
    #[error("there is no backup set `{0}`")]
    Missing(String),
    #[error("it cannot be read")]
    Unreadable(#[source] std::io::Error),
    #[error("it is damaged")]
    Malformed(#[source] serde_json::Error),
    #[error("it has an unknown format `{0}`: name the backups that are in it")]
    Foreign(String),
    #[error(
        "its format version {0} is newer than this program supports ({FORMAT_VERSION}): use a newer safe-compose"
    )]
    Newer(u32),
    #[error("its backup `{0}` cannot be used")]
    Member(String, #[source] StoreError),
    #[error("its backup `{0}` has changed since")]
    Changed(String),
}

/// The file of a set, if a word names one: by its name, with or without `.json`, or by its path.
pub fn named(root: &BackupRoot, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let name = path.file_name()?.to_str()?;
    let name = if is_set(name) { name.to_owned() } else { format!("{name}.json") };
    is_set(&name).then(|| {
        let directory = path.parent().filter(|_| text.contains('/'));
        directory.unwrap_or(root.directory()).join(name)
    })
}

/// The name of a set by its file, as `restore` takes it.
pub fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The sets of the owner's project in a directory, newest first. What is not a set that can be read is left out.
pub fn list(root: &BackupRoot) -> Vec<(PathBuf, BackupSet)> {
    let Ok(entries) = std::fs::read_dir(root.directory()) else { return Vec::new() };
    let is_own = |set: &BackupSet| root.owner().is_none_or(|owner| owner.project == set.project);
    let mut sets: Vec<(PathBuf, BackupSet)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_set))
        .filter_map(|path| Some((path.clone(), parse(&read_bounded(&path).ok()?).ok()?)))
        .filter(|(_, set)| is_own(set))
        .collect();
    sets.sort_by(|(one_path, one), (other_path, other)| {
        (other.created, other_path).cmp(&(one.created, one_path))
    });
    sets
}

/// Removes the owner's sets of which no backup is left. The caller holds [`BackupRoot::lock`].
pub fn remove_empty(root: &BackupRoot) -> Result<(), StoreError> {
    for (path, set) in list(root) {
        let is_gone = |member: &SetMember| {
            let store = root.of_store(&member.store);
            store.is_ok_and(|store| is_missing(&store.join(&member.name)))
        };
        if !set.backups.is_empty() && set.backups.iter().all(is_gone) {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Reads a set, and finds its backups, which have to be the ones that were made then.
pub fn read(root: &BackupRoot, path: &Path) -> Result<Vec<Backup>, BackupSetError> {
    let bytes = read_bounded(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BackupSetError::Missing(path.display().to_string()),
        _ => BackupSetError::Unreadable(error),
    })?;
    let set = parse(&bytes)?;
    let of_set = |one: &SetMember| {
        let unusable = |error| BackupSetError::Member(one.name.clone(), error);
        let backup = root.find(&one.store, &one.name).map_err(unusable)?;
        let now = member(&backup).map_err(unusable)?;
        if now.manifest_sha256 == one.manifest_sha256 {
            Ok(backup)
        } else {
            Err(BackupSetError::Changed(one.name.clone()))
        }
    };
    set.backups.iter().map(of_set).collect()
}

pub(crate) fn parse(bytes: &[u8]) -> Result<BackupSet, BackupSetError> {
    format::parse(bytes, &[FORMAT], FORMAT_VERSION).map_err(|error| match error {
        FormatError::Malformed(source) => BackupSetError::Malformed(source),
        FormatError::Foreign(found) => BackupSetError::Foreign(found),
        FormatError::Newer(found) => BackupSetError::Newer(found),
    })
}

/// Records that these backups of a project were made together. Returns the file and what is in it.
pub fn write(
    root: &BackupRoot,
    project: &str,
    backups: &[&Verified],
    moments: Vec<SetMoment>,
) -> Result<(PathBuf, BackupSet), StoreError> {
    let mut set = BackupSet {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: Timestamp::now(),
        project: project.to_owned(),
        reason: backups.first().map(|backup| backup.manifest.reason.clone()).unwrap_or_default(),
        backups: backups.iter().map(|backup| member(backup)).collect::<Result<_, _>>()?,
        moments,
    };
    create_ignored_dir_all(root.directory())?;
    loop {
        let path = root.directory().join(format!("{SET_PREFIX}{}.json", stamp(set.created)));
        match write_new(&path, &to_json(&set), PRIVATE_FILE) {
            Ok(()) => return Ok((path, set)),
            // Two in one second.
            Err(FsError::Exists { .. }) => set.created = next_second(set.created),
            Err(other) => return Err(other.into()),
        }
    }
}

fn member(backup: &Backup) -> Result<SetMember, StoreError> {
    let store = backup.directory.parent().and_then(Path::file_name).unwrap_or_default();
    let path = backup.directory.join(manifest::FILE_NAME);
    let bytes = read_bounded(&path).map_err(|source| FsError::io("read", &path, source))?;
    Ok(SetMember {
        store: store.to_string_lossy().into_owned(),
        name: backup.name(),
        manifest_sha256: Digest::of(&bytes).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_one_moment_belongs_to_it() {
        let member = |store: &str| SetMember {
            store: store.to_owned(),
            name: format!("{store}_backup"),
            manifest_sha256: String::new(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let set = BackupSet {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            tool: String::new(),
            created: at,
            project: "shop".to_owned(),
            reason: String::new(),
            backups: ["db", "app", "cache"].map(member).into(),
            moments: vec![SetMoment {
                stores: vec!["db".to_owned(), "app".to_owned()],
                since: at,
                until: at,
            }],
        };
        let same =
            |name: &str| set.of_same_moment(name).map(|member| member.name.clone()).collect::<Vec<_>>();
        assert_eq!(same("db_backup"), ["app_backup"]);
        assert_eq!(same("app_backup"), ["db_backup"]);
        assert!(same("cache_backup").is_empty() && same("other_backup").is_empty());
        // Sets of older versions do not say it.
        let older = crate::fs::to_json(&BackupSet { moments: Vec::new(), ..set });
        assert!(parse(&older).expect("a set").moments.is_empty());
    }
}
