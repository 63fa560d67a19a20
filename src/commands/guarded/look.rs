//! Looking at the services before they start, while they run, and after they were started.

use std::collections::BTreeSet;

use super::reach;
use crate::commands::context::{self, ProjectContext};
use crate::commands::mode::Apply;
use crate::commands::{format, verify_run};
use crate::error::Failure;
use crate::exit::Exit;
use crate::preflight::{self, Finding, Severity, Start};

/// What the checks before a start find.
pub(super) async fn findings(cx: &ProjectContext<'_>) -> Vec<Finding> {
    let reading = &cx.command.reading;
    let subcommand = subcommand(cx);
    preflight::examine(preflight::Input {
        services: &reach::named(subcommand, &reading.operands),
        model: cx.project.model.as_ref(),
        inventory: &cx.inventory,
        engine: cx.engine.as_ref(),
        start: if matches!(subcommand, "start" | "restart") { Start::AsCreated } else { Start::AsDeclared },
    })
    .await
}

/// Checks every place where a service in reach keeps data, makes missing directories, and stops what cannot work.
pub(super) async fn before(cx: &ProjectContext<'_>, _: Apply) -> Result<(), Failure> {
    let findings = findings(cx).await;
    let subcommand = subcommand(cx);
    let ui = cx.ui();
    let is_waived = cx.command.safe.skip_checks;
    let is_reported = |finding: &&Finding| match finding.severity {
        Severity::Warn => true,
        Severity::Stop => is_waived,
        Severity::Repair | Severity::Note => false,
    };
    for finding in findings.iter().filter(is_reported) {
        ui.warn(format::finding(finding));
    }
    let stops: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Stop).collect();
    if let Some((first, others)) = stops.split_first().filter(|_| !is_waived) {
        let again = cx.suggest().again("--safe-skip-checks", &cx.command.words);
        return Err(
            unfit(subcommand, first, others).run("If you know better, and want it all the same", again)
        );
    }
    for finding in findings {
        let Some(repair) = finding.repair else { continue };
        ui.say(format!("{}: {}; making it.", finding.service, finding.what));
        repair.apply().map_err(|error| {
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
            .say(format!("{}.", format::sentence(&first.why)));
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
pub(super) async fn after(cx: &mut ProjectContext<'_>, exit: Exit) -> Result<Exit, Failure> {
    cx.refresh().await.map_err(context::no_engine)?;
    let services = reached(cx);
    verify_run::all(cx, services.as_ref()).await?;
    Ok(exit)
}

/// An attached `up` lasts as long as the user looks at it, so the comparison runs beside it.
pub(super) async fn beside(
    cx: &mut ProjectContext<'_>,
    running: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let services = reached(cx);
    let command = cx.command;
    tokio::pin!(running);
    let comparison = async { verify_run::once_running(cx, services.as_ref()).await };
    tokio::pin!(comparison);
    let verdict = tokio::select! {
        exit = &mut running => return exit,
        verdict = &mut comparison => verdict,
    };
    if let Err(failure) = &verdict {
        command.ui.failure(failure);
    }
    let exit = running.await?;
    match verdict {
        // Compose's own failure says more than ours.
        Err(failure) if exit == Exit::Compose(0) => Ok(failure.exit),
        Err(_) | Ok(()) => Ok(exit),
    }
}

fn reached(cx: &ProjectContext<'_>) -> Option<BTreeSet<String>> {
    let reading = &cx.command.reading;
    let subcommand = subcommand(cx);
    let dependencies = subcommand != "restart" && !reading.is_set("no-deps");
    reach::services(subcommand, &reading.operands, cx.project.whole_model(), dependencies)
}

fn subcommand<'a>(cx: &ProjectContext<'a>) -> &'a str {
    cx.command.reading.subcommand.as_deref().unwrap_or_default()
}
