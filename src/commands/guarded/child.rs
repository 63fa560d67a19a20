//! The real Compose, as our child.

use crate::commands::context::CommandContext;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, SpawnOptions};

/// Runs the command as it was typed and waits for it. Signals that were sent to us reach it too.
pub(super) async fn run(command: &CommandContext) -> Result<Exit, Failure> {
    run_with(command, SpawnOptions { stdin: command.stdin.clone(), variable: None }).await
}

pub(super) async fn run_with(command: &CommandContext, options: SpawnOptions) -> Result<Exit, Failure> {
    let program = command.binary.path.clone();
    let words = command.words.clone();
    let ended = tokio::task::spawn_blocking(move || process::supervise(&program, &words, options)).await;
    match ended {
        Ok(Ok(exit)) => Ok(Exit::Compose(exit.code)),
        Ok(Err(error)) => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", command.binary.path.display()))
                .because(error))
        }
        Err(error) => Err(Failure::new(Exit::Internal, "waiting for Compose failed").because(error)),
    }
}
