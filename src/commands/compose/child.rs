//! The real Compose as a child process.

use super::api_version;
use super::hazard_context::hazard_context;
use crate::commands::context::{CommandContext, ProjectContext};
use crate::error::Failure;
use crate::exit::Exit;
use crate::guard::{self, Probe};
use crate::policy::Clearance;
use crate::process::{self, SpawnOptions};

/// Why a command runs although nobody has assessed it. In each case it cannot lose data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unassessed {
    /// Compose does not know the flag or the subcommand either and prints an error.
    RefusedByCompose,
    /// Compose stops at the file and prints why.
    FileUnreadable,
    /// The engine cannot be reached, and the command's words cannot lose data.
    EngineUnavailable,
}

/// Runs a command that was assessed and decided on.
pub(super) async fn run(
    command: &CommandContext,
    options: SpawnOptions,
    clearance: &Clearance,
) -> Result<Exit, Failure> {
    tracing::debug!(backup = ?clearance.backup(), "running the command as approved");
    supervise(command, options).await
}

/// Runs a command that could not be assessed, for a reason that makes it harmless.
pub(super) async fn hand_over(command: &CommandContext, reason: Unassessed) -> Result<Exit, Failure> {
    tracing::debug!(?reason, "running without an assessment");
    supervise(command, SpawnOptions { stdin: command.stdin.clone(), variable: None }).await
}

/// What the child gets beside its arguments.
///
/// A changed volume definition makes Compose ask whether to delete the volume. Without a terminal, any pipe could answer
/// `y` and delete it without a decision, so Compose gets an empty standard input and its question takes the default,
/// which deletes nothing.
pub(super) fn options(cx: &ProjectContext<'_>, probe: &Probe) -> SpawnOptions {
    let file = cx.command.stdin.clone();
    let asks = guard::asks_about_volumes(&hazard_context(cx, probe));
    let stdin = if asks && !probe.terminal { Some(file.unwrap_or_default()) } else { file };
    let variable = api_version::variable(cx).map(|(name, version)| (name, version.into()));
    SpawnOptions { stdin, variable }
}

/// Runs the command as typed and waits for it. Signals to this process reach it too.
async fn supervise(command: &CommandContext, options: SpawnOptions) -> Result<Exit, Failure> {
    let program = command.binary.path.clone();
    let words = command.words.clone();
    let ended = tokio::task::spawn_blocking(move || process::supervise(&program, &words, options)).await;
    match ended {
        Ok(Ok(exit)) => Ok(Exit::Compose(exit.code)),
        Ok(Err(error)) => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", command.binary.path.display()))
                .because(error)
                .say("Nothing was run."))
        }
        Err(error) => Err(Failure::new(Exit::Internal, "waiting for Compose failed").because(error)),
    }
}
