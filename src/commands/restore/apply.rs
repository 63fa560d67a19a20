//! Carries out a restore: asks, stops what is in the way, backs up what is replaced, restores, starts everything again,
//! and verifies it. Whatever happens, what ran before runs again.

use std::collections::BTreeMap;

use super::services::{self, RestoreServices};
use super::{loose, plan};
use crate::backup::driver::{Action, RestoreOptions, RestorePlan};
use crate::backup::restore_lock::RestoreLock;
use crate::backup::store::Backup;
use crate::cli::Format;
use crate::commands::context::ProjectContext;
use crate::commands::interruptible;
use crate::commands::mode::{Apply, Mode};
use crate::commands::restore_run::{self, Destination, PlannedRestore};
use crate::commands::verify_run::{self, Occasion, Verification};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::policy::{Approval, Clearance};
use crate::progress::Silent;
use crate::verify::VerifyResult;

/// What is restored.
pub(super) struct RestoreRun<'a> {
    pub(super) chosen: &'a [(Store, Backup)],
    /// As it is shown and approved, one for each that was chosen.
    pub(super) planned: &'a [PlannedRestore<'a>],
    pub(super) request: &'a RestoreOptions,
    /// Whether a project without containers is started at the end.
    pub(super) starts: bool,
    /// The images that services get, which the file does not name.
    pub(super) images: &'a BTreeMap<String, String>,
    pub(super) output: Format,
}

