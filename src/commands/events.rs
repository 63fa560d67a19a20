//! What happens to a project's data is reported to the hooks and hosts of its settings, if the user has agreed to them.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::context::{CommandContext, ProjectContext};
use super::event_record::{EventTarget, Listening};
use super::mode::Apply;
use super::{agreement, format, interruptible};
use crate::backup::store::Backup;
use crate::error::{Failure, causes};
use crate::event::{EventBackup, EventDocument, EventError, EventKind};
use crate::exit::Exit;
use crate::hooks::{self, HookError};
use crate::inventory::Store;
use crate::notify;
use crate::settings::HookErrorMode;
use crate::trust::Granted;

/// Who is told of an event, if anybody is. Warns once if the user has not agreed to that.
fn listening(command: &CommandContext, event: EventKind) -> Option<(&EventTarget, &Granted)> {
    if command.env.in_hook {
        tracing::debug!(event = event.name(), "no hook runs because of what a hook runs");
        return None;
    }
    match command.events.listening(event) {
        Listening::Nobody => None,
        Listening::Target(target, granted) => Some((target, granted)),
        Listening::Withheld(trust) => {
            if command.events.is_first_warning() {
                agreement::warn(&command.ui, &command.suggest, trust);
            }
            None
        }
    }
}

/// Before backups are made, and before anything is stopped for them.
pub(super) async fn before_backup(
    cx: &ProjectContext<'_>,
    _: Apply,
    stores: &[Store],
) -> Result<(), Failure> {
    let event = EventKind::BeforeBackup;
    let Some((target, granted)) = listening(cx.command, event) else { return Ok(()) };
    let services: BTreeSet<String> = stores.iter().map(|store| store.service.clone()).collect();
    let services: Vec<String> = services.into_iter().collect();
    let summary = format!("{}: backing up {}", target.project, services.join(", "));
    let document = EventDocument { services, ..target.document(event, summary) };
    Box::pin(report(cx.command, (target, granted), &document)).await.map_err(|error| {
        let failure = Failure::new(
            Exit::BackupFailed,
            refused(cx, "the hook `before_backup` failed and nothing was backed up"),
        )
        .because(error);
        with_way_out(cx, failure.say("Nothing was changed."))
    })
}

/// After backups were made. `failed` are the services of which none could be made.
pub(super) async fn after_backup(
    cx: &ProjectContext<'_>,
    _: Apply,
    saved: &[(&Store, &Backup)],
    failed: &[String],
) -> Result<(), Failure> {
    let event = EventKind::AfterBackup;
    let Some((target, granted)) = listening(cx.command, event) else { return Ok(()) };
    let backups = backups(saved);
    let services: BTreeSet<String> = saved.iter().map(|(store, _)| store.service.clone()).collect();
    let services: Vec<String> = services.into_iter().collect();
    let summary = if failed.is_empty() {
        format!("{}: backed up {}", target.project, services.join(", "))
    } else {
        format!("{}: backed up {}; failed: {}", target.project, services.join(", "), failed.join(", "))
    };
    let document =
        EventDocument { services, backups, failed: failed.to_vec(), ..target.document(event, summary) };
    Box::pin(report(cx.command, (target, granted), &document)).await.map_err(|error| {
        let what = "the hook `after_backup` failed";
        with_way_out(cx, Failure::new(Exit::BackupFailed, refused(cx, what)).because(error))
    })
}

fn refused(cx: &ProjectContext<'_>, what: &str) -> String {
    match cx.command.composes() {
        Some(command) => format!("{what}, so `{command}` was not run"),
        None => what.to_owned(),
    }
}

fn with_way_out(cx: &ProjectContext<'_>, failure: Failure) -> Failure {
    match cx.command.composes() {
        Some(_) => failure.run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        ),
        None => failure,
    }
}

/// The backups, each once: the nodes of a cluster share one.
fn backups(saved: &[(&Store, &Backup)]) -> Vec<EventBackup> {
    let mut backups: Vec<EventBackup> = Vec::new();
    for (store, backup) in saved {
        match backups.iter_mut().find(|known| known.directory == backup.directory) {
            Some(known) => known.services.push(store.service.clone()),
            None => backups.push(EventBackup {
                name: backup.name(),
                services: vec![store.service.clone()],
                directory: backup.directory.clone(),
                bytes: backup.bytes(),
                consistency: backup.manifest.consistency.to_string(),
                proof: format::proof(backup.proof()).to_owned(),
            }),
        }
    }
    backups
}

