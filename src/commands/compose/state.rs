//! What is recorded of a command: the journal entry, and the baselines that the next start is compared with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::assess::keeps_data_in;
use super::backup_step::BackupOutcome;
use super::taken;
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::evidence;
use crate::backup::evidence::StoreEvidence;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::commands::{baselines, replacement, verify_run};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::fs::FsError;
use crate::inventory::Store;
use crate::journal::{self, CommandOutcome, JournalEntry};
use crate::policy::{Assessment, Clearance, Effect, Impact};
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
    plan.impacts.iter().any(|impact| impact.is_on_service(&store.service))
}

/// Records what each store held, for the next start to compare with: before Compose runs, so that it is known even if the
/// command is killed. Data that is missing then has to be noticed, also where it was to be destroyed.
pub(super) async fn write_baselines(
    cx: &ProjectContext<'_>,
    apply: Apply,
    clearance: &Clearance,
    (backups, seen): (&BackupOutcome, &SeenBefore),
) {
    let mut records = Records::new();
    for store in cx.inventory.stores.iter().filter(|store| verify_run::is_verified(cx, store)) {
        let Some(evidence) = seen.get(&store.id).filter(|seen| seen.has_data) else { continue };
        // Something else than what was recorded is no new baseline: it would never be noticed again.
        if !replacement::note(cx, apply, store, evidence) {
            let record = StoreBaseline { evidence: Some(evidence.clone()), ..baseline(Note::Stopped) };
            records.insert(&store.id, (store, record));
        }
    }
    let created = backups.created.iter().map(|saved| (&saved.store, saved.backup.backup()));
    let created = created.filter(|(store, _)| store.is_server() || is_destroyed(clearance, store));
    let current = backups.current.iter().map(|(store, backup)| (store, backup.backup()));
    let stopped = backups.current_of_stopped.iter().filter(|(store, _)| store.is_server());
    let stopped = stopped.map(|(store, backup)| (store, backup));
    for (store, backup) in created.chain(current).chain(stopped) {
        let evidence = seen.get(&store.id).cloned();
        let record = StoreBaseline { evidence, ..baseline_of(Note::Stopped, backup) };
        records.insert(&store.id, (store, record));
    }
    for (store, fingerprint) in &backups.fingerprints {
        let record = StoreBaseline { fingerprint: Some(fingerprint.clone()), ..baseline(Note::Stopped) };
        records.insert(&store.id, (store, record));
    }
    for (store, record) in records.into_values() {
        let evidence = match &record.fingerprint {
            Some(contents) if store.is_server() => {
                evidence::of_server(cx.target(store, &Silent), contents).await.ok()
            }
            _ => record.evidence.clone(),
        };
        if let Some(now) = &evidence
            && replacement::note(cx, apply, store, now)
        {
            continue;
        }
        baselines::record(cx, apply, store, &StoreBaseline { evidence, ..record });
    }
}

/// Records that data was destroyed on purpose, after the command has succeeded. One that failed may have stopped its
/// services, but did not destroy data as decided.
pub(super) fn record_destruction(
    cx: &ProjectContext<'_>,
    apply: Apply,
    clearance: &Clearance,
    backups: &BackupOutcome,
) {
    let destroyed = |store: &Store| is_destroyed(clearance, store);
    let mut records = Records::new();
    let verified = cx.inventory.stores.iter().filter(|store| verify_run::is_verified(cx, store));
    for store in verified.filter(|store| destroyed(store)) {
        records.insert(&store.id, (store, baseline(Note::Destroyed { backup: None })));
    }
    let created = backups.created.iter().map(|saved| (&saved.store, saved.backup.backup()));
    let current = backups.current.iter().map(|(store, backup)| (store, backup.backup()));
    for (store, backup) in created.filter(|(store, _)| destroyed(store)).chain(current) {
        let note = Note::Destroyed { backup: Some(backup.name()) };
        records.insert(&store.id, (store, baseline_of(note, backup)));
    }
    for (store, fingerprint) in backups.fingerprints.iter().filter(|(store, _)| destroyed(store)) {
        let note = Note::Destroyed { backup: None };
        let record = StoreBaseline { fingerprint: Some(fingerprint.clone()), ..baseline(note) };
        records.insert(&store.id, (store, record));
    }
    for (store, record) in records.into_values() {
        baselines::record(cx, apply, store, &record);
    }
}