impl RestoreRun<'_> {
    pub(super) async fn run(&self, cx: &ProjectContext<'_>, apply: Apply) -> Result<(), Failure> {
        let mut services = RestoreServices::of(cx, self.chosen, self.planned, self.images);
        if let Some(names) = services.interrupted() {
            cx.ui().say(format!("Stopped during the restore, and then started again: {names}."));
        }
        let approval = restore_run::approve(cx, self.planned)?;
        cx.command.record.begin(apply);
        let restored = Box::pin(self.restore(cx, apply, approval, &mut services)).await;
        let was_removed = cx.containers.iter().all(crate::engine::Container::is_one_off);
        let clearance = match restored {
            Ok(clearance) => clearance,
            Err(failure) => return Err(leave_as_found(cx, &services, failure).await),
        };
        let started = if self.starts && was_removed {
            services::start_project(cx).await
        } else {
            services.return_to_state(cx).await
        };
        started
            .map_err(|failure| failure.say("The data was restored; only starting the services failed."))?;
        let failure = self.verify(cx, apply, &services, self.starts && was_removed).await?;
        self.finish(cx, &clearance).await?;
        failure.map_or(Ok(()), Err)
    }

    /// Prepares the services, and restores.
    async fn restore(
        &self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        approval: Approval,
        services: &mut RestoreServices,
    ) -> Result<Clearance, Failure> {
        if services.are_ready() {
            let planned: Vec<&PlannedRestore<'_>> = self.planned.iter().collect();
            return self.write(cx, apply, approval, &planned).await;
        }
        services.prepare(cx, apply, &approval).await?;
        let now = interruptible(ProjectContext::gather(cx.command)).await?;
        let mut stores = Vec::new();
        for (store, _) in self.chosen {
            stores.push(Store { kind: store.kind, ..find(&now, store)? });
        }
        let mut planned = Vec::new();
        for ((store, (_, backup)), assumed) in stores.iter().zip(self.chosen).zip(self.planned) {
            let to = Destination { cx: &now, store };
            let exact = interruptible(plan::exact(to, backup, self.request)).await?;
            let exact = within(assumed, exact, services)?;
            planned.push(exact);
        }
        self.write(&now, apply, approval, &planned.iter().collect::<Vec<_>>()).await
    }

    /// Backs up what is replaced, and restores every backup.
    async fn write(
        &self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        approval: Approval,
        planned: &[&PlannedRestore<'_>],
    ) -> Result<Clearance, Failure> {
        self.finish_interrupted(cx, planned).await?;
        let saved = restore_run::save_replaced(cx, apply, planned).await?;
        let clearance = approval.clear(saved);
        let mut done: Vec<String> = Vec::new();
        for (one, (_, backup)) in planned.iter().zip(self.chosen) {
            let store = one.to.store;
            let lock = RestoreLock::acquire(&cx.root, &store.id, &backup.name())
                .map_err(|error| plan::failed(backup, error.into()).say("Nothing was changed in it."))?;
            let meter = cx.ui().meter();
            let target = cx.target(store, &meter);
            let driver = backup.manifest.kind.driver();
            let work = async {
                let work = driver.restore(target, backup, &one.plan, self.request, &clearance);
                work.await.map_err(|error| plan::failed(backup, error))
            };
            let restored = match interruptible(work).await {
                Ok(restored) => restored,
                Err(failure) => {
                    let failure = interrupted(failure, &store.service);
                    // What was prepared is removed, and a switch that was begun is finished.
                    let cleaned = driver.finish_restore(cx.target(store, &Silent), backup, &clearance).await;
                    let failure = match cleaned {
                        Ok(()) => {
                            let _ = lock.finish();
                            failure
                        }
                        Err(error) => failure
                            .say(format!("The cleanup failed: {error:#}. Restoring again finishes it.")),
                    };
                    return Err(match done.as_slice() {
                        [] => failure,
                        done => failure.say(format!("Restored before that, and kept: {}.", done.join(", "))),
                    });
                }
            };
            if let Err(error) = lock.finish() {
                cx.ui()
                    .warn(format!("the restore of `{}` is still marked as running: {error}.", store.service));
            }
            done.push(format!("`{}`", store.service));
            restore_run::report(one.to, &restored, self.output);
            if self.request.rename.is_none() && self.request.databases.is_empty() {
                restore_run::adopt(one.to, apply, &restored).await;
            }
        }
        Ok(clearance)
    }

    /// Finishes what an interrupted restore left in the stores whose data is backed up now: it is not part of the data.
    async fn finish_interrupted(
        &self,
        cx: &ProjectContext<'_>,
        planned: &[&PlannedRestore<'_>],
    ) -> Result<(), Failure> {
        let clearance = restore_run::clear_nothing(cx)?;
        for (one, (_, backup)) in planned.iter().zip(self.chosen).filter(|(one, _)| one.replaces()) {
            let target = cx.target(one.to.store, &Silent);
            let work = backup.manifest.kind.driver().finish_restore(target, backup, &clearance);
            let work = async { work.await.map_err(|error| plan::failed(backup, error)) };
            interruptible(work).await?;
        }
        Ok(())
    }

    /// Verifies what was started. An error is about what was restored; what was replaced is needed then. Anything else
    /// that is wrong is in the result.
    async fn verify(
        &self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        services: &RestoreServices,
        everything: bool,
    ) -> Result<Option<Failure>, Failure> {
        let started = services.restarted();
        if !everything && started.is_none() {
            return Ok(None);
        }
        let now = ProjectContext::gather(cx.command).await?;
        for (store, backup) in self.chosen {
            let should_run = everything || started.is_some_and(|names| names.contains(&store.service));
            let container = find(&now, store).ok().and_then(|known| known.container);
            // A service that does its work and ends is no failure.
            let is_sound =
                container.is_some_and(|container| container.is_running() || container.exit_code == 0);
            if should_run && backup.manifest.kind == StoreKind::Volume && !is_sound {
                return Err(Failure::new(
                    Exit::DataMissing,
                    format!("`{}` was restored, but does not run", store.service),
                )
                .say("What the restore replaced is kept in the volume, and in the backup that was made before.")
                .run("To see its log", now.suggest().logs(&store.service)));
            }
        }
        let occasion = Occasion::Started(started.filter(|_| !everything));
        let Verification { verdicts, failure } = verify_run::all(&now, Mode::Apply(apply), occasion).await;
        let is_restored = |id: &String| self.chosen.iter().any(|(store, _)| store.id == *id);
        let has_lost = verdicts
            .iter()
            .any(|(id, verdict)| is_restored(id) && matches!(verdict, VerifyResult::DataMissing { .. }));
        match failure {
            Some(failure) if has_lost => Err(failure),
            failure => Ok(failure),
        }
    }

    /// Removes what was replaced, now that it is in a backup and what replaces it was verified.
    async fn finish(&self, cx: &ProjectContext<'_>, clearance: &Clearance) -> Result<(), Failure> {
        let now = ProjectContext::gather(cx.command).await?;
        for (store, backup) in self.chosen {
            let target = find(&now, store)?;
            let finished =
                backup.manifest.kind.driver().finish_restore(now.target(&target, &Silent), backup, clearance);
            if let Err(error) = finished.await {
                now.ui().warn(format!(
                    "`{}` was restored, but the data that it replaces could not be removed: {error:#}.",
                    store.service
                ));
            }
        }
        Ok(())
    }
}

/// After a failure: what ran before runs again.
async fn leave_as_found(cx: &ProjectContext<'_>, services: &RestoreServices, failure: Failure) -> Failure {
    match services.return_after_failure(cx).await {
        Ok(()) => match services.restarted() {
            Some(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                failure.say(format!("Started again: {}.", names.join(", ")))
            }
            None => failure,
        },
        Err(error) => {
            failure.say(format!("The services could not be returned to their former state: {error}."))
        }
    }
}

/// The store as it is now.
fn find(cx: &ProjectContext<'_>, store: &Store) -> Result<Store, Failure> {
    let known = cx.inventory.stores.iter().find(|known| known.id == store.id).cloned();
    known.or_else(|| loose::again(cx, store)).ok_or_else(|| {
        Failure::new(Exit::BackupFailed, format!("`{}` is no longer part of the project", store.service))
    })
}

/// What was found fits what was approved: nothing is replaced that was not asked about. A volume that was created just now
/// may have files of the image, which belong to nobody.
fn within<'a>(
    assumed: &PlannedRestore<'_>,
    exact: PlannedRestore<'a>,
    services: &RestoreServices,
) -> Result<PlannedRestore<'a>, Failure> {
    let service = &exact.to.store.service;
    let is_approved =
        |to: &str| assumed.plan.steps.iter().any(|step| step.to == to && step.action == Action::Replace);
    let is_new = assumed.is_new || services.creates(service);
    let replaced = |plan: &RestorePlan| {
        let mut steps = plan.steps.iter().filter(|step| step.action == Action::Replace);
        steps.find(|step| !is_approved(&step.to)).map(|step| step.to.clone())
    };
    match replaced(&exact.plan) {
        Some(name) if !is_new => Err(Failure::new(
            Exit::Refused,
            format!("`{name}` of `{service}` was empty when the restore was planned, and no longer is"),
        )
        .say("Nothing was restored.")),
        Some(_) => Ok(PlannedRestore { is_new: true, ..exact }),
        None => Ok(PlannedRestore { is_new: assumed.is_new, ..exact }),
    }
}

/// After Ctrl-C, says how the restore is completed.
fn interrupted(failure: Failure, service: &str) -> Failure {
    if !matches!(failure.exit, Exit::Signal(_)) {
        return failure;
    }
    let message = format!("the restore of `{service}` was interrupted");
    Failure { message, ..failure }.say("To complete it, run the same command again.")
}
