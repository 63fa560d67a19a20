//! Verification of the started services against their baselines: after the command, or while it runs.

use crate::commands::context::{self, ProjectContext};
use crate::commands::events;
use crate::commands::mode::{Apply, Mode};
use crate::commands::verify_run::{self, Occasion};
use crate::error::Failure;
use crate::exit::Exit;

/// Verifies the services that the command has started.
pub(super) async fn after(cx: &mut ProjectContext<'_>, apply: Apply) -> Result<(), Failure> {
    cx.refresh().await.map_err(context::no_engine)?;
    let services = cx.scope().started();
    let occasion = Occasion::Started(services.as_ref());
    verify_run::all(cx, Mode::Apply(apply), occasion).await.failure.map_or(Ok(()), Err)
}

/// Verifies the services while an attached `up` runs, which may be for days.
pub(super) async fn while_running(
    cx: &mut ProjectContext<'_>,
    apply: Apply,
    running: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let services = cx.scope().started();
    let command = cx.command;
    tokio::pin!(running);
    let verification =
        async { verify_run::once_running(cx, apply, Occasion::Started(services.as_ref())).await };
    tokio::pin!(verification);
    let verdict = tokio::select! {
        exit = &mut running => return exit,
        verdict = &mut verification => verdict,
    };
    if let Err(failure) = &verdict {
        command.ui.failure(failure);
        events::project_ended(command, apply, (failure.exit, Some(failure))).await;
    }
    let exit = running.await?;
    match verdict {
        // A failure of Compose says more than one of the verification.
        Err(failure) if exit == Exit::Compose(0) => Ok(failure.exit),
        Err(_) | Ok(()) => Ok(exit),
    }
}