fn baseline(note: Note) -> StoreBaseline {
    StoreBaseline::new(Timestamp::now(), note, None, None)
}

fn baseline_of(note: Note, backup: &Backup) -> StoreBaseline {
    let fingerprint = Some(backup.manifest.fingerprint.clone());
    StoreBaseline { fingerprint, backup: Some(backup.name()), ..baseline(note) }
}

fn is_destroyed(clearance: &Clearance, store: &Store) -> bool {
    let impacts = &clearance.plan().impacts;
    impacts.iter().any(|impact| impact.effect >= Effect::Orphan && keeps_data_in(store, &impact.subject))
}

/// The journal entry of a command. A command that affects no data leaves no trace in the project.
pub(super) struct CommandRecord {
    entry: JournalEntry,
    affects_data: bool,
    /// That the journal cannot be written was reported.
    warned: Cell<bool>,
}

impl CommandRecord {
    pub(super) fn begin(cx: &ProjectContext<'_>, plan: &Assessment) -> Self {
        let affects = |impact: &Impact| match impact.effect {
            Effect::Destroy | Effect::Orphan => !impact.notice,
            Effect::Interrupt => true,
            Effect::None => false,
        };
        let (project, engine) = (&cx.project.name, &cx.identity().id);
        Self {
            entry: JournalEntry::begin(project, engine, &cx.command.typed).with_plan(plan),
            affects_data: plan.impacts.iter().any(affects),
            warned: Cell::new(false),
        }
    }

    /// Adds the backups that were made and what the command takes, for `undo` and for whoever finds that it did not end.
    pub(super) fn add_backups(
        &mut self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        (plan, backups): (&Assessment, &BackupOutcome),
    ) {
        let taken = taken::record(cx, plan, backups);
        let takes_data = !taken.losses.is_empty();
        self.entry.taken = Some(taken);
        for saved in &backups.created {
            self.entry.backup(&saved.backup.backup().name());
        }
        if takes_data || !backups.created.is_empty() {
            self.start(cx, apply);
        }
    }

    /// Adds the backups that the retention settings did not keep.
    pub(super) fn add_removed(&mut self, names: &[String]) {
        self.entry.effects.extend(names.iter().map(|name| format!("removes backup {name}")));
    }

    /// Records that the command is about to run.
    pub(super) fn start(&self, cx: &ProjectContext<'_>, _: Apply) {
        self.write(cx, &self.entry, |root, entry| journal::append(root, entry));
    }

    /// Records that the command was not run. A refusal creates no journal.
    pub(super) fn stop(&self, cx: &ProjectContext<'_>, outcome: CommandOutcome, failure: Failure) -> Failure {
        let entry = self.entry.clone().end(outcome, failure.exit);
        match outcome {
            CommandOutcome::Refused | CommandOutcome::NotConfirmed => {
                self.write(cx, &entry, |root, entry| journal::append_to_existing(root, entry));
            }
            CommandOutcome::Began
            | CommandOutcome::Interrupted
            | CommandOutcome::Ran
            | CommandOutcome::RanWithoutBackup
            | CommandOutcome::Failed
            | CommandOutcome::BackupFailed
            | CommandOutcome::Unknown => self.write(cx, &entry, |root, entry| journal::append(root, entry)),
        }
        failure
    }

    /// Whether the journal has what `undo` needs.
    pub(super) fn is_recorded(&self) -> bool {
        self.affects_data && !self.warned.get()
    }

    /// Records that the command was run.
    pub(super) fn finish(&self, cx: &ProjectContext<'_>, backups: &BackupOutcome, exit: Exit) {
        let outcome = if backups.waived { CommandOutcome::RanWithoutBackup } else { CommandOutcome::Ran };
        self.write(cx, &self.entry.clone().end(outcome, exit), |root, entry| journal::append(root, entry));
    }

    fn write(
        &self,
        cx: &ProjectContext<'_>,
        entry: &JournalEntry,
        append: impl Fn(&Path, &JournalEntry) -> Result<(), FsError>,
    ) {
        if !self.affects_data {
            return;
        }
        if let Err(error) = append(cx.root.directory(), entry)
            && !self.warned.replace(true)
        {
            cx.ui().warn(format!("the journal cannot be written: {}.", causes(&error.into())));
        }
    }
}
