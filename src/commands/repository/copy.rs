//! Copies backups to the repository: after each backup, before a command destroys what was backed up, and on request.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::access::{self, BytesRead};
use crate::backup::repository::{
    CopyState, IndexedRepository, RepositoryAccess, RepositoryError, RepositorySnapshot, SendOptions, Sent,
};
use crate::backup::set;
use crate::backup::store::{Backup, BackupRoot, Verified};
use crate::cli::Format;
use crate::commands::command_context::CommandContext;
use crate::commands::context::ProjectContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::format;
use crate::commands::mode::{Apply, Mode};
use crate::compose::project::Project;
use crate::error::{Failure, Hint, causes};
use crate::exit::Exit;
use crate::progress::{Progress, Unit};
use crate::units::{Bytes, count};

/// Copies new backups, and those that could not be copied before. A failure is a warning, unless the settings require a
/// copy.
pub(in crate::commands) async fn after_backups(
    cx: &ProjectContext<'_>,
    apply: Apply,
    made: &[&Verified],
) -> Result<(), Failure> {
    copy_made(cx, apply, made)
        .await
        .map_err(|failure| failure.say("The backups on this machine are complete."))
}

/// The same before the command that the backups were made for. Where a copy is required and fails, it must not run.
pub(in crate::commands) async fn before_command(
    cx: &ProjectContext<'_>,
    apply: Apply,
    made: &[&Verified],
) -> Result<(), Failure> {
    copy_made(cx, apply, made).await.map_err(|mut failure| {
        if let Some(command) = cx.command.composes() {
            failure.message = format!("{}, so `{command}` was not run", failure.message);
        }
        failure.say("The backups on this machine are complete. Nothing was changed.").run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        )
    })
}

