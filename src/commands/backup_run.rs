//! Backs up stores as one set.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::clusters::{Group, groups};
use super::context::ProjectContext;
use super::mode::Apply;
use super::moment::StoreBatch;
use super::new_backup::{self, NewBackup};
use super::quiesce::Quiescer;
use super::test_restore::Prover;
use super::{baselines, events, format, interruptible, label_commands, moment, replacement, test_restore};
use crate::backup::baseline::Note;
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::{DriverTarget, Dump, evidence, volume};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{BackupRole, Proof};
use crate::backup::quiesce::Quiesce as _;
use crate::backup::set::{self, SetMoment};
use crate::backup::shrink::{Good, Shrinkage};
use crate::backup::sqlite::{SqliteDatabase, SqliteResult};
use crate::backup::store::{Backup, Staging, Verified};
use crate::error::{Failure, Hint, causes};
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;
use crate::settings::RequiredProof;
use crate::units::Bytes;

/// A store that was backed up; the nodes of a cluster share one backup.
#[derive(Debug)]
pub(super) struct Saved {
    pub store: Store,
    pub backup: Verified,
}

/// What became of several stores.
#[derive(Default)]
pub(super) struct BackupRun {
    pub(super) saved: Vec<Saved>,
    pub(super) failures: Vec<FailedBackup>,
}

/// What failed where it was a hook.
const BEFORE_HOOK: &str = "what runs before the backup";
const AFTER_HOOK: &str = "the hook `after_backup`";

/// A backup that failed.
pub(super) struct FailedBackup {
    /// Of what: `` `db` ``.
    name: String,
    pub(super) failure: Failure,
}

impl BackupRun {
    fn failed(&mut self, store: &Store, failure: Failure) {
        self.failures.push(FailedBackup { name: format!("`{}`", store.service), failure });
    }

    /// Splits it into the backups and, where some failed, one failure that names all of them.
    pub(super) fn split(self, cx: &ProjectContext<'_>) -> (Vec<Saved>, Option<Failure>) {
        let Self { saved, mut failures } = self;
        let others: BTreeSet<String> = saved
            .iter()
            .map(|one| format!("`{}`", one.store.service))
            .filter(|name| failures.iter().all(|failed| failed.name != *name))
            .collect();
        let failure = match failures.as_slice() {
            [] => None,
            [_] => failures.pop().map(|one| one.failure),
            [..] => Some(together(cx, failures)),
        };
        let others: Vec<String> = others.into_iter().collect();
        let failure = failure.map(|failure| {
            if others.is_empty() {
                return failure;
            }
            let others = Hint::Say(format!("Backed up all the same: {}.", format::list(&others)));
            let mut failure = failure;
            let first_command = failure.hints.iter().position(|hint| matches!(hint, Hint::Run { .. }));
            failure.hints.insert(first_command.unwrap_or(failure.hints.len()), others);
            failure
        });
        (saved, failure)
    }

    /// The backups, if none failed.
    pub(super) fn complete(self, cx: &ProjectContext<'_>) -> Result<Vec<Saved>, Failure> {
        match self.split(cx) {
            (saved, None) => Ok(saved),
            (_, Some(failure)) => Err(failure),
        }
    }
}

/// Several failures as one, with the cause of each and the advice of all.
fn together(cx: &ProjectContext<'_>, failures: Vec<FailedBackup>) -> Failure {
    let names: Vec<&str> = failures.iter().map(|one| one.name.as_str()).collect();
    let message = format!("the backups of {} failed", format::list(&names));
    let message = match cx.command.composes() {
        Some(command) => format!("{message}, so `{command}` was not run"),
        None => message,
    };
    let cause = |one: &FailedBackup| match &one.failure.cause {
        Some(cause) => format!("{}: {}", one.name, causes(cause)),
        None => format!("{}: {}", one.name, one.failure.message),
    };
    let causes: Vec<String> = failures.iter().map(cause).collect();
    let mut failure = Failure::new(Exit::BackupFailed, message).because(anyhow::anyhow!(causes.join("\n")));
    for hint in failures.into_iter().flat_map(|one| one.failure.hints) {
        if !failure.hints.contains(&hint) {
            failure.hints.push(hint);
        }
    }
    failure
}

/// Why backups are made, and what each has to be good for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// As the manifest records it.
    pub(super) reason: &'a str,
    /// A normal backup of data of which some is missing is marked as one after a loss.
    pub(super) role: BackupRole,
    pub(super) required: RequiredProof,
    /// What is backed up will be destroyed or replaced, so a backup that may be torn is none, and a server that is written
    /// to after its backup is backed up again.
    pub(super) replaces_data: bool,
}

