//! What is recorded of a command: the journal entry, and the baselines that the next start is compared with.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::assess::keeps_data_in;
use super::backup_step::BackupOutcome;
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::evidence;
use crate::backup::evidence::StoreEvidence;
use crate::backup::fingerprint::Fingerprint;
use crate::commands::backup_run::Saved;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::commands::{baselines, verify_run};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::Store;
use crate::journal::{self, CommandOutcome, JournalEntry};
use crate::policy::{Assessment, Clearance, Effect, Impact, Subject};
use crate::progress::Silent;

/// The new baselines, by the ids of the stores.
type Records<'a> = BTreeMap<&'a str, (&'a Store, StoreBaseline)>;

/// What the files of the stores that a command stops looked like before, by the ids of the stores.
pub(super) type SeenBefore = BTreeMap<String, StoreEvidence>;

/// Looks at the files of the stores that the command is about to stop: after `down` there is no container to look into.
pub(super) async fn look_before(cx: &ProjectContext<'_>, plan: &Assessment) -> SeenBefore {
    let stores = cx.inventory.stores.iter().filter(|store| {
        !store.is_server()
            && store.is_running()
            && is_stopped(store, plan)
            && verify_run::is_verified(cx, store)
    });
    let looks = stores.map(|store| async move {
        match evidence::look(cx.target(store, &Silent)).await {
            Ok(seen) => Some((store.id.clone(), seen)),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::debug!(service = store.service, error, "its baseline stays as it is");
                None
            }
        }
    });
    join_all(looks).await.into_iter().flatten().collect()
}

fn is_stopped(store: &Store, plan: &Assessment) -> bool {
    plan.impacts
        .iter()
        .any(|impact| matches!(&impact.subject, Subject::Service { name } if *name == store.service))
}

/// Records what each store held, for the next start to compare with.
///
/// A command that did not succeed may have stopped its services, but did not destroy data as decided: if data is missing
/// at the next start, that has to be noticed.
pub(super) async fn write_baselines(
    cx: &ProjectContext<'_>,
    apply: Apply,
    clearance: &Clearance,
    (backups, seen): (&BackupOutcome, &SeenBefore),
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
    let new = |note: Note| StoreBaseline::new(Timestamp::now(), note, None, None);
    let mut records = Records::new();
    for store in cx.inventory.stores.iter().filter(|store| verify_run::is_verified(cx, store)) {
        let evidence = seen.get(&store.id).filter(|seen| seen.has_data);
        if destroyed(store) {
            records.insert(&store.id, (store, new(Note::Destroyed { backup: None })));
        } else if let Some(evidence) = evidence {
            // Something else than what was recorded is no new baseline: it would never be noticed again.
            let known = baselines::read(cx, store).ok().flatten();
            let before = known.as_ref().and_then(|known| known.evidence.as_ref());
            let missing = before.map(|before| before.compare(evidence)).unwrap_or_default();
            if missing.is_empty() {
                let record = StoreBaseline { evidence: Some(evidence.clone()), ..new(Note::Stopped) };
                records.insert(&store.id, (store, record));
            } else {
                let missing = missing.iter().map(ToString::to_string).collect();
                baselines::record_loss(cx, apply, store, known.as_ref(), missing);
            }
        }
    }
    let of = |note: Note, contents: &Fingerprint, backup: Option<String>| StoreBaseline {
        fingerprint: Some(contents.clone()),
        backup,
        ..new(note)
    };
    for Saved { store, backup } in &backups.created {
        let (name, contents) = (backup.name(), &backup.manifest.fingerprint);
        if destroyed(store) {
            let note = Note::Destroyed { backup: Some(name.clone()) };
            records.insert(&store.id, (store, of(note, contents, Some(name))));
        } else if store.is_server() {
            records.insert(&store.id, (store, of(Note::Stopped, contents, Some(name))));
        }
    }
    for (store, backup) in &backups.current_of_stopped {
        let record = of(Note::Stopped, &backup.manifest.fingerprint, Some(backup.name()));
        records.insert(&store.id, (store, record));
    }
    for (store, backup) in backups.current.iter().filter(|_| succeeded) {
        let name = Some(backup.name());
        let record = of(Note::Destroyed { backup: name.clone() }, &backup.manifest.fingerprint, name);
        records.insert(&store.id, (store, record));
    }
    for (store, fingerprint) in &backups.fingerprints {
        let note = if destroyed(store) { Note::Destroyed { backup: None } } else { Note::Stopped };
        records.insert(&store.id, (store, of(note, fingerprint, None)));
    }
    for (store, record) in records.into_values() {
        // Of a server that was only stopped, the volumes are still there.
        let evidence = match (&record.note, &record.fingerprint) {
            (Note::Stopped, Some(contents)) if store.is_server() => {
                evidence::of_server(cx.target(store, &Silent), contents).await.ok()
            }
            _ => record.evidence.clone(),
        };
        baselines::record(cx, apply, store, &StoreBaseline { evidence, ..record });
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
