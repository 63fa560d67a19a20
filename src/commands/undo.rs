//! `safe-compose undo`: brings back what a command took, from the backups that were made before it, and returns the
//! services to the state that they were in.

use std::collections::BTreeSet;

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::{Apply, Mode};
use super::verify_run::{self, Occasion};
use super::{format, history, restore};
use crate::backup::manifest::BackupRole;
use crate::backup::store::Backup;
use crate::cli::{Format, UndoArgs};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::journal::{CommandOutcome, JournalEntry, NoBackup, RecordedLoss};

/// What an undo does.
struct UndoPlan<'a> {
    entry: &'a JournalEntry,
    backups: Vec<Backup>,
    missing: Vec<MissingData>,
    running: BTreeSet<String>,
    stopped: BTreeSet<String>,
}

/// Data that cannot be brought back.
struct MissingData {
    subject: String,
    /// A clause without a period.
    reason: String,
    /// It matters: it should have had a backup.
    counts: bool,
}

pub(super) async fn run(
    command: &CommandContext,
    args: &UndoArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let entries = history::own_entries(&cx.root)?.0;
    let entry = choose(&cx, &entries, args.number)?;
    let plan = UndoPlan::of(&cx, entry);
    match mode {
        Mode::DryRun => Ok(plan.dry_run(&cx, mode, output).await?.show(cx.ui(), output)),
        Mode::Apply(apply) => plan.carry_out(&cx, apply, output).await,
    }
}

/// The entry that is undone: the one with the number, or the last one that took data and was not undone.
fn choose<'a>(
    cx: &ProjectContext<'_>,
    entries: &'a [JournalEntry],
    number: Option<usize>,
) -> Result<&'a JournalEntry, Failure> {
    let failed = |what: String| {
        Failure::new(Exit::Usage, what)
            .say("Nothing was changed.")
            .run("To list the commands that affected data", cx.suggest().command("history"))
    };
    let Some(number) = number else {
        let last = entries
            .iter()
            .rev()
            .find(|entry| was_run(entry) && took_data(cx, entry) && !is_undone(entries, entry));
        return last
            .ok_or_else(|| failed("no command is recorded that took data and was not undone".to_owned()));
    };
    let entry = number.checked_sub(1).and_then(|at| entries.get(at));
    let entry = entry.ok_or_else(|| failed(format!("there is no command {number} in the history")))?;
    let line = line(entry);
    if !was_run(entry) {
        return Err(failed(format!("`{line}` was not run, so there is nothing to undo")));
    }
    if entry.taken.is_none() && !took_data(cx, entry) {
        return Err(failed(format!("`{line}` took no data that is known, so there is nothing to undo")));
    }
    Ok(entry)
}

/// The command as typed, without what let it run.
fn line(entry: &JournalEntry) -> String {
    let words = entry.command.iter().filter(|word| !word.starts_with("--safe-"));
    shell_words::join(words).replace(char::is_control, " ")
}

/// Whether it was carried out, perhaps in part.
fn was_run(entry: &JournalEntry) -> bool {
    match entry.outcome {
        CommandOutcome::Ran
        | CommandOutcome::RanWithoutBackup
        | CommandOutcome::Failed
        | CommandOutcome::Interrupted => true,
        CommandOutcome::Began
        | CommandOutcome::Refused
        | CommandOutcome::NotConfirmed
        | CommandOutcome::BackupFailed
        | CommandOutcome::Unknown => false,
    }
}

fn is_undone(entries: &[JournalEntry], entry: &JournalEntry) -> bool {
    let undoes = |later: &JournalEntry| {
        later.outcome == CommandOutcome::Ran && later.undoes.as_ref() == Some(&entry.id)
    };
    !entry.id.is_empty() && entries.iter().any(undoes)
}

/// Whether it took data that matters: what is disposable, or what no known program keeps, does not.
fn took_data(cx: &ProjectContext<'_>, entry: &JournalEntry) -> bool {
    match &entry.taken {
        Some(taken) => taken.losses.iter().any(counts),
        None => entry.backups.iter().any(|name| {
            cx.root.find_any(name).is_ok_and(|backup| backup.manifest.role == BackupRole::SafetyCopy)
        }),
    }
}

fn counts(loss: &RecordedLoss) -> bool {
    match loss.without_backup {
        None | Some(NoBackup::Skipped | NoBackup::Impossible) => true,
        Some(NoBackup::Disposable | NoBackup::NotKnown) => false,
    }
}

