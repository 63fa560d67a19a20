//! Backs up the data at risk before a command runs.

use std::collections::BTreeSet;

use super::backup_plan::{self, BackupPlan};
use super::report;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::store::{Backup, Verified};
use crate::commands::backup_run::{self, Saved};
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::commands::{format, interruptible};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::policy::{Assessment, BackupStatus, Subject};
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

/// Backs up what the plan puts at risk and has no current backup.
pub(super) async fn back_up(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &Assessment,
) -> Result<BackupOutcome, Failure> {
    let command = cx.command;
    if command.safe.skip_backup || cx.is_disposable() {
        let fingerprints = fingerprints(cx, plan).await;
        return Ok(BackupOutcome { waived: true, fingerprints, ..BackupOutcome::default() });
    }
    let BackupPlan { stores, mut current, current_of_stopped, impossible, .. } =
        backup_plan::make(cx, plan, report::backs_up_before(cx)).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, "cannot determine what to back up, so nothing was run")
                .because(error)
                .run(
                    "Fix the problem and retry, or continue without a backup",
                    cx.suggest().again("--safe-skip-backup", &command.words),
                )
        })?;
    for subject in &impossible {
        command.ui.warn(format!("{} cannot be backed up.", format::subject(subject)));
    }
    for (store, verified) in &mut current {
        interruptible(backup_run::prove(cx, apply, store, verified, cx.settings.backup.proof)).await?;
    }
    report_current(cx, &current, &current_of_stopped);
    let reason = format!("before {}", command.reading.name());
    let created = interruptible(backup_run::save(cx, apply, &stores, &reason)).await?;
    Ok(BackupOutcome { waived: false, created, current, current_of_stopped, fingerprints: Vec::new() })
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
        store.is_server()
            && plan
                .impacts
                .iter()
                .any(|impact| matches!(&impact.subject, Subject::Service { name } if *name == store.service))
    };
    let mut found = Vec::new();
    for store in cx.inventory.stores.iter().filter(is_stopped) {
        if let Ok(fingerprint) = store.kind.driver().fingerprint(cx.target(store, &Silent)).await {
            found.push((store.clone(), fingerprint));
        }
    }
    found
}
