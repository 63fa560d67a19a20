//! One line of the journal.

use std::ffi::OsString;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, UndoRecord, new_id, redacted};
use crate::exit::Exit;
use crate::policy::{Assessment, Effect, Impact, Subject};
use crate::process::ProcessIdentity;

/// A command that affected data, or would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub format_version: u32,
    /// The same in all lines of one run, of which the last counts. Empty before format version 3.
    #[serde(default)]
    pub id: String,
    /// When it began.
    pub time: Timestamp,
    /// When it ended; for a command that was interrupted, when that was settled. Since format version 3.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    pub project: String,
    /// The engine's id; empty if the engine was not asked.
    pub engine: String,
    /// The arguments as typed, without secrets (see [`super::redact`]).
    #[serde(alias = "words")]
    pub command: Vec<String>,
    /// The effects on data, one for each volume, container or other subject.
    pub effects: Vec<String>,
    /// The directory names of the backups that it made.
    pub backups: Vec<String>,
    pub outcome: CommandOutcome,
    /// The exit code of safe-compose; `None` while it runs.
    #[serde(alias = "exit")]
    pub exit_code: Option<u8>,
    /// What it took, and what ran before; `None` for a command that took nothing and stopped nothing. Since format version
    /// 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<UndoRecord>,
    /// The id of the entry that it has undone. Since format version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// The process that runs it, in the line that is written before it begins. Since format version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessIdentity>,
}

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// It has begun. In what [`super::read`] returns, it is still running.
    Began,
    /// It began, and safe-compose or the machine was stopped before it ended.
    Interrupted,
    /// Compose ran it, or it is a command of our own that did what it was asked for.
    Ran,
    /// Compose ran it without the backup that would normally be made first.
    RanWithoutBackup,
    /// It failed, perhaps after a part of it was done: a command of our own, or one that Compose could not be started for.
    Failed,
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
    /// An entry of a command that begins now; [`JournalEntry::end`] completes it.
    pub fn begin(project: &str, engine: &str, words: &[OsString]) -> Self {
        let time = Timestamp::now();
        Self {
            format_version: FORMAT_VERSION,
            id: new_id(time),
            time,
            ended: None,
            project: project.to_owned(),
            engine: engine.to_owned(),
            command: redacted(words),
            effects: Vec::new(),
            backups: Vec::new(),
            outcome: CommandOutcome::Began,
            exit_code: None,
            taken: None,
            undoes: None,
            process: ProcessIdentity::current(),
        }
    }

    /// With the effects of a plan.
    #[must_use]
    pub fn with_plan(mut self, plan: &Assessment) -> Self {
        self.effects.extend(plan.impacts.iter().map(effect));
        self
    }

    /// Adds a backup that it has made.
    pub fn backup(&mut self, name: &str) {
        // The nodes of a cluster share one backup.
        if self.backups.iter().all(|known| known != name) {
            self.backups.push(name.to_owned());
        }
    }

    /// The entry of the command when it has ended.
    #[must_use]
    pub fn end(mut self, outcome: CommandOutcome, exit: Exit) -> Self {
        self.outcome = outcome;
        self.exit_code = Some(exit.code());
        self.ended = Some(Timestamp::now());
        self.process = None;
        self
    }

    /// The entry of an interrupted command that need not be reported any more.
    #[must_use]
    pub fn settle(mut self) -> Self {
        self.outcome = CommandOutcome::Interrupted;
        self.ended = Some(Timestamp::now());
        self.process = None;
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
