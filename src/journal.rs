//! `journal.jsonl`: one line for each guarded command, in the root of the backups.
//!
//! Append-only. A line is one write and is synced; a crash can tear the last one and no other. No secret gets in: the
//! words of a command are cleaned first.

use std::ffi::OsString;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Identity;
use crate::exit::Exit;
use crate::fs::{FsError, append_line, create_private_dir_all, to_json_line};
use crate::policy::{Assessment, Effect, Impact, Subject};

mod redact;

pub use redact::redact;

/// The name of the file.
pub const FILE_NAME: &str = "journal.jsonl";

/// The version that this program writes into each line, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// One guarded command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub format_version: u32,
    pub time: Timestamp,
    pub project: String,
    /// The engine's id.
    pub engine: String,
    /// The command as typed, cleaned by [`redact`].
    pub words: Vec<String>,
    /// What it does to data, one line for each piece.
    pub effects: Vec<String>,
    /// The backups made before it, by the names of their directories.
    pub backups: Vec<String>,
    pub outcome: CommandOutcome,
    /// What the process ended with.
    pub exit: u8,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// It was handed to Compose.
    Ran,
    /// It was handed to Compose, and somebody had waived the backup.
    RanWithoutBackup,
    /// The settings forbid it, or nobody could be asked.
    Refused,
    /// Another word was typed than the one asked for.
    NotConfirmed,
    /// The backup before it failed.
    BackupFailed,
    /// Nothing has said how it ended.
    Unknown,
}

impl JournalEntry {
    /// Begins a line; [`JournalEntry::end`] completes it.
    pub fn begin(project: &str, engine: &Identity, words: &[OsString], plan: &Assessment) -> Self {
        let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Self {
            format_version: FORMAT_VERSION,
            time: Timestamp::now(),
            project: project.to_owned(),
            engine: engine.id.clone(),
            words: redact(&words),
            effects: plan.impacts.iter().map(effect).collect(),
            backups: Vec::new(),
            outcome: CommandOutcome::Unknown,
            exit: 0,
        }
    }

    /// Adds a backup that was made before the command.
    pub fn backup(&mut self, name: &str) {
        // The nodes of a cluster have one together.
        if self.backups.iter().all(|known| known != name) {
            self.backups.push(name.to_owned());
        }
    }

    #[must_use]
    pub fn end(mut self, outcome: CommandOutcome, exit: Exit) -> Self {
        self.outcome = outcome;
        self.exit = exit.code();
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

/// What was read back.
#[derive(Debug, Default)]
pub struct JournalContents {
    /// The oldest first.
    pub entries: Vec<JournalEntry>,
    /// Numbers of the lines, from 1, that are damaged or of a newer program.
    pub unreadable: Vec<usize>,
    /// The last line was torn by a crash.
    pub torn: bool,
}

/// Adds one line to the journal in the directory of the backups, which need not be there yet.
pub fn append(root: impl AsRef<Path>, entry: &JournalEntry) -> Result<(), FsError> {
    create_private_dir_all(root.as_ref())?;
    append_line(&root.as_ref().join(FILE_NAME), &to_json_line(entry))
}

/// Reads every line; no journal is an empty one.
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
    let ends = bytes.last().is_none_or(|last| *last == b'\n');
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice::<JournalEntry>(line) {
            Ok(entry) if entry.format_version <= FORMAT_VERSION => contents.entries.push(entry),
            Err(_) if at + 1 == lines.len() && !ends => contents.torn = true,
            Ok(_) | Err(_) => contents.unreadable.push(at + 1),
        }
    }
    contents
}
