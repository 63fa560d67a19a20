//! The journal entry of a command of our own that changes something: what it is about to do is written before it begins,
//! and how it ended afterwards.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::mode::Apply;
use crate::backup::store::BackupRoot;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::fs::FsError;
use crate::journal::{self, CommandOutcome, JournalEntry, UndoRecord};
use crate::ui::Ui;

/// What the journal will say of this run. It says nothing of a dry run, nor of a command that found nothing to change.
#[derive(Default)]
pub struct OwnRecord {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the command is one of our own that may change something.
    allowed: bool,
    begun: bool,
    /// Whether the policy refused it, rather than the person at the terminal.
    refused: bool,
    entry: Option<(PathBuf, JournalEntry)>,
    /// Why the journal could not be written.
    error: Option<FsError>,
}

impl OwnRecord {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The command changes something, unless it finds nothing to change.
    pub(super) fn allow(&self, _: Apply) {
        self.with(|state| state.allowed = true);
    }

    /// The project that the command is about, and where its journal is.
    pub(super) fn locate(&self, root: &BackupRoot, typed: &[OsString]) {
        let Some(owner) = root.owner() else { return };
        let engine = owner.engine.as_deref().unwrap_or_default();
        let entry = JournalEntry::begin(&owner.project, engine, typed);
        // A command that looks at the project again is still one command.
        self.with(|state| {
            state.entry.get_or_insert_with(|| (root.directory().to_owned(), entry));
        });
    }

    /// The command undoes another one, by the id of its entry.
    pub(super) fn undoes(&self, id: &str) {
        self.with(|state| {
            if let Some((_, entry)) = &mut state.entry {
                entry.undoes = Some(id.to_owned());
            }
        });
    }

    /// Adds an effect of the command, before it happens: `backs up db`.
    pub(super) fn will(&self, effect: String) {
        self.with(|state| {
            if let Some((_, entry)) = &mut state.entry
                && !entry.effects.contains(&effect)
            {
                entry.effects.push(effect);
            }
        });
    }

    /// What the command takes, before it takes it; `None` if everything is back.
    pub(super) fn takes(&self, taken: Option<UndoRecord>) {
        self.with(|state| {
            let begun = state.begun;
            if let Some((_, entry)) = &mut state.entry {
                entry.taken = taken;
            }
            if begun {
                state.write(|entry| entry);
            }
        });
    }

    /// Whether the command undoes another one.
    pub(super) fn is_undo(&self) -> bool {
        self.with(|state| state.entry.as_ref().is_some_and(|(_, entry)| entry.undoes.is_some()))
    }

    /// The command is about to change something: from now on it is in the journal.
    pub(super) fn begin(&self, _: Apply) {
        self.with(|state| {
            if state.allowed && !state.begun {
                state.begun = true;
                state.write(|entry| entry);
            }
        });
    }

    /// Adds a backup that the command has made.
    pub(super) fn backup(&self, name: &str) {
        self.with(|state| {
            if let Some((_, entry)) = &mut state.entry {
                entry.backup(name);
            }
        });
    }

    /// The policy refused the command.
    pub(super) fn refused(&self) {
        self.with(|state| state.refused = true);
    }

    pub(super) fn is_refused(&self) -> bool {
        self.with(|state| state.refused)
    }

    /// Records how the command ended. A refusal is recorded where there is a journal already.
    pub(super) fn end(&self, ui: &Ui, ended: &Result<Exit, Failure>) {
        let error = self.with(|state| {
            if state.allowed {
                state.end(ended);
            }
            state.error.take()
        });
        // A command that failed says more.
        if let (Some(error), Ok(_)) = (error, ended) {
            ui.warn(format!("the journal cannot be written: {}.", causes(&error.into())));
        }
    }
}

/// Whether the command ended at its question, by an answer or by a signal.
fn is_unconfirmed(exit: Exit, begun: bool) -> bool {
    exit == Exit::Refused || (!begun && matches!(exit, Exit::Signal(_)))
}

impl State {
    fn end(&mut self, ended: &Result<Exit, Failure>) {
        let (outcome, exit) = match ended {
            Ok(exit) => (CommandOutcome::Ran, *exit),
            Err(failure) if !is_unconfirmed(failure.exit, self.begun) => {
                (CommandOutcome::Failed, failure.exit)
            }
            Err(failure) if self.refused => (CommandOutcome::Refused, failure.exit),
            Err(failure) => (CommandOutcome::NotConfirmed, failure.exit),
        };
        if self.begun {
            self.write(|entry| entry.end(outcome, exit));
        } else if is_unconfirmed(exit, self.begun)
            && let Some((root, entry)) = &self.entry
        {
            self.error = journal::append_to_existing(root, &entry.clone().end(outcome, exit)).err();
        }
    }

    fn write(&mut self, line: impl FnOnce(JournalEntry) -> JournalEntry) {
        if let Some((root, entry)) = &self.entry
            && let Err(error) = journal::append(root, &line(entry.clone()))
        {
            self.error = Some(error);
        }
    }
}