/// The end of a command: one that failed, found a loss, or was refused is reported. The failure is printed first, because
/// hooks may take a while.
pub(super) async fn ended(
    command: &CommandContext,
    _: Apply,
    ended: Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let exit = match &ended {
        Ok(exit) => *exit,
        Err(failure) => failure.exit,
    };
    let Some(event) = event_of(command, exit) else { return ended };
    let Some((target, granted)) = listening(command, event) else { return ended };
    if !command.events.is_first(event) {
        return ended;
    }
    let error = match &ended {
        Ok(_) => None,
        Err(failure) => {
            command.ui.failure(failure);
            Some(error_of(failure))
        }
    };
    Box::pin(tell(command, (target, granted), event, (error, exit))).await;
    Ok(exit)
}

/// The end of the work on a project while the command goes on. Whoever calls this prints the failure.
pub(super) async fn project_ended(
    command: &CommandContext,
    _: Apply,
    (exit, failure): (Exit, Option<&Failure>),
) {
    let Some(event) = event_of(command, exit) else { return };
    let Some((target, granted)) = listening(command, event) else { return };
    if command.events.is_first(event) {
        Box::pin(tell(command, (target, granted), event, (failure.map(error_of), exit))).await;
    }
}

async fn tell(
    command: &CommandContext,
    (target, granted): (&EventTarget, &Granted),
    event: EventKind,
    (error, exit): (Option<EventError>, Exit),
) {
    let what = match &error {
        Some(error) => error.message.clone(),
        None => format!("`{}` ended with exit code {}", target.command, exit.code()),
    };
    let summary = format!("{}: {what}", target.project);
    let document = EventDocument { error, ..target.document(event, summary) };
    let told = interruptible(async {
        report(command, (target, granted), &document)
            .await
            .map_err(|error| Failure::new(exit, "a hook failed").because(error))
    });
    match told.await {
        Ok(()) => {}
        Err(Failure { exit: Exit::Signal(_), .. }) => {
            command.ui.warn("interrupted: the hook was ended, and hosts may not have been told.");
        }
        Err(failure) => command.ui.failure(&failure),
    }
}

/// The event that an exit code stands for.
fn event_of(command: &CommandContext, exit: Exit) -> Option<EventKind> {
    match exit {
        Exit::DataMissing => Some(EventKind::OnLoss),
        Exit::BackupFailed | Exit::Unverified | Exit::Unavailable | Exit::Internal => {
            Some(EventKind::OnFailure)
        }
        // At a terminal, whoever answers no knows it.
        Exit::Refused if command.record.is_refused() || !command.ui.is_terminal() => {
            Some(EventKind::OnRefusal)
        }
        Exit::Refused
        | Exit::Success
        | Exit::Found
        | Exit::Usage
        | Exit::OutputLost
        | Exit::Signal(_)
        | Exit::Compose(_) => None,
    }
}

fn error_of(failure: &Failure) -> EventError {
    EventError {
        message: failure.message.clone(),
        cause: failure.cause.as_ref().map(causes),
        exit_code: failure.exit.code(),
    }
}

/// Runs the hook of an event and tells the hosts, at the same time. A failure that the settings do not make one is a
/// warning.
async fn report(
    command: &CommandContext,
    (target, granted): (&EventTarget, &Granted),
    document: &EventDocument,
) -> Result<(), HookError> {
    let hook = run_hook(command, (target, granted), document);
    let hosts = tell_hosts(command, (target, granted), document);
    let (ended, ()) = tokio::join!(hook, hosts);
    ended
}

async fn run_hook(
    command: &CommandContext,
    (target, granted): (&EventTarget, &Granted),
    document: &EventDocument,
) -> Result<(), HookError> {
    let Some((hook, mode)) = target.hooks.of(document.event) else { return Ok(()) };
    let name = document.event.name();
    command.ui.say(format!("running the hook `{name}`."));
    match (hooks::run(granted, hook, document, &target.secret_variables()).await, mode) {
        (Ok(()), _) => Ok(()),
        (Err(error), HookErrorMode::Fail) => Err(error),
        (Err(error), HookErrorMode::Warn) => {
            command.ui.warn(format!("the hook `{name}` failed: {}.", causes(&error.into())));
            Ok(())
        }
    }
}

/// A host that cannot be told is a warning, whatever is to be told.
async fn tell_hosts(
    command: &CommandContext,
    (target, granted): (&EventTarget, &Granted),
    document: &EventDocument,
) {
    let hosts = target.hosts.iter().enumerate().filter(|(_, host)| host.events.contains(&document.event));
    let told =
        hosts.map(|(number, host)| async move { (number, notify::send(granted, host, document).await) });
    for (number, told) in join_all(told).await {
        if let Err(error) = told {
            let event = document.event.name();
            command
                .ui
                .warn(format!("`notify[{number}]` was not told of `{event}`: {}.", causes(&error.into())));
        }
    }
}
