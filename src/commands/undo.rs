//! `safe-compose undo`: brings back what a command took, from the backups that were made before it, and returns the
//! services to the state that they were in.

mod images;
mod plan;

use plan::UndoPlan;

use super::context::{CommandContext, ProjectContext};
use super::history;
use super::mode::Mode;
use crate::backup::manifest::BackupRole;
use crate::cli::{Format, UndoArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::{CommandOutcome, JournalEntry, NoBackup, RecordedLoss};

pub(super) async fn run(
    command: &CommandContext,
    args: &UndoArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let entries = history::own_entries(&cx.root)?.0;
    let entry = choose(&cx, &entries, args.number)?;
    let plan = UndoPlan::of(&cx, entry).await?;
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
    history::line(entry.command.iter().filter(|word| !word.starts_with("--safe-")))
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

/// Whether all of it was undone. What was undone in part can be undone again, when the reason is gone.
fn is_undone(entries: &[JournalEntry], entry: &JournalEntry) -> bool {
    let undoes =
        |later: &JournalEntry| later.exit_code == Some(0) && later.undoes.as_ref() == Some(&entry.id);
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
        None | Some(NoBackup::Skipped | NoBackup::LeftBehind | NoBackup::Impossible) => true,
        Some(NoBackup::Disposable | NoBackup::NotKnown) => false,
    }
}
