//! Carries out an upgrade. Whatever fails, the service gets its former data and its former image back, and runs if it ran.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::conversion::Conversion;
use super::convert::{self, NewFiles};
use super::plan::{self, Found, UpgradePlan};
use super::serving::{kind_of, wait_until_it_serves};
use crate::backup::driver::{Action, RestoreOptions, RestorePlan, Restored, Step, volume};
use crate::backup::manifest::{ArtifactContents, BackupRole};
use crate::backup::restore_lock::RestoreLock;
use crate::backup::store::Backup;
use crate::cli::{Format, UpgradeArgs};
use crate::commands::backup_run::{self, Purpose};
use crate::commands::context::ProjectContext;
use crate::commands::former_image::FormerImage;
use crate::commands::mode::Apply;
use crate::commands::real_compose::compose;
use crate::commands::refusal::{self, RefusableAction};
use crate::commands::restore_run::{self, Destination};
use crate::commands::{format, interruptible, prune_run};
use crate::compose::subcommand::{GuardedCommand, HarmlessCommand};
use crate::engine::{Container, ContainerState};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::{DataLocation, Store, StoreKind};
use crate::journal::{RecordedLoss, UndoRecord};
use crate::policy::{Approval, BackupStatus, Clearance};
use crate::progress::Silent;

/// The reason in the manifest of the copy.
const BEFORE_UPGRADE: &str = "before upgrade";

/// An upgrade, and how far it has come.
struct UpgradeRun<'a> {
    cx: &'a ProjectContext<'a>,
    apply: Apply,
    plan: &'a UpgradePlan,
    former: FormerImage<'a>,
    stopped: bool,
    /// The files of the service are not what they were, or may not be.
    changed: Option<(Backup, Clearance)>,
    /// The container has the new image, or may have it.
    recreated: bool,
}

/// What was made and kept.
struct Upgraded {
    copy: Backup,
    new: Option<NewFiles>,
}

pub(super) async fn run(
    cx: &ProjectContext<'_>,
    apply: Apply,
    (plan, args): (&UpgradePlan, &UpgradeArgs),
    output: Format,
) -> Result<Exit, Failure> {
    let service = &plan.store.service;
    cx.command.record.will(format!("upgrades {service} from {} to {}", plan.data, plan.server));
    let approval = approve(cx, plan)?;
    cx.command.record.begin(apply);
    let former = FormerImage::new(cx, apply, service, &plan.former_image)?;
    let mut run = UpgradeRun { cx, apply, plan, former, stopped: false, changed: None, recreated: false };
    run.pull().await.map_err(|failure| failure.say("Nothing was changed."))?;
    if !plan.missing.is_empty() {
        ensure_still_right(cx, args, plan).await?;
    }
    match Box::pin(run.upgrade(approval)).await {
        Ok(upgraded) => {
            report(cx, plan, &upgraded, output);
            prune_run::after_backups(cx, apply, &[]);
            Ok(Exit::Success)
        }
        Err(failure) => Err(Box::pin(run.roll_back(failure)).await),
    }
}

fn approve(cx: &ProjectContext<'_>, plan: &UpgradePlan) -> Result<Approval, Failure> {
    let assessment = plan.assessment(cx);
    let what = "the upgrade";
    let action = RefusableAction {
        what,
        untouched: "Nothing was changed.",
        allow: "To upgrade (the data is backed up first)",
    };
    refusal::decide(cx.command, &cx.decision_input(&assessment), &action)?.confirm(
        cx.ui(),
        what,
        "Nothing was changed.",
    )
}

/// What an image says of itself is known only when the engine has it.
async fn ensure_still_right(
    cx: &ProjectContext<'_>,
    args: &UpgradeArgs,
    plan: &UpgradePlan,
) -> Result<(), Failure> {
    let is_same = match plan::find(cx, args).await? {
        Found::Upgrade(now) => {
            (&now.place, &now.directories, &now.conversion, &now.server.numbers[..1])
                == (&plan.place, &plan.directories, &plan.conversion, &plan.server.numbers[..1])
        }
        Found::Nothing { .. } => false,
    };
    if is_same {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "the images that were pulled are not what was expected")
        .say("Nothing else was changed. The plan is another one now: run the command again."))
}

