//! Backs up stores as one set.

use jiff::Timestamp;

use super::clusters::{Group, groups};
use super::context::ProjectContext;
use super::mode::Apply;
use super::test_restore::Prover;
use super::{baselines, format, test_restore};
use crate::backup::baseline::Note;
use crate::backup::driver::evidence;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{BackupRole, FORMAT, FORMAT_VERSION, Manifest, Proof};
use crate::backup::set;
use crate::backup::shrink::{Good, Shrinkage};
use crate::backup::store::Verified;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
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

/// Why backups are made, and how far each has to be proven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// As the manifest records it.
    pub(super) reason: &'a str,
    /// A normal backup of data of which some is missing is marked as one after a loss.
    pub(super) role: BackupRole,
    pub(super) required: RequiredProof,
}

/// Backs up every store, each proven as far as the settings require.
pub(super) async fn save(
    cx: &ProjectContext<'_>,
    apply: Apply,
    stores: &[Store],
    reason: &str,
) -> Result<Vec<Saved>, Failure> {
    let required = cx.settings.backup.proof;
    save_to(cx, apply, stores, Purpose { reason, role: BackupRole::Normal, required }).await
}

/// Backs up every store, one after the other. The first failure ends it; backups that were finished before are kept.
pub(super) async fn save_to(
    cx: &ProjectContext<'_>,
    apply: Apply,
    stores: &[Store],
    purpose: Purpose<'_>,
) -> Result<Vec<Saved>, Failure> {
    if stores.is_empty() {
        return Ok(Vec::new());
    }
    let failed_at = |store: &Store, error| failed(cx, &format!("`{}`", store.service), error);
    let mut made: Vec<(Group, Verified)> = Vec::new();
    for group in groups(cx, stores).await.map_err(|(store, error)| failed_at(&store, error))? {
        let backup =
            save_one(cx, apply, &group, purpose).await.map_err(|error| failed_at(&group.lead, error))?;
        report(cx, &group, &backup);
        made.push((group, backup));
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
    _: Apply,
    group: &Group,
    purpose: Purpose<'_>,
) -> anyhow::Result<Verified> {
    let store = &group.lead;
    let meter = cx.ui().meter();
    let created = Timestamp::now();
    let mut staging = cx.root.stage(&store.id, created)?;
    if let Some((name, time)) = staging.dated_later() {
        cx.ui().warn(format!(
            "the clock went back: `{name}` is dated {}, which is later than now. The new backup counts as the newer one.",
            time.strftime("%Y-%m-%d %H:%M:%SZ")
        ));
    }
    let target = cx.target(store, &meter);
    // One that cannot be read is no base for an incremental backup.
    let previous = cx.root.newest(&store.id).ok().flatten();
    let dump = store.kind.driver().dump(target, previous.as_ref(), &mut staging).await?;
    for remark in &dump.remarks {
        cx.ui().warn(format!("{}: {remark}", store.service));
    }
    // It is only for comparisons: a backup without it is as good as one with it.
    let evidence = match store.kind {
        StoreKind::Qdrant => evidence::of_server(target, &dump.fingerprint).await.ok(),
        StoreKind::Volume => evidence::look(target).await.ok(),
    };
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
        fingerprint: dump.fingerprint,
        evidence,
        shrinkage,
        artifacts: dump.artifacts,
        manual_restore: dump.manual_restore,
    };
    Ok(staging.finish_showing(manifest, &meter)?)
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
        "backed up {}: {} ({}, verified) to {}",
        format::saved(&group.nodes, &group.lead.service),
        format::brief_contents(&manifest.fingerprint),
        Bytes(backup.bytes()),
        format::short_path(&backup.directory),
    ));
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
    match command {
        Some(_) => failure.run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        ),
        None => failure,
    }
}
