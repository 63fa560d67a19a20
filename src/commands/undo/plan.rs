//! What an undo does, and doing it: restores what has a backup, creates the containers that this needs, and returns the
//! services to their state.

use std::collections::{BTreeMap, BTreeSet};

use super::images::RemovedImages;
use super::{counts, line};
use crate::backup::store::Backup;
use crate::cli::Format;
use crate::commands::context::{ProjectContext, no_engine};
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::format;
use crate::commands::mode::{Apply, Mode};
use crate::commands::restore::{self, NoDestination, ServiceStates};
use crate::commands::verify_run::{self, Occasion};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::journal::{JournalEntry, NoBackup, RecordedLoss};

/// What an undo does.
pub(super) struct UndoPlan<'a> {
    entry: &'a JournalEntry,
    backups: Vec<Backup>,
    /// Their containers have to be created first.
    recreated: Vec<Lost>,
    missing: Vec<MissingData>,
    removed_images: RemovedImages,
    states: ServiceStates,
    /// The images that services get back, by the names of the services.
    images: BTreeMap<String, String>,
}

/// Data that a command took, and its backup.
#[derive(Clone)]
struct Lost {
    subject: String,
    backup: Backup,
    left_behind: bool,
}

/// Data that cannot be brought back.
struct MissingData {
    subject: String,
    /// A clause without a period.
    reason: String,
    /// It matters: it should have had a backup.
    counts: bool,
    /// It can be brought back when the Compose file has a place for it.
    is_unplaced: bool,
}

impl<'a> UndoPlan<'a> {
    pub(super) async fn of(cx: &ProjectContext<'_>, entry: &'a JournalEntry) -> Result<Self, Failure> {
        let mut plan = Self {
            entry,
            backups: Vec::new(),
            recreated: Vec::new(),
            missing: Vec::new(),
            removed_images: RemovedImages::default(),
            states: ServiceStates::default(),
            images: BTreeMap::new(),
        };
        let Some(taken) = &entry.taken else {
            // A restore: what it replaced is in its safety copies.
            for name in &entry.backups {
                plan.add(cx, name, format!("the data that `{}` replaced", line(entry)), false);
            }
            return Ok(plan);
        };
        // A service that is no longer in the file cannot be created.
        let declared =
            |name: &&String| cx.project.whole_model().is_none_or(|model| model.services.contains_key(*name));
        plan.states = ServiceStates {
            running: taken.running.iter().filter(declared).cloned().collect(),
            stopped: taken.stopped.iter().filter(declared).cloned().collect(),
            replicas: taken.replicas.clone(),
        };
        for loss in &taken.losses {
            if let Some(image) = &loss.image {
                plan.removed_images.add(image, loss);
                continue;
            }
            match (&loss.backup, loss.without_backup) {
                (Some(name), _) => plan.add(cx, name, subject(loss), loss.left_behind),
                (None, reason) => plan.missing.push(MissingData {
                    subject: subject(loss),
                    reason: why(reason).to_owned(),
                    counts: counts(loss),
                    is_unplaced: false,
                }),
            }
        }
        for (service, image) in taken.images.iter().filter(|(service, _)| declared(service)) {
            let id = cx.engine.image(image).await.map_err(no_engine)?.map(|image| image.id);
            let mut own = cx.containers.iter().filter(|one| one.service() == Some(service.as_str()));
            let has_it = own.any(|one| !one.is_one_off() && id.as_ref() == Some(&one.image_id));
            if !has_it {
                plan.images.insert(service.clone(), image.clone());
            }
        }
        Ok(plan)
    }