impl UpgradeRun<'_> {
    fn service(&self) -> BTreeSet<String> {
        BTreeSet::from([self.plan.store.service.clone()])
    }

    /// Pulls the images that the engine lacks.
    async fn pull(&self) -> Result<(), Failure> {
        for image in &self.plan.missing {
            if *image == self.plan.image {
                compose(self.cx, &[HarmlessCommand::Pull.name()], &self.service()).await?;
            } else {
                let other = FormerImage::new(self.cx, self.apply, &self.plan.store.service, image)?;
                other.pull().await?;
            }
        }
        if !self.plan.missing.is_empty() {
            // The file was that of another image meanwhile.
            FormerImage::new(self.cx, self.apply, &self.plan.store.service, &self.plan.former_image)?;
        }
        Ok(())
    }

    async fn upgrade(&mut self, approval: Approval) -> Result<Upgraded, Failure> {
        let (cx, plan) = (self.cx, self.plan);
        if !plan.users.is_empty() {
            // Also where it fails: some may have stopped.
            self.stopped = true;
            compose(cx, &[GuardedCommand::Stop.name()], &plan.users).await?;
        }
        let stopped = interruptible(ProjectContext::gather(cx.command)).await?;
        let copy = self.back_up(&stopped).await?;
        let new = interruptible(convert::convert(cx, self.apply, plan, &copy)).await?;
        let clearance = approval.clear(BackupStatus::Verified);
        cx.command.record.takes(Some(self.taken(&copy)));
        self.changed = Some((copy.clone(), clearance.clone()));
        if let Some(new) = &new {
            self.switch(&stopped, &new.files, &clearance).await?;
        }
        self.recreated = true;
        let words: &[&str] = if plan.is_running {
            &[GuardedCommand::Up.name(), "-d", "--no-deps"]
        } else {
            &[GuardedCommand::Up.name(), "--no-start", "--no-deps"]
        };
        compose(cx, words, &self.service()).await?;
        let now = interruptible(ProjectContext::gather(cx.command)).await?;
        let store = find(&now, &plan.store)?;
        if plan.is_running {
            interruptible(wait_until_it_serves(&now, store)).await?;
        }
        self.start_others().await?;
        self.adopt(&now, store).await;
        if let Some(new) = &new {
            let files = Store { kind: StoreKind::Volume, ..store.clone() };
            let finished = StoreKind::Volume.driver();
            let finished = finished.finish_restore(now.target(&files, &Silent), &new.files, &clearance).await;
            if let Err(error) = finished {
                cx.ui().warn(format!(
                    "the former files are still in {}: {}. The next restore removes them.",
                    plan.place.source,
                    causes(&error)
                ));
            }
        }
        Ok(Upgraded { copy, new })
    }

    /// The files of the stopped service.
    async fn back_up(&self, stopped: &ProjectContext<'_>) -> Result<Backup, Failure> {
        let store = Store { kind: StoreKind::Volume, ..find(stopped, &self.plan.store)?.clone() };
        if store.is_running() {
            return Err(Failure::new(
                Exit::BackupFailed,
                format!("`{}` was started meanwhile", store.service),
            ));
        }
        let purpose = Purpose {
            reason: BEFORE_UPGRADE,
            role: BackupRole::Normal,
            required: stopped.settings.backup.proof,
            replaces_data: true,
        };
        let saved = backup_run::save_to(stopped, self.apply, &[store], purpose).await?.complete(stopped)?;
        let saved = saved.into_iter().next();
        let saved = saved.ok_or_else(|| Failure::new(Exit::BackupFailed, "nothing was backed up"))?;
        Ok(saved.backup.backup().clone())
    }

    /// What `undo` needs to know.
    fn taken(&self, copy: &Backup) -> UndoRecord {
        let plan = self.plan;
        let service = plan.store.service.clone();
        let loss = RecordedLoss {
            subject: format::subject(&plan.subject(self.cx).0),
            services: vec![service.clone()],
            backup: Some(copy.name()),
            left_behind: false,
            without_backup: None,
            image: None,
        };
        let names = |runs: bool| if plan.is_running == runs { vec![service.clone()] } else { Vec::new() };
        UndoRecord {
            running: names(true),
            stopped: names(false),
            replicas: BTreeMap::new(),
            losses: vec![loss],
            images: BTreeMap::from([(service.clone(), plan.former_image.clone())]),
        }
    }

    /// Replaces the files of the service. What they replace stays beside them until the upgrade has succeeded.
    async fn switch(
        &self,
        stopped: &ProjectContext<'_>,
        files: &Backup,
        clearance: &Clearance,
    ) -> Result<(), Failure> {
        let place = &self.plan.place;
        let store = store_at(find(stopped, &self.plan.store)?, place);
        let lock = RestoreLock::acquire(&stopped.root, &store.id, &files.name()).map_err(|error| {
            Failure::new(Exit::BackupFailed, "the files cannot be replaced").because(error)
        })?;
        let meter = stopped.ui().meter();
        let restored = interruptible(async {
            let steps = steps(files);
            let plan = RestorePlan { steps, ..RestorePlan::default() };
            let driver = StoreKind::Volume.driver();
            let options = RestoreOptions::default();
            let target = stopped.target(&store, &meter);
            let work = driver.restore(target, files, &plan, &options, clearance);
            work.await.map_err(|error| {
                Failure::new(
                    Exit::BackupFailed,
                    format!("the files in {} could not be replaced", place.source),
                )
                .because(error)
            })
        })
        .await?;
        let _ = lock.finish();
        for remark in restored.remarks {
            stopped.ui().warn(remark);
        }
        stopped.ui().good(format!("replaced the files in {}.", place.source));
        Ok(())
    }

    /// Starts the services that were stopped because they use the files too.
    async fn start_others(&self) -> Result<(), Failure> {
        let others: BTreeSet<String> = self.plan.users.difference(&self.service()).cloned().collect();
        if others.is_empty() {
            return Ok(());
        }
        compose(self.cx, &[GuardedCommand::Start.name()], &others).await
    }

    /// The converted data is the new baseline.
    async fn adopt(&self, now: &ProjectContext<'_>, store: &Store) {
        let restored = Restored { steps: Vec::new(), aliases: Vec::new(), remarks: Vec::new() };
        let kind = match store.kind {
            StoreKind::Volume => kind_of(store),
            StoreKind::Qdrant | StoreKind::Sql(_) => store.kind,
        };
        if kind == StoreKind::Qdrant && !store.is_running() {
            return;
        }
        let store = Store { kind, ..store.clone() };
        restore_run::adopt(Destination { cx: now, store: &store }, self.apply, &restored).await;
    }

    /// After a failure: everything as it was before. The failure says what is where.
    async fn roll_back(mut self, failure: Failure) -> Failure {
        let (cx, plan) = (self.cx, self.plan);
        let name = &plan.store.service;
        if !self.stopped && self.changed.is_none() {
            return failure.say("Nothing was changed.");
        }
        cx.ui().say(if self.changed.is_some() {
            format!("the upgrade failed: `{name}` gets its former data and its former image back.")
        } else {
            format!("the upgrade failed: `{name}` is started again.")
        });
        let had_container = plan.store.container.is_some();
        let undone = async {
            if self.recreated {
                compose(cx, &[GuardedCommand::Stop.name()], &self.service()).await?;
            }
            if let Some((copy, clearance)) = self.changed.take() {
                self.put_back(&copy, &clearance).await?;
                cx.command.record.takes(None);
            }
            match (self.recreated, plan.is_running) {
                (true, true) => self.former.up().await?,
                (true, false) if had_container => self.former.create().await?,
                (true, false) => {
                    compose(cx, &[GuardedCommand::Rm.name(), "-f"], &self.service()).await?;
                }
                (false, true) => compose(cx, &[GuardedCommand::Start.name()], &self.service()).await?,
                (false, false) => {}
            }
            self.start_others().await
        };
        match undone.await {
            Ok(()) => {
                let state = match (plan.is_running, had_container) {
                    (true, _) => format!("and `{name}` runs with `{}`", plan.former_image),
                    (false, true) => format!("and `{name}` has `{}` and does not run", plan.former_image),
                    (false, false) => format!("and `{name}` has no container"),
                };
                failure.say(format!("The data of `{name}` is what it was before the upgrade, {state}, as before."))
            }
            Err(error) => failure
                .say(format!("The former state could not be restored completely: {}.", without_period(&error)))
                .say(format!(
                    "The data of before the upgrade is in the newest backup with the reason `{BEFORE_UPGRADE}`."
                ))
                .run("To list the backups", cx.suggest().backups()),
        }
    }

    /// The former files: by renames where they are still beside the new ones, else from the copy.
    async fn put_back(&self, copy: &Backup, clearance: &Clearance) -> Result<(), Failure> {
        let cx = self.cx;
        let failed = |error: anyhow::Error| {
            Failure::new(
                Exit::BackupFailed,
                format!("the former files of `{}` are only in `{}`", self.plan.store.service, copy.name()),
            )
            .because(error)
        };
        // It was stopped, and may have been removed since.
        let stopped = |one: &Container| Container { state: ContainerState::Exited, ..one.clone() };
        let store =
            &Store { container: self.plan.store.container.as_ref().map(stopped), ..self.plan.store.clone() };
        let target = cx.target(store, &Silent);
        let is_reverted = volume::revert(target, copy, clearance).await.map_err(failed)?;
        if is_reverted || self.plan.conversion != Conversion::ByServer {
            if let Ok(lock) = RestoreLock::acquire(&cx.root, &store.id, &copy.name()) {
                let _ = lock.finish();
            }
            return Ok(());
        }
        // A server that converts its data has changed the files themselves.
        let meter = cx.ui().meter();
        let target = cx.target(store, &meter);
        let driver = StoreKind::Volume.driver();
        let plan = RestorePlan { steps: steps(copy), ..RestorePlan::default() };
        driver.restore(target, copy, &plan, &RestoreOptions::default(), clearance).await.map_err(failed)?;
        driver.finish_restore(target, copy, clearance).await.map_err(failed)
    }
}