/// Backs up every store; one that fails does not stop the others. Ctrl-C and failures return every container to the state
/// that it was in.
pub(super) async fn save_to(
    cx: &ProjectContext<'_>,
    apply: Apply,
    stores: &[Store],
    purpose: Purpose<'_>,
) -> Result<BackupRun, Failure> {
    let quiescer = Quiescer::new(cx, apply);
    let saved =
        interruptible(async { Ok(Box::pin(save_with(cx, apply, &quiescer, stores, purpose)).await) }).await;
    quiescer.finish(saved).await.map(|(saved, _)| saved)
}

/// The same with the containers in the care of the caller, who has to finish the quiescer whatever happens.
pub(super) async fn save_with(
    cx: &ProjectContext<'_>,
    apply: Apply,
    quiescer: &Quiescer<'_>,
    stores: &[Store],
    purpose: Purpose<'_>,
) -> BackupRun {
    let mut run = BackupRun::default();
    if stores.is_empty() {
        return run;
    }
    if let Err(failure) = prepare(cx, apply, stores).await {
        run.failures.push(FailedBackup { name: BEFORE_HOOK.to_owned(), failure });
        return run;
    }
    let batches = batched(cx, stores, &mut run).await;
    let mut made: Vec<(Group, Verified)> = Vec::new();
    let mut moments = Vec::new();
    for batch in batches {
        let moment = save_batch(cx, apply, (batch, &mut made), quiescer, purpose, &mut run).await;
        moments.extend(moment);
    }
    if purpose.replaces_data {
        save_what_was_written(cx, apply, &mut made, quiescer, purpose, &mut run).await;
    }
    let members: Vec<&Verified> = made.iter().map(|(_, backup)| backup).collect();
    if !members.is_empty()
        && let Err(error) = set::write(&cx.root, &cx.project.name, &members, moments)
    {
        let name = "the backup set".to_owned();
        run.failures.push(FailedBackup { failure: failed(cx, &name, error.into()), name });
    }
    for (group, mut backup) in made {
        if let Err(failure) = prove(cx, apply, &group.lead, &mut backup, purpose.required).await {
            run.failed(&group.lead, failure);
        }
        run.saved.extend(group.members.into_iter().map(|store| Saved { store, backup: backup.clone() }));
    }
    Box::pin(label_commands::after(cx, apply, stores)).await;
    report_saved(cx, apply, &mut run).await;
    run
}

/// Runs what the project wants to be run before its backups.
async fn prepare(cx: &ProjectContext<'_>, apply: Apply, stores: &[Store]) -> Result<(), Failure> {
    events::before_backup(cx, apply, stores).await?;
    Box::pin(label_commands::before(cx, apply, stores)).await
}

/// Reports the new backups to the project's hook, which may make them not count.
async fn report_saved(cx: &ProjectContext<'_>, apply: Apply, run: &mut BackupRun) {
    if run.saved.is_empty() {
        return;
    }
    let failed: Vec<String> = run.failures.iter().map(|one| one.name.trim_matches('`').to_owned()).collect();
    let saved: Vec<(&Store, &Backup)> =
        run.saved.iter().map(|one| (&one.store, one.backup.backup())).collect();
    if let Err(failure) = events::after_backup(cx, apply, &saved, &failed).await {
        run.failures.push(FailedBackup { name: AFTER_HOOK.to_owned(), failure });
    }
}

/// Backs up the stores of a batch, while its services are held if they have one moment. Returns that moment, where it is
/// proven.
async fn save_batch(
    cx: &ProjectContext<'_>,
    apply: Apply,
    (mut batch, made): (StoreBatch, &mut Vec<(Group, Verified)>),
    quiescer: &Quiescer<'_>,
    purpose: Purpose<'_>,
    run: &mut BackupRun,
) -> Option<SetMoment> {
    let since = if batch.is_together() {
        match moment::begin(cx, quiescer, &mut batch).await {
            Ok(since) => Some(since),
            Err(error) => {
                let reason = format!("{error:#}");
                let released = quiescer.release_together().await;
                for group in &batch.groups {
                    let failure = failed_at(cx, &group.lead, anyhow::anyhow!("{reason}"));
                    run.failed(&group.lead, with_still_held(failure, &released));
                }
                return None;
            }
        }
    } else {
        None
    };
    let (expected, before) = (batch.groups.len(), made.len());
    for group in batch.groups {
        cx.command.record.will(format!("backs up {}", group.lead.id));
        cx.command.record.begin(apply);
        match save_one(cx, apply, (&group, made), quiescer, purpose).await {
            Ok(backup) => {
                cx.command.record.backup(&backup.name());
                report(cx, &group, &backup);
                made.push((group, backup));
            }
            Err(error) => {
                let failure = failed_at(cx, &group.lead, error);
                run.failed(&group.lead, with_still_held(failure, &quiescer.release().await));
            }
        }
    }
    let since = since?;
    match moment::end(cx, quiescer, since, (expected, &made[before..])).await {
        Ok(moment) => moment,
        Err(error) => {
            cx.ui().warn(format!("{error:#}"));
            None
        }
    }
}

