//! `last_stop.json`: the baseline of a store, which is what it held when it was last stopped.
//!
//! It is kept beside the backups of its store; the next `up` compares the store with it. The file keeps its name across
//! format versions, so that an older program finds it and refuses to replace it. Where another project already keeps a
//! baseline under that name, the name of the file ends in a digest of the project and the engine.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::StoreEvidence;
use super::fingerprint::Fingerprint;
use super::format::{self, FormatError};
use super::store::{self, BackupOwner, BackupRoot, StoreError, is_baseline};
use crate::fs::{
    Digest, FsError, PRIVATE_FILE, create_ignored_dir_all, create_private_dir_all, read_if_there, to_json,
    write_atomically,
};

/// The value of `format` in every baseline.
pub const FORMAT: &str = "safe-compose-baseline";

/// The value of `format` before format version 2.
const OLD_FORMAT: &str = "safe-compose-record";

/// The format version that this program writes. It reads all versions up to this one.
pub const FORMAT_VERSION: u32 = 4;

/// The name of the file.
pub const FILE_NAME: &str = store::BASELINE;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreBaseline {
    pub format: String,
    pub format_version: u32,
    pub time: Timestamp,
    /// `None` if the store could not be read.
    pub fingerprint: Option<Fingerprint>,
    /// The backup made at that time, by the name of its directory.
    pub backup: Option<String>,
    pub note: Note,
    /// The project and the id of its engine; `None` before format version 3.
    #[serde(default)]
    pub project: Option<String>,
    #[serde(default)]
    pub engine: Option<String>,
    /// What was last seen of the data, which may be later than the baseline. Since format version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<StoreEvidence>,
    /// Data that is missing since this baseline, which was reported and neither restored nor given up. Since format
    /// version 3.
    #[serde(default)]
    pub loss: Option<UnresolvedLoss>,
}

/// A loss of data that was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnresolvedLoss {
    /// When it was first reported.
    pub found: Timestamp,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// What happened to the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Note {
    /// It was left as it was.
    Stopped,
    /// It was destroyed on purpose, after this backup if there is one.
    Destroyed { backup: Option<String> },
    /// The user accepted it as the new baseline.
    Accepted,
    /// It was seen while the service ran, which may have changed it since. Since format version 4.
    Seen,
}

/// Why a baseline could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreBaselineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("the baseline `{}` is damaged", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the baseline `{}` has an unknown format `{found}`", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "the format version {found} of the baseline `{}` is newer than this program supports ({FORMAT_VERSION}): use a newer safe-compose",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
}

impl StoreBaseline {
    pub fn new(
        time: Timestamp,
        note: Note,
        fingerprint: Option<Fingerprint>,
        backup: Option<String>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            time,
            fingerprint,
            backup,
            note,
            project: None,
            engine: None,
            evidence: None,
            loss: None,
        }
    }

    /// The baseline of a store of the directory's owner; `None` if there is none.
    pub fn read(root: &BackupRoot, store: &str) -> Result<Option<Self>, StoreBaselineError> {
        Self::locate(root, store).map(|(_, baseline)| baseline)
    }

    /// The baselines of a store, of every project and engine that has one there.
    pub fn read_all(root: &BackupRoot, store: &str) -> Result<Vec<Self>, StoreBaselineError> {
        let directory = root.of_store(store)?;
        let mut baselines = Vec::new();
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(baselines),
            Err(source) => return Err(FsError::io("list", &directory, source).into()),
        };
        for entry in entries {
            let entry = entry.map_err(|source| FsError::io("list", &directory, source))?;
            if is_baseline(&entry.file_name().to_string_lossy()) {
                baselines.extend(Self::read_file(&entry.path())?);
            }
        }
        Ok(baselines)
    }

    /// The file of the owner's baseline, whether it exists or not, and what is in it.
    fn locate(root: &BackupRoot, store: &str) -> Result<(PathBuf, Option<Self>), StoreBaselineError> {
        let directory = root.of_store(store)?;
        if let Some(owner) = root.owner() {
            let path = directory.join(own_name(owner));
            if let Some(baseline) = Self::read_file(&path)? {
                return Ok((path, Some(baseline)));
            }
            let first = directory.join(FILE_NAME);
            return match Self::read_file(&first)? {
                Some(baseline) if !baseline.belongs_to(owner, root, store)? => Ok((path, None)),
                baseline => Ok((first, baseline)),
            };
        }
        let path = directory.join(FILE_NAME);
        let baseline = Self::read_file(&path)?;
        Ok((path, baseline))
    }

    fn read_file(path: &Path) -> Result<Option<Self>, StoreBaselineError> {
        read_if_there(path)?.map(|bytes| Self::parse(path, &bytes)).transpose()
    }

    /// Whether it is the owner's. An old one has the owner of its backup; without a backup, it is anybody's unless
    /// another project has backups there.
    fn belongs_to(&self, owner: &BackupOwner, root: &BackupRoot, store: &str) -> Result<bool, StoreError> {
        if let Some(project) = &self.project {
            let engine = self.engine.as_deref();
            return Ok(engine.map_or(owner.project == *project, |engine| owner.is(project, engine)));
        }
        match self.backup.as_deref().and_then(|name| root.find(store, name).ok()) {
            Some(backup) => Ok(owner.owns(&backup.manifest)),
            None => Ok(!root.is_shared(store)?),
        }
    }

    /// Replaces the owner's baseline of a store, but never one that a newer program wrote. A damaged one is replaced.
    pub fn write(&self, root: &BackupRoot, store: &str) -> Result<(), StoreBaselineError> {
        let path = match Self::locate(root, store) {
            Err(refused @ (StoreBaselineError::Newer { .. } | StoreBaselineError::Foreign { .. })) => {
                return Err(refused);
            }
            Err(StoreBaselineError::Store(error)) => return Err(error.into()),
            Ok((path, _)) | Err(StoreBaselineError::Malformed { path, .. }) => path,
            Err(StoreBaselineError::Fs(_)) => root.of_store(store)?.join(FILE_NAME),
        };
        let written = match root.owner() {
            Some(owner) => Self {
                format: FORMAT.to_owned(),
                format_version: FORMAT_VERSION,
                project: Some(owner.project.clone()),
                engine: owner.engine.clone(),
                ..self.clone()
            },
            None => self.clone(),
        };
        create_ignored_dir_all(root.directory())?;
        create_private_dir_all(&root.of_store(store)?)?;
        Ok(write_atomically(&path, &to_json(&written), PRIVATE_FILE)?)
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreBaselineError> {
        let path = || path.to_owned();
        format::parse(bytes, &[FORMAT, OLD_FORMAT], FORMAT_VERSION).map_err(|error| match error {
            FormatError::Malformed(source) => StoreBaselineError::Malformed { path: path(), source },
            FormatError::Foreign(found) => StoreBaselineError::Foreign { path: path(), found },
            FormatError::Newer(found) => StoreBaselineError::Newer { path: path(), found },
        })
    }
}

