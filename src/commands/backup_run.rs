//! Backs up stores as one set.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::clusters::{Group, groups};
use super::context::ProjectContext;
use super::mode::Apply;
use super::quiesce::Quiescer;
use super::test_restore::Prover;
use super::{baselines, format, interruptible, replacement, test_restore};
use crate::backup::baseline::Note;
use crate::backup::driver::tool::ToolFailed;
use crate::backup::driver::{DriverTarget, Dump, evidence, volume};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{BackupRole, FORMAT, FORMAT_VERSION, Manifest, Proof};
use crate::backup::set;
use crate::backup::shrink::{Good, Shrinkage};
use crate::backup::store::{Staging, Verified};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;
use crate::settings::RequiredProof;
use crate::units::Bytes;

/// The program's name and version in manifests.
const TOOL: &str = concat!("safe-compose ", env!("CARGO_PKG_VERSION"));

/// A store that was backed up; the nodes of a cluster share one backup.
#[derive(Debug)]
pub(super) struct Saved {
    pub store: Store,
    pub backup: Verified,
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

/// Backs up every store. Ctrl-C and failures return every container to the state that it was in.
pub(super) async fn save_to(
    cx: &ProjectContext<'_>,
    apply: Apply,
    stores: &[Store],
    purpose: Purpose<'_>,
) -> Result<Vec<Saved>, Failure> {
    let quiescer = Quiescer::new(cx, apply);
    let saved = interruptible(save_with(cx, apply, &quiescer, stores, purpose)).await;
    quiescer.finish(saved).await.map(|(saved, _)| saved)
}

/// The same with the containers in the care of the caller, who has to finish the quiescer whatever happens.
pub(super) async fn save_with(
    cx: &ProjectContext<'_>,
    apply: Apply,
    quiescer: &Quiescer<'_>,
    stores: &[Store],
    purpose: Purpose<'_>,
) -> Result<Vec<Saved>, Failure> {
    if stores.is_empty() {
        return Ok(Vec::new());
    }
    let failed_at = |store: &Store, error| failed(cx, &format!("`{}`", store.service), error);
    let mut groups = groups(cx, stores).await.map_err(|(store, error)| failed_at(&store, error))?;
    // What can be backed up only while it runs comes first: the rest may have to be stopped.
    let mut keeps_running = BTreeSet::new();
    for group in &groups {
        let is_dumped = group.lead.is_server() || matches!(group.lead.kind, StoreKind::Sql(_));
        if is_dumped || has_replaced_mount(cx, &group.lead).await {
            keeps_running.insert(group.lead.id.clone());
        }
    }
    groups.sort_by_key(|group| !keeps_running.contains(&group.lead.id));
    let mut made: Vec<(Group, Verified)> = Vec::new();
    for group in groups {
        cx.command.record.will(format!("backs up {}", group.lead.id));
        cx.command.record.begin(apply);
        let backup = save_one(cx, apply, (&group, &made), quiescer, purpose)
            .await
            .map_err(|error| failed_at(&group.lead, error))?;
        cx.command.record.backup(&backup.name());
        report(cx, &group, &backup);
        made.push((group, backup));
    }
    if purpose.replaces_data {
        save_what_was_written(cx, apply, &mut made, quiescer, purpose).await?;
    }
    let members: Vec<&Verified> = made.iter().map(|(_, backup)| backup).collect();
    set::write(&cx.root, &cx.project.name, &members)
        .map_err(|error| failed(cx, "the backup set", error.into()))?;
    let mut saved = Vec::new();
    for (group, mut backup) in made {
        prove(cx, apply, &group.lead, &mut backup, purpose.required).await?;
        saved.extend(group.members.into_iter().map(|store| Saved { store, backup: backup.clone() }));
    }
    Ok(saved)
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
) -> Result<(), Failure> {
    for one in made {
        let service = one.0.lead.service.clone();
        if !one.0.lead.is_server() || !was_written(cx, one).await {
            continue;
        }
        cx.ui().say(format!("`{service}` was written to since its backup: backing up what was added."));
        one.1 = save_one(cx, apply, (&one.0, &[]), quiescer, purpose)
            .await
            .map_err(|error| failed(cx, &format!("`{service}`"), error))?;
        report(cx, &one.0, &one.1);
        if was_written(cx, one).await {
            cx.ui().warn(format!(
                "`{service}` is still being written to: what is written from now on is in no backup."
            ));
        }
    }
    Ok(())
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
    if driver.test_restore().is_none() {
        cx.ui().say(format!(
            "`{}` is a backup of files: it was read back, and there is no server to test-restore it into.",
            backup.name()
        ));
        return Ok(());
    }
    let tried = Prover::of(cx).prove(apply, backup).await;
    let what = format!("the backup of `{}` could not be test-restored", store.service);
    let trial = tried.map_err(|error| failed_proof(cx, what, error))?;
    match test_restore::verdict(&trial) {
        None => {
            test_restore::report(cx.ui(), backup, &trial);
            Ok(())
        }
        Some(reasons) => {
            let what = format!("the backup of `{}` cannot be restored", store.service);
            Err(failed_proof(cx, what, reasons))
        }
    }
}

/// A backup that does not count, because it is not proven as far as required.
fn failed_proof(cx: &ProjectContext<'_>, what: String, error: anyhow::Error) -> Failure {
    match cx.command.composes() {
        Some(command) => Failure::new(Exit::BackupFailed, format!("{what}, so `{command}` was not run"))
            .because(error)
            .say("Nothing was changed. The settings require `backup.proof: restored`.")
            .run(
                "Fix the problem and retry, or continue without a backup",
                cx.suggest().again("--safe-skip-backup", &cx.command.words),
            ),
        None => Failure::new(Exit::BackupFailed, what)
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
    let identity = cx.identity();
    let container = store.container.as_ref();
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        tool: TOOL.to_owned(),
        created,
        finished: Timestamp::now(),
        project: cx.project.name.clone(),
        service: store.service.clone(),
        container: container.map(|container| container.name.clone()).unwrap_or_default(),
        image: store.image.clone().unwrap_or_default(),
        image_id: container.map(|container| container.image_id.clone()).unwrap_or_default(),
        engine: identity.id.clone(),
        endpoint: identity.endpoint.clone(),
        kind: store.kind,
        cluster: group.nodes.clone(),
        server: dump.server,
        reason: purpose.reason.to_owned(),
        role,
        // The backup directory counts.
        sequence: 0,
        proof: dump.proof,
        consistency: dump.consistency,
        tree: dump.tree,
        fingerprint: dump.fingerprint,
        evidence,
        shrinkage,
        artifacts: dump.artifacts,
        manual_restore: dump.manual_restore,
    };
    Ok(staging.finish_showing(manifest, &meter)?)
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