/// What is backed up, in its order: what can be backed up only while it runs comes first, because the rest may have to be
/// stopped.
async fn batched(cx: &ProjectContext<'_>, stores: &[Store], run: &mut BackupRun) -> Vec<StoreBatch> {
    let mut stores = stores.to_vec();
    let mut groups = loop {
        match groups(cx, &stores).await {
            Ok(groups) => break groups,
            Err((store, error)) => {
                run.failed(&store, failed_at(cx, &store, error));
                stores.retain(|known| known.id != store.id);
            }
        }
    };
    let mut keeps_running = BTreeSet::new();
    for group in &groups {
        let is_dumped = group.lead.is_server() || matches!(group.lead.kind, StoreKind::Sql(_));
        if is_dumped || has_replaced_mount(cx, &group.lead).await {
            keeps_running.insert(group.lead.id.clone());
        }
    }
    groups.sort_by_key(|group| !keeps_running.contains(&group.lead.id));
    moment::batches(&cx.settings.backup.together, groups, |store| keeps_running.contains(&store.id))
}

/// A failure, and what could not go on after it.
fn with_still_held(failure: Failure, released: &anyhow::Result<()>) -> Failure {
    match released {
        Ok(()) => failure,
        Err(error) => failure.say(format!("{error:#}")),
    }
}

/// Whether a directory is out of reach as soon as the container stops.
async fn has_replaced_mount(cx: &ProjectContext<'_>, store: &Store) -> bool {
    match &store.container {
        Some(container) => {
            cx.engine.replaced_mounts(container).await.is_ok_and(|replaced| !replaced.is_empty())
        }
        None => false,
    }
}

/// Looks again at the servers that could not be stopped for their backup. One that was written to since is backed up once
/// more.
async fn save_what_was_written(
    cx: &ProjectContext<'_>,
    apply: Apply,
    made: &mut [(Group, Verified)],
    quiescer: &Quiescer<'_>,
    purpose: Purpose<'_>,
    run: &mut BackupRun,
) {
    for one in made {
        let service = one.0.lead.service.clone();
        if !one.0.lead.is_server() || !was_written(cx, one).await {
            continue;
        }
        cx.ui().say(format!("`{service}` was written to since its backup: backing up what was added."));
        match save_one(cx, apply, (&one.0, &[]), quiescer, purpose).await {
            Ok(backup) => one.1 = backup,
            Err(error) => {
                run.failed(&one.0.lead, failed_at(cx, &one.0.lead, error));
                continue;
            }
        }
        report(cx, &one.0, &one.1);
        if was_written(cx, one).await {
            cx.ui().warn(format!(
                "`{service}` is still being written to: what is written from now on is in no backup."
            ));
        }
    }
}

/// A server that cannot be asked may have been written to.
async fn was_written(cx: &ProjectContext<'_>, (group, backup): &(Group, Verified)) -> bool {
    let store = &group.lead;
    let now = store.kind.driver().fingerprint(cx.target(store, &Silent)).await;
    now.map_or(true, |now| backup.manifest.fingerprint.was_written_until(&now))
}

/// Test-restores a backup where that is required and was not done yet.
pub(super) async fn prove(
    cx: &ProjectContext<'_>,
    apply: Apply,
    store: &Store,
    backup: &mut Verified,
    required: RequiredProof,
) -> Result<(), Failure> {
    let driver = backup.manifest.kind.driver();
    if required < RequiredProof::Restored || backup.proof() >= Proof::Restored {
        return Ok(());
    }
    if driver.test_restore(&backup.manifest.image).is_none() {
        cx.ui().say(format!(
            "`{}` is a backup of files: it was read back, and there is no server to test-restore it into.",
            backup.name()
        ));
        return Ok(());
    }
    let tried = Prover::of(cx).prove(apply, backup).await;
    let what = format!("the backup of `{}` could not be test-restored", store.service);
    let trial = tried.map_err(|error| failed_proof(cx, Exit::Unverified, what, error))?;
    match test_restore::verdict(&trial) {
        None => {
            test_restore::report(cx.ui(), backup, &trial);
            Ok(())
        }
        Some(reasons) => {
            let what = format!("the backup of `{}` cannot be restored", store.service);
            Err(failed_proof(cx, Exit::BackupFailed, what, reasons))
        }
    }
}

