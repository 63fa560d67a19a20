//! What is recorded of a command: the journal entry, and the baselines that the next start is compared with.

use super::assess::keeps_data_in;
use super::backup_step::BackupOutcome;
use crate::backup::baseline::Note;
use crate::backup::store::Backup;
use crate::commands::backup_run::Saved;
use crate::commands::baselines;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::Store;
use crate::journal::{self, CommandOutcome, JournalEntry};
use crate::policy::{Assessment, Clearance, Effect, Impact};

/// Records what each store held, for the next start to compare with.
///
/// A command that did not succeed may have stopped its services, but did not destroy data as decided: if data is missing
/// at the next start, that has to be noticed.
pub(super) fn write_baselines(
    cx: &ProjectContext<'_>,
    apply: Apply,
    clearance: &Clearance,
    backups: &BackupOutcome,
    succeeded: bool,
) {
    let destroyed = |store: &Store| {
        succeeded
            && clearance
                .plan()
                .impacts
                .iter()
                .any(|impact| impact.effect >= Effect::Orphan && keeps_data_in(store, &impact.subject))
    };
    let write_backed_up = |store: &Store, note: Note, backup: &Backup| {
        let fingerprint = Some(backup.manifest.fingerprint.clone());
        baselines::write(cx, apply, store, note, fingerprint, Some(backup.name()));
    };
    for Saved { store, backup } in &backups.created {
        if !store.is_server() && !destroyed(store) {
            continue;
        }
        let note =
            if destroyed(store) { Note::Destroyed { backup: Some(backup.name()) } } else { Note::Stopped };
        write_backed_up(store, note, backup.backup());
    }
    for (store, backup) in &backups.current_of_stopped {
        write_backed_up(store, Note::Stopped, backup);
    }
    for (store, backup) in backups.current.iter().filter(|_| succeeded) {
        write_backed_up(store, Note::Destroyed { backup: Some(backup.name()) }, backup);
    }
    for (store, fingerprint) in &backups.fingerprints {
        let note = if destroyed(store) { Note::Destroyed { backup: None } } else { Note::Stopped };
        baselines::write(cx, apply, store, note, Some(fingerprint.clone()), None);
    }
}

/// The journal entry of a command. A command that affects no data leaves no trace in the project.
pub(super) struct CommandRecord {
    entry: JournalEntry,
    affects_data: bool,
}

impl CommandRecord {
    pub(super) fn begin(cx: &ProjectContext<'_>, plan: &Assessment) -> Self {
        let affects = |impact: &Impact| match impact.effect {
            Effect::Destroy | Effect::Orphan => !impact.notice,
            Effect::Interrupt => true,
            Effect::None => false,
        };
        Self {
            entry: JournalEntry::begin(&cx.project.name, cx.identity(), &cx.command.typed, plan),
            affects_data: plan.impacts.iter().any(affects),
        }
    }

    pub(super) fn add_backups(&mut self, backups: &BackupOutcome) {
        for saved in &backups.created {
            self.entry.backup(&saved.backup.backup().name());
        }
    }

    /// Records that the command was not run.
    pub(super) fn stop(&self, cx: &ProjectContext<'_>, outcome: CommandOutcome, failure: Failure) -> Failure {
        self.write(cx, outcome, failure.exit);
        failure
    }

    /// Records that the command was run.
    pub(super) fn finish(&self, cx: &ProjectContext<'_>, backups: &BackupOutcome, exit: Exit) {
        let outcome = if backups.waived { CommandOutcome::RanWithoutBackup } else { CommandOutcome::Ran };
        self.write(cx, outcome, exit);
    }

    fn write(&self, cx: &ProjectContext<'_>, outcome: CommandOutcome, exit: Exit) {
        if !self.affects_data {
            return;
        }
        if let Err(error) = journal::append(cx.root.directory(), &self.entry.clone().end(outcome, exit)) {
            cx.ui().warn(format!("the journal cannot be written: {}.", causes(&error.into())));
        }
    }
}
