//! The real Compose, as our child.

use crate::commands::stack::Asked;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, Given};

/// What Compose reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// What we would.
    Ours,
    /// Nothing: a question of Compose's own takes its default, which loses nothing.
    Nothing,
}

/// How Compose is run, besides its words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub input: Input,
    /// Added to its environment.
    pub variable: Option<(&'static str, &'static str)>,
}

/// Runs the command as it was typed and waits for it. Signals that were sent to us reach it too.
pub(super) async fn run(asked: &Asked) -> Result<Exit, Failure> {
    run_on(asked, Terms { input: Input::Ours, variable: None }).await
}

pub(super) async fn run_on(asked: &Asked, terms: Terms) -> Result<Exit, Failure> {
    let program = asked.binary.path.clone();
    let words = asked.words.clone();
    let stdin = match terms.input {
        Input::Ours => asked.stdin.clone(),
        Input::Nothing => Some(asked.stdin.clone().unwrap_or_default()),
    };
    let given = Given { stdin, variable: terms.variable };
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
