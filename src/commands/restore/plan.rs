//! Plans a restore into one store.

use super::assume;
use crate::backup::driver::{RestoreOptions, RestorePlan};
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreOutcome;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::commands::restore_run::{Destination, PlannedRestore, RestoreOrigin};
use crate::error::Failure;
use crate::exit::Exit;

pub(super) fn check(cx: &ProjectContext<'_>, backup: &Backup) -> Result<(), Failure> {
    backup.check().map(drop).map_err(|damage| {
        Failure::new(Exit::BackupFailed, format!("`{}` is damaged, so nothing was restored", backup.name()))
            .because(damage)
            .run("To list the other backups", cx.suggest().backups())
    })
}

/// Compares a backup with the store.
pub(super) async fn exact<'a>(
    to: Destination<'a>,
    backup: &Backup,
    request: &RestoreOptions,
) -> Result<PlannedRestore<'a>, Failure> {
    let cx = to.cx;
    let meter = cx.ui().meter();
    let target = cx.target(to.store, &meter);
    let driver = backup.manifest.kind.driver();
    let failed = |error| failed(backup, error);
    let unplanned = |error| failed(error).say("Nothing was changed.");
    driver.wait_ready(target, cx.command.ready_timeout()).await.map_err(unplanned)?;
    let plan = driver.plan_restore(target, backup, request).await.map_err(unplanned)?;
    ensure_data(cx, backup, &plan)?;
    Ok(PlannedRestore { to, source: origin(cx, backup), plan, is_new: false })
}

/// The plan of a restore into a store that cannot be looked at yet.
pub(super) fn assumed<'a>(
    to: Destination<'a>,
    backup: &Backup,
    request: &RestoreOptions,
) -> Result<PlannedRestore<'a>, Failure> {
    let plan = assume::plan(to.cx, to.store, backup, request)
        .map_err(|error| failed(backup, error).say("Nothing was changed."))?;
    ensure_data(to.cx, backup, &plan)?;
    Ok(PlannedRestore { to, source: origin(to.cx, backup), plan, is_new: false })
}

fn ensure_data(cx: &ProjectContext<'_>, backup: &Backup, plan: &RestorePlan) -> Result<(), Failure> {
    if plan.steps.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, format!("`{}` contains no data", backup.name()))
            .say("Nothing was restored, and nothing was changed.")
            .run("To list the other backups", cx.suggest().backups()));
    }
    Ok(())
}

fn origin(cx: &ProjectContext<'_>, backup: &Backup) -> RestoreOrigin {
    RestoreOrigin {
        name: backup.name(),
        age: Some(format::ago(backup.manifest.created)),
        kind: backup.manifest.kind,
        foreign: foreign(cx, backup),
    }
}

pub(super) fn failed(backup: &Backup, error: anyhow::Error) -> Failure {
    Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", backup.name())).because(error)
}

/// Whose backup it is, if it is not the project's own.
fn foreign(cx: &ProjectContext<'_>, backup: &Backup) -> Option<String> {
    let project = &backup.manifest.project;
    cx.root.is_foreign(backup).then(|| {
        if *project == cx.project.name {
            format!("project `{project}` on another engine")
        } else {
            format!("project `{project}`")
        }
    })
}

pub(super) fn warn_of_failed_test(cx: &ProjectContext<'_>, backup: &Backup) {
    if let Some(TestRestoreOutcome::Failed { reasons }) =
        backup.test_restore.as_ref().map(|record| &record.outcome)
    {
        let reasons = reasons.join("; ");
        cx.ui().warn(format!("the last test restore of this backup failed: {reasons}."));
    }
}