impl<'a> UndoPlan<'a> {
    fn of(cx: &ProjectContext<'_>, entry: &'a JournalEntry) -> Self {
        let mut plan = Self {
            entry,
            backups: Vec::new(),
            missing: Vec::new(),
            running: BTreeSet::new(),
            stopped: BTreeSet::new(),
        };
        let Some(taken) = &entry.taken else {
            // A restore: what it replaced is in its safety copies.
            for name in &entry.backups {
                plan.add(cx, name, &format!("the data that `{}` replaced", line(entry)));
            }
            return plan;
        };
        for loss in &taken.losses {
            match (&loss.backup, loss.without_backup) {
                (Some(name), _) => plan.add(cx, name, &subject(loss)),
                (None, reason) => plan.missing.push(MissingData {
                    subject: subject(loss),
                    reason: why(reason).to_owned(),
                    counts: counts(loss),
                }),
            }
        }
        // A service that is no longer in the file cannot be created.
        let declared =
            |name: &&String| cx.project.whole_model().is_none_or(|model| model.services.contains_key(*name));
        plan.running = taken.running.iter().filter(declared).cloned().collect();
        plan.stopped = taken.stopped.iter().filter(declared).cloned().collect();
        plan
    }

    /// Adds a backup, or the reason why it cannot be restored.
    fn add(&mut self, cx: &ProjectContext<'_>, name: &str, subject: &str) {
        let missing = |reason: String| MissingData { subject: subject.to_owned(), reason, counts: true };
        match cx.root.find_any(name) {
            Ok(backup) if self.backups.iter().any(|known| known.directory == backup.directory) => {}
            Ok(backup) if restore::has_service_of(cx, &backup) => self.backups.push(backup),
            Ok(_) => self.missing.push(missing(format!(
                "no service of the project keeps data there; `{name}` has it, and shows how to restore it by hand"
            ))),
            Err(error) => self
                .missing
                .push(missing(format!("its backup `{name}` cannot be used: {}", causes(&error.into())))),
        }
    }

    /// The services that are started.
    fn started(&self, cx: &ProjectContext<'_>) -> Vec<&String> {
        let runs = |name: &&String| {
            let mut own = cx.containers.iter().filter(|one| one.service() == Some(name.as_str()));
            own.any(|container| !container.is_one_off() && container.is_running())
        };
        self.running.iter().filter(|name| !runs(name)).collect()
    }

    async fn dry_run(&self, cx: &ProjectContext<'_>, mode: Mode, output: Format) -> Result<DryRun, Failure> {
        let mut shown = DryRun::new("undo", Vec::new());
        if !self.backups.is_empty()
            && let Some(restored) = restore::restore(cx, self.backups.clone(), mode, output).await?
        {
            shown = DryRun { command: "undo", ..restored };
        }
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
        Ok(shown)
    }

    async fn carry_out(
        &self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        output: Format,
    ) -> Result<Exit, Failure> {
        let command = cx.command;
        let line = line(self.entry);
        cx.ui().say(format!("Undoing `{line}` ({}).", format::ago(self.entry.time)));
        for one in &self.missing {
            cx.ui().warn(format!("{} cannot be brought back: {}.", one.subject, one.reason));
        }
        command.record.undoes(&self.entry.id);
        command.record.will(format!("undoes {line}"));
        if !self.backups.is_empty() {
            restore::restore(cx, self.backups.clone(), Mode::Apply(apply), output).await?;
        }
        let now = ProjectContext::gather(command).await?;
        if !self.started(&now).is_empty() || !self.stopped.is_empty() {
            command.record.begin(apply);
            restore::return_to(&now, &self.running, &self.stopped).await.map_err(|failure| {
                failure.say("The data was restored; only returning the services to their state failed.")
            })?;
            let started = ProjectContext::gather(command).await?;
            let occasion = Occasion::Started(Some(&self.running));
            let verified = verify_run::all(&started, Mode::Apply(apply), occasion).await;
            if let Some(failure) = verified.failure {
                return Err(failure);
            }
        }
        if self.missing.iter().any(|one| one.counts) {
            cx.ui().warn(format!("`{line}` was undone in part: see above for what cannot be brought back."));
            return Ok(Exit::BackupFailed);
        }
        cx.ui().good(format!("`{line}` was undone."));
        Ok(Exit::Success)
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
        Some(NoBackup::Impossible) | None => "it could not be backed up",
    }
}