/// A backup that does not count, because it is not proven as far as required. `exit` is that of a command that only backs
/// up: whether the backup is bad, or could not be tried.
fn failed_proof(cx: &ProjectContext<'_>, exit: Exit, what: String, error: anyhow::Error) -> Failure {
    match cx.command.composes() {
        Some(command) => Failure::new(Exit::BackupFailed, format!("{what}, so `{command}` was not run"))
            .because(error)
            .say("Nothing was changed. The settings require `backup.proof: restored`.")
            .run(
                "Fix the problem and retry, or continue without a backup",
                cx.suggest().again("--safe-skip-backup", &cx.command.words),
            ),
        None => Failure::new(exit, what)
            .because(error)
            .say("The backup was kept, but it does not count as restored.")
            .run("To list the backups with their proof", cx.suggest().backups()),
    }
}

async fn save_one(
    cx: &ProjectContext<'_>,
    apply: Apply,
    (group, made): (&Group, &[(Group, Verified)]),
    quiescer: &Quiescer<'_>,
    purpose: Purpose<'_>,
) -> anyhow::Result<Verified> {
    let store = &group.lead;
    let meter = cx.ui().meter();
    let created = Timestamp::now();
    let mut staging = cx.root.stage(&store.id, created)?;
    staging.compress(cx.settings.backup.compression);
    staging.for_repository(cx.settings.backup.repository.is_some());
    if let Some((name, time)) = staging.dated_later() {
        cx.ui().warn(format!(
            "the clock went back: `{name}` is dated {}, which is later than now. The new backup counts as the newer one.",
            time.strftime("%Y-%m-%d %H:%M:%SZ")
        ));
    }
    let target = DriverTarget { quiesce: Some(quiescer), ..cx.target(store, &meter) };
    let files = Store { kind: StoreKind::Volume, ..store.clone() };
    let (store, target, dump) = if let Some(dump) = linked(target, made, &mut staging).await? {
        (store, target, dump)
    } else {
        // One that cannot be read is no base for an incremental backup.
        let previous = match store.kind {
            StoreKind::Qdrant => cx.root.newest(&store.id),
            StoreKind::Volume | StoreKind::Sql(_) => cx.root.newest_of(&store.id, StoreKind::Volume),
        };
        let previous = previous.ok().flatten();
        match store.kind.driver().dump(target, previous.as_ref(), &mut staging).await {
            Ok(dump) => (store, target, dump),
            Err(error) if error.is::<ToolFailed>() => {
                cx.ui().warn(format!(
                    "{}: it could not be dumped: {error:#}. Its files are copied instead.",
                    store.service
                ));
                drop(staging);
                staging = cx.root.stage(&store.id, created)?;
                let target = DriverTarget { store: &files, ..target };
                let dump = match linked(target, made, &mut staging).await? {
                    Some(dump) => dump,
                    None => files.kind.driver().dump(target, previous.as_ref(), &mut staging).await?,
                };
                (&files, target, dump)
            }
            Err(error) => return Err(error),
        }
    };
    anyhow::ensure!(
        dump.consistency.is_sound() || !purpose.replaces_data,
        "the copy may be torn: {}",
        dump.remarks.join("; ")
    );
    for remark in &dump.remarks {
        cx.ui().warn(format!("{}: {remark}", store.service));
    }
    warn_of_databases(cx, store, &dump);
    // It is only for comparisons: a backup without it is as good as one with it.
    let evidence = match store.kind {
        StoreKind::Qdrant => evidence::of_server(target, &dump.fingerprint).await.ok(),
        StoreKind::Volume | StoreKind::Sql(_) => evidence::look(target).await.ok(),
    };
    if let (BackupRole::Normal, Some(now)) = (purpose.role, &evidence) {
        replacement::note(cx, apply, store, now);
    }
    let role = role(cx, group, purpose.role);
    let shrinkage = match role {
        BackupRole::Normal => shrinkage(cx, store, &dump.fingerprint),
        BackupRole::SafetyCopy | BackupRole::AfterLoss => None,
    };
    let container = store.container.as_ref();
    let new = NewBackup {
        store,
        container: container.map(|container| container.name.clone()).unwrap_or_default(),
        image: store.image.clone().unwrap_or_default(),
        image_id: container.map(|container| container.image_id.clone()).unwrap_or_default(),
        reason: purpose.reason,
        role,
        created,
        dump,
        evidence,
        nodes: group.nodes.clone(),
        shrinkage,
    };
    Ok(staging.finish_showing(new_backup::manifest(cx, new), &meter)?)
}

