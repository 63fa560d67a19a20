//! `stack_backup_YYYYMMDD_HHMMSS.json`: which backups were made together.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest;
use super::store::{Backup, BackupRoot, Damage, StoreError, Verified, next_second, parse_stamp, stamp};
use crate::fs::{Digest, FsError, PRIVATE_FILE, create_private_dir_all, to_json, write_new};

/// The value of `format` in every stack file.
pub const FORMAT: &str = "safe-compose-stack";

/// The newest format that this program reads and the one that it writes.
pub const FORMAT_VERSION: u32 = 1;

/// What the name of a stack file begins with; no store is called so.
pub const PREFIX: &str = "stack_backup_";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub format: String,
    pub format_version: u32,
    /// `safe-compose 0.1.0`.
    pub tool: String,
    pub created: Timestamp,
    pub project: String,
    /// Why it was made: `before down`, `asked for`.
    pub reason: String,
    pub members: Vec<Member>,
}

/// One backup of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub store: String,
    /// The name of the backup's directory.
    pub backup: String,
    /// Of its `manifest.json`, lowercase hex.
    pub manifest_sha256: String,
}

/// Why a stack file, or one of its members, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fs(#[from] FsError),
    #[error("`{}` is damaged", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("`{}` is of another kind: `{found}`", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "`{}` has format version {found}, and this program reads up to {FORMAT_VERSION}: use a newer safe-compose",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("the backup `{0}` of the stack is gone")]
    Gone(String),
    #[error("the backup `{0}` is not the one that the stack was made of: its manifest was changed")]
    Changed(String),
    #[error("the backup `{backup}` of the stack cannot be used")]
    Damaged {
        backup: String,
        #[source]
        damage: Damage,
    },
}

type Result<T> = std::result::Result<T, StackError>;

#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// Whether a file of the root is called like a stack file.
pub fn is_stack(name: &str) -> bool {
    time_of(name).is_some()
}

fn time_of(name: &str) -> Option<Timestamp> {
    parse_stamp(name.strip_prefix(PREFIX)?.strip_suffix(".json")?)
}

/// Writes down that these backups of a project were made together. Returns the file and what is in it.
pub fn write(root: &BackupRoot, project: &str, backups: &[&Verified]) -> Result<(PathBuf, Stack)> {
    let mut stack = Stack {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: Timestamp::now(),
        project: project.to_owned(),
        reason: backups.first().map(|backup| backup.manifest.reason.clone()).unwrap_or_default(),
        members: backups.iter().map(|backup| member(backup)).collect::<Result<_>>()?,
    };
    create_private_dir_all(root.directory())?;
    loop {
        let path = root.directory().join(format!("{PREFIX}{}.json", stamp(stack.created)));
        match write_new(&path, &to_json(&stack), PRIVATE_FILE) {
            Ok(()) => return Ok((path, stack)),
            // Two in one second.
            Err(FsError::Exists { .. }) => stack.created = next_second(stack.created),
            Err(other) => return Err(other.into()),
        }
    }
}

impl Stack {
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| FsError::io("read", path, source))?;
        let malformed = |source| StackError::Malformed { path: path.to_owned(), source };
        let head: Head = serde_json::from_slice(&bytes).map_err(malformed)?;
        if head.format != FORMAT {
            return Err(StackError::Foreign { path: path.to_owned(), found: head.format });
        }
        if head.format_version > FORMAT_VERSION {
            return Err(StackError::Newer { path: path.to_owned(), found: head.format_version });
        }
        serde_json::from_slice(&bytes).map_err(malformed)
    }

    /// Every stack file of the root, the newest first; none without a root. Those that cannot be read say why.
    pub fn list(root: &BackupRoot) -> Result<Vec<(PathBuf, Result<Self>)>> {
        let mut found = Vec::new();
        for entry in root.entries()? {
            if let Some(time) = time_of(&entry.file_name().to_string_lossy()) {
                found.push((time, entry.path()));
            }
        }
        found.sort_by(|one, other| other.cmp(one));
        Ok(found
            .into_iter()
            .map(|(_, path)| {
                let stack = Self::read(&path);
                (path, stack)
            })
            .collect())
    }

    /// The backups of the stack, each the very one it was made of. Their files are not read.
    pub fn members(&self, root: &BackupRoot) -> Vec<Result<Backup>> {
        self.members.iter().map(|member| member.load(root)).collect()
    }

    /// Like [`Stack::members`], and reads every file of every backup.
    pub fn check(&self, root: &BackupRoot) -> Vec<Result<Verified>> {
        let check = |backup: Backup| {
            backup.check().map_err(|damage| StackError::Damaged { backup: backup.name(), damage })
        };
        self.members.iter().map(|member| member.load(root).and_then(check)).collect()
    }
}

fn member(backup: &Backup) -> Result<Member> {
    let store = backup.directory.parent().and_then(Path::file_name).unwrap_or_default();
    Ok(Member {
        store: store.to_string_lossy().into_owned(),
        backup: backup.name(),
        manifest_sha256: manifest_digest(&backup.directory)?,
    })
}

impl Member {
    fn load(&self, root: &BackupRoot) -> Result<Backup> {
        // The name comes from a file that anybody may have edited.
        let sound =
            crate::backup::store::Name::parse(&self.backup).is_some_and(|name| name.store() == self.store);
        if !sound {
            return Err(StoreError::NotFound(self.backup.clone()).into());
        }
        let directory = root.of_store(&self.store)?.join(&self.backup);
        if directory.symlink_metadata().is_err() {
            return Err(StackError::Gone(self.backup.clone()));
        }
        let damaged = |damage| StackError::Damaged { backup: self.backup.clone(), damage };
        let backup = Backup::load(&directory).map_err(damaged)?;
        if manifest_digest(&directory)? != self.manifest_sha256 {
            return Err(StackError::Changed(self.backup.clone()));
        }
        Ok(backup)
    }
}

fn manifest_digest(directory: &Path) -> Result<String> {
    let path = directory.join(manifest::FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|source| FsError::io("read", &path, source))?;
    Ok(Digest::of(&bytes).to_string())
}
