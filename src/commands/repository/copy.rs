//! Copies backups to the repository: after each backup, before a command destroys what was backed up, and on request.

use serde_json::json;

use super::access;
use super::transfer::{self, CopyCandidate, Transfer, is_known};
use crate::backup::repository::{CopyState, RepositoryAccess, RepositoryError, RepositoryLocation};
use crate::backup::store::{Backup, BackupRoot, StoreError, Verified};
use crate::cli::Format;
use crate::commands::command_context::CommandContext;
use crate::commands::context::ProjectContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::format;
use crate::commands::mode::{Apply, Mode};
use crate::compose::project::Project;
use crate::error::{Failure, Hint, causes};
use crate::exit::Exit;
use crate::units::count;

/// Copies new backups, and those that could not be copied before. A failure is a warning, unless the settings require a
/// copy.
pub(in crate::commands) async fn after_backups(
    cx: &ProjectContext<'_>,
    apply: Apply,
    made: &[&Verified],
) -> Result<(), Failure> {
    let candidates = made.iter().map(|one| CopyCandidate::Verified((*one).clone())).collect();
    copy_missing(cx, apply, candidates)
        .await
        .map_err(|failure| failure.say("The backups on this machine are complete."))
}

/// The same before a command that `made` were made for, and that relies on `current` ones of before. Where a copy is required
/// and fails, it must not run.
pub(in crate::commands) async fn before_command(
    cx: &ProjectContext<'_>,
    apply: Apply,
    made: &[&Verified],
    current: &[&Backup],
) -> Result<(), Failure> {
    if made.is_empty() && current.is_empty() {
        return Ok(());
    }
    let mut candidates: Vec<CopyCandidate> =
        made.iter().map(|one| CopyCandidate::Verified((*one).clone())).collect();
    // Without that, a backup that was made before waits for its copy, or was never to have one.
    if cx.settings.backup.repository.as_ref().is_some_and(|settings| settings.required) {
        candidates.extend(current.iter().map(|one| CopyCandidate::Relied((*one).clone())));
    }
    copy_missing(cx, apply, candidates).await.map_err(|mut failure| {
        if let Some(command) = cx.command.composes() {
            failure.message = format!("{}, so `{command}` was not run", failure.message);
        }
        failure.say("The backups on this machine are complete. Nothing was changed.").run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        )
    })
}

/// Copies what the repository lacks of these, and of those that wait.
async fn copy_missing(
    cx: &ProjectContext<'_>,
    apply: Apply,
    candidates: Vec<CopyCandidate>,
) -> Result<(), Failure> {
    let Some(settings) = &cx.settings.backup.repository else { return Ok(()) };
    let transfer = Transfer { command: cx.command, project: &cx.project.name, root: &cx.root, apply };
    let candidates = transfer.with_waiting(candidates);
    if candidates.is_empty() {
        transfer.settle();
        return Ok(());
    }
    let failure = match access::of_settings(cx.command, (&cx.project, &cx.settings), cx.suggest()) {
        Err(failure) => {
            let name = RepositoryLocation::parse(&settings.url)
                .map_or_else(|_| "the repository".to_owned(), |location| location.to_string());
            transfer.not_copied(name, &candidates, failure.message.clone());
            failure
        }
        Ok(access) => match copy_to(cx, &transfer, access, candidates).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        },
    };
    if settings.required {
        return Err(failure);
    }
    let cause = failure.cause.as_ref().map(|cause| format!(": {}", causes(cause))).unwrap_or_default();
    cx.ui().warn(format!("{}{cause}. The next backup tries it again.", failure.message));
    for hint in &failure.hints {
        match hint {
            Hint::Say(sentence) => cx.ui().say(sentence),
            Hint::Run { why, command } => cx.ui().suggest(why, command),
        }
    }
    Ok(())
}

async fn copy_to(
    cx: &ProjectContext<'_>,
    transfer: &Transfer<'_>,
    access: RepositoryAccess,
    candidates: Vec<CopyCandidate>,
) -> Result<(), Failure> {
    let name = access.location.to_string();
    let opened = match access::open(access).await {
        Ok(opened) => opened,
        Err(error) => {
            let is_missing = matches!(error, RepositoryError::Missing(_));
            let advice = super::advice(&error).filter(|_| !is_missing);
            let error = anyhow::Error::from(error);
            transfer.not_copied(name.clone(), &candidates, causes(&error));
            let failure = transfer::failure(candidates.len(), &name).because(error);
            return Err(if is_missing {
                failure.run("To create it", cx.suggest().repository_init())
            } else {
                advice.into_iter().fold(failure, Failure::say)
            });
        }
    };
    transfer.run(opened, candidates).await.map(drop)
}

/// What `status` says of backups that were not copied.
pub(in crate::commands) fn status(cx: &ProjectContext<'_>) -> Option<String> {
    cx.settings.backup.repository.as_ref()?;
    let state = CopyState::read(&cx.root, &cx.project.name)?;
    let waiting = state.pending.len() as u64;
    (waiting > 0).then(|| {
        let cause = state.error.map(|error| format!(": {error}")).unwrap_or_default();
        format!(
            "{} could not be copied to {}{cause}. To try again: `{}`",
            count(waiting, "backup"),
            state.repository,
            cx.suggest().repository_copy()
        )
    })
}

/// `repository copy`: what is not in the repository yet.
pub(super) async fn all(
    command: &CommandContext,
    (project, root): (&Project, &BackupRoot),
    access: RepositoryAccess,
    (mode, output): (Mode, Format),
) -> Result<Exit, Failure> {
    let mut listing = root
        .list(None)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    let name = access.location.to_string();
    let opened = access::open(access)
        .await
        .map_err(|error| super::failed("the repository could not be read", error))?;
    let apply = match mode {
        Mode::DryRun => {
            let missing = listing.backups.iter().rev().filter(|backup| !is_known(&opened.1, backup));
            let change = |backup: &Backup| {
                PlannedChange::new("copy", format!("backup `{}`", backup.name())).with(format!("to {name}"))
            };
            return Ok(
                DryRun::new("repository copy", missing.map(change).collect()).show(&command.ui, output)
            );
        }
        Mode::Apply(apply) => apply,
    };
    let transfer = Transfer { command, project: &project.name, root, apply };
    let unread =
        std::mem::take(&mut listing.damaged).into_iter().find(|(_, damage)| damage.is_read_failure());
    let candidates = transfer.with_waiting(listing.backups.into_iter().map(CopyCandidate::Waiting).collect());
    let is_complete = candidates.iter().all(|one| is_known(&opened.1, one.backup()));
    let copied = transfer.run(opened, candidates).await?;
    if is_complete && unread.is_none() {
        command.ui.say("Every backup is in the repository.");
    }
    if output == Format::Json {
        let copied: Vec<_> =
            copied.iter().map(|(name, sent)| json!({ "name": name, "added_bytes": sent.added })).collect();
        command.ui.result(format::json(&json!({ "copied": copied })));
    }
    match unread {
        Some((path, damage)) => {
            Err(transfer::failure(1, &name).because(StoreError::Damaged { path, damage }))
        }
        None => Ok(Exit::Success),
    }
}