    /// Adds a backup, or the reason why it cannot be restored.
    fn add(&mut self, cx: &ProjectContext<'_>, name: &str, subject: String, left_behind: bool) {
        let backup = match cx.root.find_any(name) {
            Ok(backup) => backup,
            Err(error) => {
                self.missing.push(MissingData {
                    subject,
                    reason: format!("its backup `{name}` cannot be used: {}", causes(&error.into())),
                    counts: true,
                    is_unplaced: false,
                });
                return;
            }
        };
        let known = self.backups.iter().chain(self.recreated.iter().map(|lost| &lost.backup));
        if known.into_iter().any(|known| known.directory == backup.directory) {
            return;
        }
        let destination = restore::ensure_destination(cx, &backup);
        let creates_container = self.creates_container_of(cx, &backup);
        let lost = Lost { subject, backup, left_behind };
        match destination {
            Ok(()) => self.backups.push(lost.backup),
            Err(_) if creates_container => self.recreated.push(lost),
            Err(why) => self.missing.push(unplaced(lost, &why)),
        }
    }

    /// Whether the container of a backup does not exist, and is one that its service had.
    fn creates_container_of(&self, cx: &ProjectContext<'_>, backup: &Backup) -> bool {
        let (service, number) = (&backup.manifest.service, backup.replica().unwrap_or(1));
        let exists = cx.containers.iter().any(|container| {
            container.service() == Some(service) && !container.is_one_off() && container.number() == number
        });
        self.states.has(service) && !exists
    }

    /// The services that are started.
    fn started(&self, cx: &ProjectContext<'_>) -> Vec<&String> {
        self.states.running.iter().filter(|name| self.states.is_short_of(cx, name)).collect()
    }

    pub(super) async fn dry_run(
        &self,
        cx: &ProjectContext<'_>,
        mode: Mode,
        output: Format,
    ) -> Result<DryRun, Failure> {
        let mut shown = DryRun::new("undo", Vec::new());
        if !self.backups.is_empty()
            && let Some(restored) =
                restore::restore(cx, self.backups.clone(), &self.images, mode, output).await?
        {
            shown = DryRun { command: "undo", ..restored };
        }
        shown.changes.extend(self.images.iter().map(|(service, image)| {
            PlannedChange::new("recreate", format!("`{service}`"))
                .with(format!("with `{image}`, which it had before `{}`", line(self.entry)))
        }));
        shown.changes.extend(self.recreated.iter().map(|lost| {
            PlannedChange::new("restore", lost.subject.clone())
                .with(format!("from `{}`, into a new container", lost.backup.name()))
        }));
        let started = self.started(cx).into_iter();
        shown.changes.extend(started.map(|name| {
            PlannedChange::new("start", format!("`{name}`"))
                .with(format!("it ran before `{}`", line(self.entry)))
        }));
        shown.changes.extend(
            self.missing.iter().map(|one| {
                PlannedChange::new("not bring back", one.subject.clone()).with(one.reason.clone())
            }),
        );
        let images = self.removed_images.missing(cx).await?.into_iter();
        shown
            .changes
            .extend(images.map(|(image, why)| PlannedChange::new("not bring back", image).with(why)));
        Ok(shown)
    }

    pub(super) async fn carry_out(
        self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        output: Format,
    ) -> Result<Exit, Failure> {
        let ended = self.undo(cx, apply, output).await;
        if ended.is_err() {
            // The reason may be an image that is missing. What the engine says now replaces no failure.
            self.removed_images.report(cx).await.ok();
        }
        ended
    }

