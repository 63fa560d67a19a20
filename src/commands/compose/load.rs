//! Loads the project of a guarded command, or says why the command is handed over without an assessment.

use super::child::Unassessed;
use crate::commands::context::{self, CommandContext, GatherError, ProjectContext};
use crate::error::{Failure, causes};
use crate::exit::Exit;

/// The project, or why the command cannot be assessed.
pub(super) enum LoadOutcome<'a> {
    Project(Box<ProjectContext<'a>>),
    /// Nothing can be found out, and the command cannot lose data for that reason.
    Unassessable(Unassessed),
}

/// Reads the file and asks the engine. A command that may lose data fails here rather than run unassessed.
pub(super) async fn project(
    command: &CommandContext,
    unknown_feature: bool,
) -> Result<LoadOutcome<'_>, Failure> {
    let reading = &command.reading;
    let may_lose_data = reading.may_lose_data() || unknown_feature;
    match ProjectContext::try_gather(command).await {
        Ok(cx) => Ok(LoadOutcome::Project(Box::new(cx))),
        // Compose explains best what is wrong with its file.
        Err(GatherError::File(_)) if reading.stops_at_unreadable_file() && !command.safe.plan => {
            Ok(LoadOutcome::Unassessable(Unassessed::FileUnreadable))
        }
        Err(GatherError::File(error)) => Err(context::unreadable(command, error)),
        Err(GatherError::Other(failure))
            if failure.exit == Exit::Unavailable && !may_lose_data && !command.safe.plan =>
        {
            let cause = failure.cause.as_ref().map(|cause| format!(": {}", causes(cause)));
            command.ui.warn(format!(
                "{failure}{}. `{}` runs without safety checks.",
                cause.unwrap_or_default(),
                reading.name()
            ));
            Ok(LoadOutcome::Unassessable(Unassessed::EngineUnavailable))
        }
        Err(GatherError::Other(failure)) => Err(failure),
    }
}
