//! Backs up the data at risk before a command runs.

use std::collections::BTreeSet;

use super::backup_plan::{self, BackupPlan};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::BackupRole;
use crate::backup::store::{Backup, Verified};
use crate::commands::backup_run::{self, Purpose, Saved};
use crate::commands::context::ProjectContext;
use crate::commands::held::HeldContainers;
use crate::commands::mode::Apply;
use crate::commands::quiesce::Quiescer;
use crate::commands::repository;
use crate::commands::versions::VersionStep;
use crate::commands::{exposed, format, interruptible};
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::policy::{Assessment, BackupStatus, Effect};
use crate::progress::Silent;

/// How the data at risk is backed up.
#[derive(Debug, Default)]
pub(super) struct BackupOutcome {
    /// The user did not want a backup.
    pub waived: bool,
    /// The new backups.
    pub created: Vec<Saved>,
    /// Verified backups of stores that are unchanged since.
    pub current: Vec<(Store, Verified)>,
    /// Complete backups of servers that are only stopped and are unchanged since.
    pub current_of_stopped: Vec<(Store, Backup)>,
    /// What the servers hold that are not backed up.
    pub fingerprints: Vec<(Store, Fingerprint)>,
}

impl BackupOutcome {
    pub(super) fn status(&self) -> BackupStatus {
        if self.waived {
            BackupStatus::Waived
        } else if self.created.is_empty() && self.current.is_empty() {
            BackupStatus::Nothing
        } else {
            BackupStatus::Verified
        }
    }
}

/// Backs up what the plan puts at risk and has no current backup. What is stopped for that stays stopped, in the care of the
/// caller; after a failure it runs again.
pub(super) async fn back_up(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &Assessment,
    versions: &[VersionStep],
) -> Result<(BackupOutcome, HeldContainers), Failure> {
    let command = cx.command;
    if command.safe.skip_backup || cx.is_disposable() {
        let fingerprints = fingerprints(cx, plan).await;
        let outcome = BackupOutcome { waived: true, fingerprints, ..BackupOutcome::default() };
        return Ok((outcome, HeldContainers::new(cx, apply)));
    }
    let BackupPlan { stores, mut current, current_of_stopped, impossible, .. } =
        backup_plan::make(cx, plan, versions).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, "cannot determine what to back up, so nothing was run")
                .because(error)
                .run(
                    "Fix the problem and retry, or continue without a backup",
                    cx.suggest().again("--safe-skip-backup", &command.words),
                )
        })?;
    if !stores.is_empty() || !current.is_empty() {
        exposed::warn(&command.ui, &cx.root);
    }
    for subject in &impossible {
        command.ui.warn(format!("{} cannot be backed up.", format::subject(subject)));
    }
    for (store, verified) in &mut current {
        interruptible(backup_run::prove(cx, apply, store, verified, cx.settings.backup.proof)).await?;
    }
    report_current(cx, &current, &current_of_stopped);
    let purpose = Purpose {
        reason: &format!("before {}", command.reading.name()),
        role: BackupRole::Normal,
        required: cx.settings.backup.proof,
        replaces_data: plan.worst() >= Effect::Orphan || versions.iter().any(VersionStep::converts),
    };
    let quiescer = Quiescer::stopping(cx, apply, stopped_anyway(cx, plan, versions));
    let created = interruptible(async {
        let saved = backup_run::save_with(cx, apply, &quiescer, &stores, purpose).await.complete(cx)?;
        let made = saved.iter().map(|one| &one.backup);
        let made: Vec<&Verified> = made.chain(current.iter().map(|(_, verified)| verified)).collect();
        let relied: Vec<&Backup> = current_of_stopped.iter().map(|(_, backup)| backup).collect();
        repository::before_command(cx, apply, &made, &relied).await?;
        Ok(saved)
    })
    .await;
    let (created, held) = quiescer.finish(created).await?;
    let outcome =
        BackupOutcome { waived: false, created, current, current_of_stopped, fingerprints: Vec::new() };
    Ok((outcome, held))
}

/// The running containers that the command stops by itself, or that lose their data to it, without the servers that are
/// backed up while they run.
fn stopped_anyway(cx: &ProjectContext<'_>, plan: &Assessment, versions: &[VersionStep]) -> Vec<Container> {
    let reading = &cx.command.reading;
    let stops = reading.begins_with_stop();
    let in_scope: BTreeSet<&str> = if stops {
        cx.scope().containers().map(|container| container.id.as_str()).collect()
    } else {
        BTreeSet::new()
    };
    let loses = |container: &Container| {
        let service = container.service();
        (stops || reading.updates_containers())
            && plan.impacts.iter().any(|impact| {
                impact.effect >= Effect::Orphan
                    && impact.counts()
                    && impact.services.iter().any(|name| Some(name.as_str()) == service)
            })
    };
    // It is recreated with another image.
    let is_converted = |container: &Container| {
        let is_it = |step: &VersionStep| {
            step.converts() && step.store.container.as_ref().is_some_and(|own| own.id == container.id)
        };
        reading.updates_containers() && versions.iter().any(is_it)
    };
    let is_served = |container: &Container| {
        cx.inventory.stores.iter().any(|store| {
            store.is_server() && store.container.as_ref().is_some_and(|own| own.id == container.id)
        })
    };
    let is_stopped = |container: &&Container| {
        container.is_running()
            && !container.is_one_off()
            && !is_served(container)
            && (in_scope.contains(container.id.as_str()) || loses(container) || is_converted(container))
    };
    cx.containers.iter().filter(is_stopped).cloned().collect()
}

fn report_current(
    cx: &ProjectContext<'_>,
    current: &[(Store, Verified)],
    current_of_stopped: &[(Store, Backup)],
) {
    let verified = current.iter().map(|(store, verified)| (store, verified.backup()));
    let complete = current_of_stopped.iter().map(|(store, backup)| (store, backup));
    // A store that is stopped and destroyed is in both, and the nodes of a cluster share a backup.
    let mut reported = BTreeSet::new();
    for (store, backup) in verified.chain(complete) {
        if reported.insert(&backup.directory) {
            cx.ui().good(format!(
                "{} is unchanged since its backup `{}` ({}, {}): no new one is needed.",
                format::saved(&backup.manifest.cluster, &store.service),
                backup.name(),
                format::ago(backup.manifest.created),
                format::contents(&backup.manifest.fingerprint),
            ));
        }
    }
}

/// What the servers that the command stops hold, if they answer.
async fn fingerprints(cx: &ProjectContext<'_>, plan: &Assessment) -> Vec<(Store, Fingerprint)> {
    let is_stopped = |store: &&Store| {
        store.is_server() && plan.impacts.iter().any(|impact| impact.is_on_service(&store.service))
    };
    let mut found = Vec::new();
    for store in cx.inventory.stores.iter().filter(is_stopped) {
        if let Ok(fingerprint) = store.kind.driver().fingerprint(cx.target(store, &Silent)).await {
            found.push((store.clone(), fingerprint));
        }
    }
    found
}