/// The name of the file where another project was there first.
fn own_name(owner: &BackupOwner) -> String {
    let engine = owner.engine.as_deref().unwrap_or_default();
    let digest = Digest::of(format!("{}\0{engine}", owner.project).as_bytes()).to_string();
    format!("{}{}.json", store::OTHER_BASELINE_PREFIX, &digest[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(note: Note) -> StoreBaseline {
        let fingerprint = Some(Fingerprint::Volume { entries: 3, bytes: 9 });
        StoreBaseline::new(Timestamp::UNIX_EPOCH, note, fingerprint, Some("db_backup_20260801_100000".into()))
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        assert_eq!(StoreBaseline::read(&root, "db").expect("read"), None);
        for note in [
            Note::Stopped,
            Note::Accepted,
            Note::Seen,
            Note::Destroyed { backup: None },
            Note::Destroyed { backup: Some("b".into()) },
        ] {
            baseline(note.clone()).write(&root, "db").expect("written");
            assert_eq!(StoreBaseline::read(&root, "db").expect("read"), Some(baseline(note)));
        }
        assert!(matches!(
            baseline(Note::Stopped).write(&root, "../db"),
            Err(StoreBaselineError::Store(StoreError::BadStoreId(_)))
        ));
    }

    #[test]
    fn each_project_of_an_engine_has_its_own_baseline() {
        let dir = tempfile::tempdir().expect("a directory");
        let of = |project: &str, engine: &str| {
            let owner = BackupOwner { project: project.into(), engine: Some(engine.into()) };
            BackupRoot::at(dir.path()).owned_by(owner)
        };
        let roots = [of("a", "E"), of("b", "E"), of("a", "F")];
        for (root, note) in
            roots.iter().zip([Note::Stopped, Note::Accepted, Note::Destroyed { backup: None }])
        {
            assert_eq!(StoreBaseline::read(root, "db").expect("read"), None);
            baseline(note.clone()).write(root, "db").expect("written");
            baseline(note).write(root, "db").expect("written again");
        }
        let notes =
            roots.each_ref().map(|root| StoreBaseline::read(root, "db").expect("read").map(|b| b.note));
        let expected = [Note::Stopped, Note::Accepted, Note::Destroyed { backup: None }];
        assert_eq!(notes, expected.map(Some));
        assert_eq!(std::fs::read_dir(dir.path().join("db")).expect("listed").count(), 3);
        assert!(BackupRoot::at(dir.path()).list(None).expect("listed").foreign.is_empty());
    }

    #[test]
    fn an_old_baseline_is_anybodys_while_no_other_project_has_backups_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let all = BackupRoot::at(dir.path());
        StoreBaseline::new(Timestamp::UNIX_EPOCH, Note::Stopped, None, None)
            .write(&all, "db")
            .expect("written");
        let owner = BackupOwner { project: "other".into(), engine: Some("E".into()) };
        let other = all.clone().owned_by(owner);
        assert!(StoreBaseline::read(&other, "db").expect("read").is_some());
        let manifest = crate::backup::manifest::tests::manifest("db", "2026-08-01T10:00:00Z");
        let staging = all.stage("db", manifest.created).expect("staged");
        staging.finish(manifest).expect("finished");
        assert_eq!(StoreBaseline::read(&other, "db").expect("read"), None);
        let shop = BackupOwner { project: "shop".into(), engine: Some("E".into()) };
        assert!(StoreBaseline::read(&all.owned_by(shop), "db").expect("read").is_some());
    }

    #[test]
    fn a_newer_baseline_is_neither_read_nor_replaced_and_a_damaged_one_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        baseline(Note::Stopped).write(&root, "db").expect("written");
        let path = dir.path().join("db").join(FILE_NAME);
        for newer in [
            r#"{"format":"safe-compose-baseline","format_version":5}"#,
            r#"{"format":"another","format_version":1}"#,
        ] {
            std::fs::write(&path, newer).expect("written");
            assert!(StoreBaseline::read(&root, "db").is_err());
            assert!(baseline(Note::Stopped).write(&root, "db").is_err());
            assert_eq!(std::fs::read_to_string(&path).expect("read"), newer);
        }
        std::fs::write(&path, r#"{"format":"safe-comp"#).expect("written");
        let error = StoreBaseline::read(&root, "db").expect_err("damaged");
        assert!(matches!(error, StoreBaselineError::Malformed { .. }));
        baseline(Note::Stopped).write(&root, "db").expect("replaced");
        assert!(StoreBaseline::read(&root, "db").expect("read").is_some());
    }
}
