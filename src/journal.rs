//! `journal.jsonl` in the backup directory: one line for each guarded command.
//!
//! Append-only. Each line is a single write and is synced, so that a crash can truncate the last line only. Secrets are
//! removed from commands before they are written.

use std::ffi::OsString;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Identity;
use crate::exit::Exit;
use crate::fs::{FsError, append_line, create_ignored_dir_all, to_json_line};
use crate::policy::{Assessment, Effect, Impact, Subject};

mod redact;

pub use redact::redact;

/// The file name.
pub const FILE_NAME: &str = "journal.jsonl";

/// The format version of the lines that this program writes, and the newest that it reads.
///
/// Version 1 had `words` for `command` and `exit` for `exit_code`.
pub const FORMAT_VERSION: u32 = 2;

/// A guarded command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub format_version: u32,
    pub time: Timestamp,
    pub project: String,
    /// The engine's id.
    pub engine: String,
    /// The arguments as typed, without secrets (see [`redact`]).
    #[serde(alias = "words")]
    pub command: Vec<String>,
    /// The effects on data, one for each volume, container or other subject.
    pub effects: Vec<String>,
    /// The directory names of the backups made before it.
    pub backups: Vec<String>,
    pub outcome: CommandOutcome,
    /// The exit code of safe-compose.
    #[serde(alias = "exit")]
    pub exit_code: u8,
}

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// Compose ran it.
    Ran,
    /// Compose ran it without the backup that would normally be made first.
    RanWithoutBackup,
    /// Not run: the settings forbid it, or confirmation was not possible.
    Refused,
    /// Not run: the confirmation was not typed.
    NotConfirmed,
    /// Not run: the backup failed.
    BackupFailed,
    /// The outcome was not recorded.
    Unknown,
}

impl JournalEntry {
    /// Starts an entry; [`JournalEntry::end`] completes it.
    pub fn begin(project: &str, engine: &Identity, words: &[OsString], plan: &Assessment) -> Self {
        let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Self {
            format_version: FORMAT_VERSION,
            time: Timestamp::now(),
            project: project.to_owned(),
            engine: engine.id.clone(),
            command: redact(&words),
            effects: plan.impacts.iter().map(effect).collect(),
            backups: Vec::new(),
            outcome: CommandOutcome::Unknown,
            exit_code: 0,
        }
    }

    /// Adds a backup that was made before the command.
    pub fn backup(&mut self, name: &str) {
        // The nodes of a cluster share one backup.
        if self.backups.iter().all(|known| known != name) {
            self.backups.push(name.to_owned());
        }
    }

    #[must_use]
    pub fn end(mut self, outcome: CommandOutcome, exit: Exit) -> Self {
        self.outcome = outcome;
        self.exit_code = exit.code();
        self
    }
}

fn effect(impact: &Impact) -> String {
    let verb = match impact.effect {
        Effect::None => "keeps",
        Effect::Interrupt => "stops",
        Effect::Orphan => "leaves behind",
        Effect::Destroy => "destroys",
    };
    let subject = match &impact.subject {
        Subject::Volume { name, .. } => format!("volume {name}"),
        Subject::Directory { path } => format!("directory {path}"),
        Subject::Layer { container, .. } => format!("layer of {container}"),
        Subject::Tmpfs { container, path } => format!("tmpfs {path} of {container}"),
        Subject::Collection { service, name } => format!("collection {name} of {service}"),
        Subject::Image { name, .. } => format!("image {name}"),
        Subject::Service { name } => format!("service {name}"),
    };
    let disposable = if impact.disposable { " (disposable)" } else { "" };
    let contents = impact.contents.as_ref().map(|contents| format!(": {contents}")).unwrap_or_default();
    format!("{verb} {subject}{disposable}{contents}")
}

/// The contents of a journal.
#[derive(Debug, Default)]
pub struct JournalContents {
    /// Oldest first. Entries of older formats have been converted.
    pub entries: Vec<JournalEntry>,
    /// The numbers, from 1, of lines that are damaged or written by a newer program.
    pub unreadable: Vec<usize>,
    /// Whether a crash has truncated the last line.
    pub torn: bool,
}

/// Appends an entry to the journal in the backup directory, which is created if needed.
pub fn append(root: impl AsRef<Path>, entry: &JournalEntry) -> Result<(), FsError> {
    create_ignored_dir_all(root.as_ref())?;
    append_line(&root.as_ref().join(FILE_NAME), &to_json_line(entry))
}

/// Reads the journal; a missing journal is empty.
pub fn read(root: impl AsRef<Path>) -> Result<JournalContents, FsError> {
    let path = root.as_ref().join(FILE_NAME);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(JournalContents::default()),
        Err(source) => Err(FsError::io("read", &path, source)),
    }
}

fn parse(bytes: &[u8]) -> JournalContents {
    let mut contents = JournalContents::default();
    let is_terminated = bytes.last().is_none_or(|last| *last == b'\n');
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice::<JournalEntry>(line) {
            Ok(entry) if entry.format_version <= FORMAT_VERSION => {
                contents.entries.push(JournalEntry { format_version: FORMAT_VERSION, ..entry });
            }
            Err(_) if at + 1 == lines.len() && !is_terminated => contents.torn = true,
            Ok(_) | Err(_) => contents.unreadable.push(at + 1),
        }
    }
    contents
}