    async fn undo(&self, cx: &ProjectContext<'_>, apply: Apply, output: Format) -> Result<Exit, Failure> {
        let command = cx.command;
        let line = line(self.entry);
        cx.ui().say(format!("Undoing `{line}` ({}).", format::ago(self.entry.time)));
        for one in &self.missing {
            one.report(cx);
        }
        command.record.undoes(&self.entry.id);
        command.record.will(format!("undoes {line}"));
        if !self.backups.is_empty() {
            restore::restore(cx, self.backups.clone(), &self.images, Mode::Apply(apply), output).await?;
        }
        let is_recreated = self.recreated.is_empty() || self.restore_recreated(cx, apply, output).await?;
        let has_unplaced = !is_recreated || self.missing.iter().any(|one| one.is_unplaced);
        let now = ProjectContext::gather(command).await?;
        if !self.started(&now).is_empty() || !self.states.stopped.is_empty() {
            command.record.begin(apply);
            restore::return_to(&now, &self.states).await.map_err(|failure| {
                failure.say("The data was restored; only returning the services to their state failed.")
            })?;
            let started = ProjectContext::gather(command).await?;
            let occasion = Occasion::Started(Some(&self.states.running));
            let verified = verify_run::all(&started, Mode::Apply(apply), occasion).await;
            if let Some(failure) = verified.failure {
                return Err(failure);
            }
        }
        let has_images = self.removed_images.report(&now).await?;
        let is_complete = is_recreated && has_images && !self.missing.iter().any(|one| one.counts);
        if !is_complete {
            cx.ui().warn(format!("`{line}` was undone in part: see above for what cannot be brought back."));
            if has_unplaced {
                cx.ui().suggest("To try again, after the Compose file was corrected", cx.suggest().undo());
            }
            return Ok(Exit::BackupFailed);
        }
        cx.ui().good(format!("`{line}` was undone."));
        for (service, image) in &self.images {
            cx.ui().say(format!(
                "`{service}` has the image `{image}` again. Set it in the Compose file too: the next `up` reads it from there."
            ));
        }
        Ok(Exit::Success)
    }

    /// Creates containers, and restores their data. Returns whether all of it could be restored.
    async fn restore_recreated(
        &self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        output: Format,
    ) -> Result<bool, Failure> {
        cx.command.record.begin(apply);
        let services: BTreeSet<String> =
            self.recreated.iter().map(|lost| lost.backup.manifest.service.clone()).collect();
        restore::create(cx, &services, &self.states).await?;
        let now = ProjectContext::gather(cx.command).await?;
        let mut backups = Vec::new();
        let mut is_complete = true;
        for lost in &self.recreated {
            match restore::ensure_destination(&now, &lost.backup) {
                Ok(()) => backups.push(lost.backup.clone()),
                Err(why) => {
                    unplaced(lost.clone(), &why).report(cx);
                    is_complete = false;
                }
            }
        }
        if !backups.is_empty() {
            restore::restore_into_new(&now, backups, Mode::Apply(apply), output).await?;
        }
        Ok(is_complete)
    }
}

impl MissingData {
    fn report(&self, cx: &ProjectContext<'_>) {
        cx.ui().warn(format!("{} cannot be brought back: {}.", self.subject, self.reason));
    }
}

/// What cannot be restored because the project has no place for it.
fn unplaced(lost: Lost, why: &NoDestination) -> MissingData {
    let reason = match why {
        NoDestination::Service => "no service of the project keeps data there".to_owned(),
        NoDestination::Replica => "its service does not have that many containers".to_owned(),
        NoDestination::Place(error) => format!("{error:#}"),
    };
    let name = lost.backup.name();
    let where_it_is = if lost.left_behind {
        format!("it is still there, and in `{name}`")
    } else {
        format!("`{name}` has it, and shows how to restore it by hand")
    };
    MissingData {
        subject: lost.subject,
        reason: format!("{reason}; {where_it_is}"),
        counts: true,
        is_unplaced: true,
    }
}

/// `volume shop_data of db`.
fn subject(loss: &RecordedLoss) -> String {
    if loss.services.is_empty() {
        loss.subject.clone()
    } else {
        let services: Vec<String> = loss.services.iter().map(|name| format!("`{name}`")).collect();
        format!("{} of {}", loss.subject, services.join(", "))
    }
}

fn why(reason: Option<NoBackup>) -> &'static str {
    match reason {
        Some(NoBackup::Skipped) => "the backup was skipped",
        Some(NoBackup::Disposable) => "it is declared disposable, so it was not backed up",
        Some(NoBackup::NotKnown) => "no program that is known to keep data uses it, so it was not backed up",
        Some(NoBackup::LeftBehind) => {
            "the command only left it behind, so it was not backed up, and is still there"
        }
        Some(NoBackup::Impossible) | None => "it could not be backed up",
    }
}