fn warn_of_databases(cx: &ProjectContext<'_>, store: &Store, dump: &Dump) {
    for SqliteDatabase { path, result } in &dump.sqlite {
        let service = &store.service;
        match result {
            SqliteResult::Intact => {}
            SqliteResult::Damaged { problem } if dump.consistency.is_sound() => cx.ui().warn(format!(
                "{service}: the SQLite database `{path}` is damaged: {problem}. The copy is of one moment, so the \
                 original is damaged too. Older backups are kept: `{}`",
                cx.suggest().backups()
            )),
            SqliteResult::Damaged { problem } => cx.ui().warn(format!(
                "{service}: the copy of the SQLite database `{path}` is damaged: {problem}"
            )),
            SqliteResult::Unchecked { reason } => cx.ui().warn(format!(
                "{service}: the copy of the SQLite database `{path}` could not be checked: {reason}"
            )),
        }
    }
}

/// The backup of another service that was just made of the same files, as links. They are copied once.
async fn linked(
    target: DriverTarget<'_>,
    made: &[(Group, Verified)],
    into: &mut Staging,
) -> anyhow::Result<Option<Dump>> {
    if target.store.kind != StoreKind::Volume {
        return Ok(None);
    }
    for (group, backup) in made {
        if let Some(dump) = volume::link(target, &group.lead, backup, into).await? {
            return Ok(Some(dump));
        }
    }
    Ok(None)
}

/// A loss that nobody has restored or given up makes a backup one after a loss. An unreadable baseline was reported.
fn role(cx: &ProjectContext<'_>, group: &Group, role: BackupRole) -> BackupRole {
    let has_lost = |store: &Store| {
        baselines::read(cx, store).ok().flatten().is_some_and(|baseline| baseline.loss.is_some())
    };
    match role {
        BackupRole::Normal if group.members.iter().any(has_lost) => BackupRole::AfterLoss,
        BackupRole::Normal | BackupRole::SafetyCopy | BackupRole::AfterLoss => role,
    }
}

/// How the store shrank since its last good backup. What was accepted since is no shrinkage.
fn shrinkage(cx: &ProjectContext<'_>, store: &Store, now: &Fingerprint) -> Option<Shrinkage> {
    let good = cx.root.last_good(&store.id).ok().flatten()?;
    let created = good.manifest.created;
    let baseline = baselines::read(cx, store).ok().flatten();
    let is_accepted = baseline.is_some_and(|known| known.note == Note::Accepted && known.time > created);
    let good = Good { name: &good.name(), created, contents: &good.manifest.fingerprint };
    Shrinkage::between(good, now).filter(|_| !is_accepted)
}

fn report(cx: &ProjectContext<'_>, group: &Group, verified: &Verified) {
    let backup = verified.backup();
    let manifest = &backup.manifest;
    cx.ui().good(format!(
        "backed up {}: {} ({}, verified, {}) to {}",
        format::saved(&group.nodes, &group.lead.service),
        format::brief_contents(&manifest.fingerprint),
        Bytes(backup.bytes()),
        manifest.consistency,
        format::short_path(&backup.directory),
    ));
    match manifest.role {
        BackupRole::AfterLoss => cx.ui().say(format!(
            "`{}` was made after data of {} was lost: it is marked, and is never `latest`.",
            backup.name(),
            format::saved(&group.nodes, &group.lead.service),
        )),
        BackupRole::Normal | BackupRole::SafetyCopy => {}
    }
    if let Some(shrinkage) = &manifest.shrinkage {
        cx.ui().warn(format!(
            "{}. If that is expected: `{}`",
            format::shrinkage(manifest, shrinkage),
            cx.suggest().accept()
        ));
    }
}

fn failed_at(cx: &ProjectContext<'_>, store: &Store, error: anyhow::Error) -> Failure {
    failed(cx, &format!("`{}`", store.service), error)
}

fn failed(cx: &ProjectContext<'_>, what: &str, error: anyhow::Error) -> Failure {
    let command = cx.command.composes();
    let failure = match command {
        Some(command) => Failure::new(
            Exit::BackupFailed,
            format!("{what} could not be backed up, so `{command}` was not run"),
        )
        .because(error)
        .say("Nothing was changed."),
        None => Failure::new(Exit::BackupFailed, format!("{what} could not be backed up"))
            .because(error)
            .say("No incomplete backup was left behind. Earlier backups were not touched."),
    };
    let failure = cx.with_repair(failure);
    match command {
        Some(_) => failure.run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        ),
        None => failure,
    }
}
