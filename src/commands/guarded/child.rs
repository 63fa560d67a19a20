//! The real Compose, as our child.

use crate::commands::stack::Asked;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, Given};

/// Runs the command as it was typed and waits for it. Signals that were sent to us reach it too.
pub(super) async fn run(asked: &Asked) -> Result<Exit, Failure> {
    run_with(asked, Given { stdin: asked.stdin.clone(), variable: None }).await
}

pub(super) async fn run_with(asked: &Asked, given: Given) -> Result<Exit, Failure> {
    let program = asked.binary.path.clone();
    let words = asked.words.clone();
    let ended = tokio::task::spawn_blocking(move || process::supervise(&program, &words, given)).await;
    match ended {
        Ok(Ok(exit)) => Ok(Exit::Compose(exit.code)),
        Ok(Err(error)) => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", asked.binary.path.display()))
                .because(error))
        }
        Err(error) => Err(Failure::new(Exit::Internal, "waiting for Compose failed").because(error)),
    }
}
