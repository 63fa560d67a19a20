//! Looking at the services before they start, while they run, and after they were started.

use std::collections::BTreeSet;

use super::reach;
use crate::commands::stack::{self, Stack};
use crate::commands::{comparing, describe};
use crate::error::Failure;
use crate::exit::Exit;
use crate::preflight::{self, Finding, Severity, Start};

/// What the checks before a start find.
pub(super) async fn findings(stack: &Stack<'_>) -> Vec<Finding> {
    let reading = &stack.asked.reading;
    let subcommand = subcommand(stack);
    preflight::examine(preflight::Input {
        services: &reach::named(subcommand, &reading.operands),
        model: stack.project.model.as_ref(),
        inventory: &stack.inventory,
        engine: stack.engine.as_ref(),
        start: if matches!(subcommand, "start" | "restart") { Start::AsCreated } else { Start::AsDeclared },
    })
    .await
}

/// Checks every place where a service in reach keeps data, makes missing directories, and stops what cannot work.
pub(super) async fn before(stack: &Stack<'_>) -> Result<(), Failure> {
    let findings = findings(stack).await;
    let subcommand = subcommand(stack);
    let ui = stack.ui();
    let is_waived = stack.asked.safe.skip_checks;
    let is_told = |finding: &&Finding| match finding.severity {
        Severity::Warn => true,
        Severity::Stop => is_waived,
        Severity::Mend | Severity::Note => false,
    };
    for finding in findings.iter().filter(is_told) {
        ui.warn(describe::finding(finding));
    }
    let stops: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Stop).collect();
    if let Some((first, others)) = stops.split_first().filter(|_| !is_waived) {
        let again = stack.suggest().again("--safe-skip-checks", &stack.asked.words);
        return Err(
            unfit(subcommand, first, others).run("If you know better, and want it all the same", again)
        );
    }
    for finding in findings {
        let Some(mend) = finding.mend else { continue };
        ui.say(format!("{}: {}; making it.", finding.service, finding.what));
        mend.apply().map_err(|error| {
            Failure::new(
                Exit::Refused,
                format!("`{}`: {}, and it cannot be made", finding.service, finding.what),
            )
            .because(error)
            .say(format!("`{subcommand}` was not run."))
        })?;
    }
    Ok(())
}

fn unfit(subcommand: &str, first: &Finding, others: &[&Finding]) -> Failure {
    let mut failure =
        Failure::new(Exit::Refused, format!("`{}` could not work: {}", first.service, first.what))
            .say(format!("{}.", describe::sentence(&first.why)));
    if let Some(command) = &first.suggest {
        failure = failure.run("To mend it", command);
    }
    for finding in others {
        failure = failure.say(format!("`{}`: {}.", finding.service, finding.what));
        if let Some(command) = &finding.suggest {
            failure = failure.run("To mend it", command);
        }
    }
    failure.say(format!("`{subcommand}` was not run."))
}

/// After the services were started: is everything there that was there at the last stop?
pub(super) async fn after(stack: &mut Stack<'_>, exit: Exit) -> Result<Exit, Failure> {
    stack.refresh().await.map_err(stack::no_engine)?;
    let services = reached(stack);
    comparing::all(stack, services.as_ref()).await?;
    Ok(exit)
}

/// An attached `up` lasts as long as the user looks at it, so the comparison runs beside it.
pub(super) async fn beside(
    stack: &mut Stack<'_>,
    command: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let asked = stack.asked;
    let services = reached(stack);
    tokio::pin!(command);
    let comparison = async { comparing::once_running(stack, services.as_ref()).await };
    tokio::pin!(comparison);
    let verdict = tokio::select! {
        exit = &mut command => return exit,
        verdict = &mut comparison => verdict,
    };
    if let Err(failure) = &verdict {
        asked.ui.failure(failure);
    }
    let exit = command.await?;
    match verdict {
        // Compose's own failure says more than ours.
        Err(failure) if exit == Exit::Compose(0) => Ok(failure.exit),
        Err(_) | Ok(()) => Ok(exit),
    }
}

fn reached(stack: &Stack<'_>) -> Option<BTreeSet<String>> {
    let reading = &stack.asked.reading;
    let subcommand = subcommand(stack);
    let dependencies = subcommand != "restart" && !reading.is_set("no-deps");
    reach::services(subcommand, &reading.operands, stack.project.whole_model(), dependencies)
}

fn subcommand<'a>(stack: &Stack<'a>) -> &'a str {
    stack.asked.reading.subcommand.as_deref().unwrap_or_default()
}