/// The store with the place where the new container will have it. The container that exists may have it somewhere else.
fn store_at(store: &Store, place: &DataLocation) -> Store {
    if store.locations.iter().any(|known| known.target == place.target) {
        return Store { kind: StoreKind::Volume, ..store.clone() };
    }
    Store { kind: StoreKind::Volume, container: None, locations: vec![place.clone()], ..store.clone() }
}

fn without_period(failure: &Failure) -> String {
    match &failure.cause {
        Some(cause) => format!("{}: {}", failure.message, causes(cause)),
        None => failure.message.clone(),
    }
}

/// Every directory of a backup replaces the one that is there.
fn steps(files: &Backup) -> Vec<Step> {
    let of_files = files.manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
        ArtifactContents::Files { target, .. } => Some(target.clone()),
        _ => None,
    });
    of_files.map(|path| Step { from: path.clone(), to: path, action: Action::Replace, count: None }).collect()
}

fn find<'a>(cx: &'a ProjectContext<'_>, store: &Store) -> Result<&'a Store, Failure> {
    cx.inventory.stores.iter().find(|known| known.id == store.id).ok_or_else(|| {
        Failure::new(Exit::BackupFailed, format!("`{}` is no longer part of the project", store.service))
    })
}

fn report(cx: &ProjectContext<'_>, plan: &UpgradePlan, upgraded: &Upgraded, output: Format) {
    let name = &plan.store.service;
    let Upgraded { copy, new } = upgraded;
    let dump = new.as_ref().and_then(|new| new.dump.as_ref());
    if output == Format::Json {
        let backups = json!({
            "before": copy.name(),
            "dump": dump.map(Backup::name),
            "after": new.as_ref().map(|new| new.files.name()),
        });
        cx.ui().result(format::json(&json!({
            "upgraded": true,
            "service": name,
            "from": plan.data.to_string(),
            "to": plan.server.to_string(),
            "image": plan.image,
            "former_image": plan.former_image,
            "backups": backups,
        })));
    }
    let state = if plan.is_running { "runs with" } else { "has" };
    cx.ui().good(format!(
        "upgraded `{name}` from {} to {}: it {state} `{}`. The former data is in `{}`.",
        plan.data,
        plan.server,
        plan.image,
        copy.name()
    ));
    cx.ui().suggest("To go back to the former data and image", cx.suggest().undo());
}