async fn copy_made(cx: &ProjectContext<'_>, apply: Apply, made: &[&Verified]) -> Result<(), Failure> {
    let Some(settings) = &cx.settings.backup.repository else { return Ok(()) };
    if made.is_empty() {
        return Ok(());
    }
    let failure = match access::of_settings(cx.command, (&cx.project, &cx.settings), cx.suggest()) {
        Ok(access) => {
            let backups: Vec<Verified> = made.iter().copied().cloned().collect();
            match copy(cx.command, (&cx.project, &cx.root), access, backups, apply).await {
                Ok(_) => return Ok(()),
                Err(failure) => failure,
            }
        }
        Err(failure) => failure,
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
    let listing = root
        .list(None)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    let (_, known) = access::open(access.clone())
        .await
        .map_err(|error| super::failed("the repository could not be read", error))?;
    let missing: Vec<Backup> =
        listing.backups.into_iter().rev().filter(|backup| !is_known(&known, backup)).collect();
    let apply = match mode {
        Mode::DryRun => {
            let change = |backup: &Backup| {
                PlannedChange::new("copy", format!("backup `{}`", backup.name()))
                    .with(format!("to {}", access.location))
            };
            let changes = missing.iter().map(change).collect();
            return Ok(DryRun::new("repository copy", changes).show(&command.ui, output));
        }
        Mode::Apply(apply) => apply,
    };
    let mut backups = Vec::new();
    for backup in &missing {
        match backup.check_showing(&command.ui.meter()) {
            Ok(verified) => backups.push(verified),
            Err(damage) => {
                command.ui.warn(format!("`{}` is not copied: {}.", backup.name(), causes(&damage.into())));
            }
        }
    }
    let copied = copy(command, (project, root), access, backups, apply).await?;
    if copied.is_empty() {
        command.ui.say("Every backup is in the repository.");
    }
    if output == Format::Json {
        let copied: Vec<_> =
            copied.iter().map(|(name, sent)| json!({ "name": name, "added_bytes": sent.added })).collect();
        command.ui.result(format::json(&json!({ "copied": copied })));
    }
    Ok(Exit::Success)
}

fn is_known(known: &[RepositorySnapshot], backup: &Backup) -> bool {
    known
        .iter()
        .any(|one| one.stored.name == backup.name() && one.stored.manifest.project == backup.manifest.project)
}

/// Copies backups, and those that wait. Returns those that were copied.
async fn copy(
    command: &CommandContext,
    (project, root): (&Project, &BackupRoot),
    access: RepositoryAccess,
    backups: Vec<Verified>,
    apply: Apply,
) -> Result<Vec<(String, Sent)>, Failure> {
    let name = access.location.to_string();
    let mut state = CopyState::read(root, &project.name).unwrap_or_default();
    let mut backups = backups;
    let is_new: BTreeSet<String> = backups.iter().map(|backup| backup.name()).collect();
    for waiting in state.pending.iter().filter(|waiting| !is_new.contains(*waiting)) {
        // What was removed or damaged since can never be copied.
        if let Some(verified) = root.find_any(waiting).ok().and_then(|backup| backup.check().ok()) {
            backups.push(verified);
        }
    }
    backups.sort_by_key(|backup| backup.manifest.created);
    backups.dedup_by_key(|backup| backup.name());
    if backups.is_empty() {
        return Ok(Vec::new());
    }
    command.record.will(format!("copies backups to {name}"));
    command.record.begin(apply);
    state.repository.clone_from(&name);
    state.pending = backups.iter().map(|backup| backup.name()).collect();
    let sets = set::list(root);
    let host = &command.env.host_name;
    let options = |backup: &Backup| SendOptions {
        host: host.clone(),
        set: sets
            .iter()
            .find(|(_, set)| set.backups.iter().any(|member| member.name == backup.name()))
            .map(|(file, _)| set::name(file)),
    };
    let jobs: Vec<(Verified, SendOptions)> =
        backups.into_iter().map(|backup| (backup.clone(), options(&backup))).collect();
    let (copied, failed) = send(&command.ui.meter(), access, jobs).await;
    for (backup, sent) in &copied {
        state.pending.remove(backup);
        command.ui.good(format!("copied `{backup}` to {name} ({} added)", Bytes(sent.added)));
    }
    let is_missing = matches!(failed, Some(RepositoryError::Missing(_)));
    let failed = failed.map(anyhow::Error::from);
    state.error = failed.as_ref().map(causes);
    if !copied.is_empty() {
        state.copied = Some(Timestamp::now());
    }
    let waiting = state.pending.len() as u64;
    if let Err(error) = state.write(root, &project.name) {
        command.ui.warn(format!("what was copied could not be recorded: {}.", causes(&error.into())));
    }
    match failed {
        None => Ok(copied),
        Some(error) => {
            let what = format!("{} could not be copied to {name}", count(waiting, "backup"));
            // Whatever the reason: the backup is not where it has to be.
            let failure = Failure::new(Exit::BackupFailed, what).because(error);
            Err(if is_missing {
                failure.run("To create it", command.suggest.repository_init())
            } else {
                failure
            })
        }
    }
}

/// Sends one after the other. The first failure ends it: the others would fail for the same reason.
async fn send(
    progress: &dyn Progress,
    access: RepositoryAccess,
    jobs: Vec<(Verified, SendOptions)>,
) -> (Vec<(String, Sent)>, Option<RepositoryError>) {
    let work = move |advance: BytesRead| {
        let mut copied = Vec::new();
        let opened = access.open().and_then(|repository| {
            let known = repository.backups()?;
            Ok((repository.indexed()?, known))
        });
        let (repository, known): (IndexedRepository, _) = match opened {
            Ok(opened) => opened,
            Err(error) => return (copied, Some(error)),
        };
        for (backup, options) in jobs {
            if is_known(&known, &backup) {
                copied.push((backup.name(), Sent { added: 0 }));
                continue;
            }
            let advance = advance.clone();
            match repository.send(&backup, &options, &known, move |bytes| advance.by(bytes)) {
                Ok(sent) => copied.push((backup.name(), sent)),
                Err(error) => return (copied, Some(error)),
            }
        }
        (copied, None)
    };
    let task = progress.begin("copying to the repository", Unit::Bytes, None);
    access::blocking_showing(task.as_ref(), work).await
}
