//! The preflight checks of the services that a command starts.

use crate::backup::restore_lock::{self, RestoreState};
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::commands::mode::Apply;
use crate::commands::versions::{self, VersionStep};
use crate::compose::actions::MountOrigin;
use crate::error::Failure;
use crate::exit::Exit;
use crate::preflight::{self, CheckFinding, CheckSeverity, Start};

/// The findings, if the command starts services. `versions` are those of [`versions::steps_of_start`].
pub(super) async fn findings(cx: &ProjectContext<'_>, versions: &[VersionStep]) -> Option<Vec<CheckFinding>> {
    let reading = &cx.command.reading;
    if !reading.starts_services() {
        return None;
    }
    let services = cx.scope().started();
    let input = preflight::Input {
        services: services.as_ref(),
        model: cx.project.model.as_ref(),
        inventory: &cx.inventory,
        engine: cx.engine.as_ref(),
        start: match reading.mount_origin() {
            MountOrigin::Containers => Start::AsCreated,
            MountOrigin::File => Start::AsDeclared,
        },
    };
    let mut findings = preflight::examine(input).await;
    findings.extend(versions::findings(cx, versions));
    Some(findings)
}

/// Checks every data mount of the services that the command starts, creates missing directories, and refuses to start a
/// service that cannot work.
pub(super) async fn check(
    cx: &ProjectContext<'_>,
    _: Apply,
    versions: &[VersionStep],
) -> Result<(), Failure> {
    let Some(findings) = findings(cx, versions).await else { return Ok(()) };
    let command = cx.command.reading.name();
    let ui = cx.ui();
    let is_waived = cx.command.safe.skip_checks;
    refuse_during_restore(cx)?;
    let is_reported = |finding: &&CheckFinding| match finding.severity {
        CheckSeverity::Warn => true,
        CheckSeverity::Stop => is_waived,
        CheckSeverity::Repair | CheckSeverity::Note => false,
    };
    for finding in findings.iter().filter(is_reported) {
        ui.warn(format::finding(finding));
    }
    let errors: Vec<&CheckFinding> =
        findings.iter().filter(|finding| finding.severity == CheckSeverity::Stop).collect();
    if let Some((first, others)) = errors.split_first().filter(|_| !is_waived) {
        let anyway = cx.suggest().again("--safe-skip-checks", &cx.command.words);
        return Err(failed(command, first, others).run("To start anyway", anyway));
    }
    for finding in findings {
        let Some(repair) = finding.repair else { continue };
        ui.say(format!("{}: {}; creating it.", finding.service, finding.what));
        repair.apply().map_err(|error| {
            Failure::new(
                Exit::Refused,
                format!("`{}`: {}, and it cannot be created", finding.service, finding.what),
            )
            .because(error)
            .say(format!("`{command}` was not run."))
        })?;
    }
    Ok(())
}

/// A service is not started while its files are being replaced, nor after an interrupted restore that nobody has finished.
fn refuse_during_restore(cx: &ProjectContext<'_>) -> Result<(), Failure> {
    let services = cx.scope().started();
    let is_started = |service: &String| services.as_ref().is_none_or(|services| services.contains(service));
    let command = cx.command.reading.name();
    let not_run = format!("`{command}` was not run.");
    for store in cx.inventory.stores.iter().filter(|store| is_started(&store.service)) {
        let service = &store.service;
        match restore_lock::state(&cx.root, &store.id) {
            RestoreState::None => {}
            RestoreState::Running { backup } => {
                return Err(Failure::new(
                    Exit::Refused,
                    format!("`{service}` is being restored from `{backup}`"),
                )
                .say(format!("{not_run} Run it again when the restore has ended.")));
            }
            RestoreState::Interrupted { backup } if cx.command.safe.skip_checks => {
                cx.ui().warn(format!("the restore of `{service}` from `{backup}` was interrupted."));
            }
            RestoreState::Interrupted { backup } => {
                let anyway = cx.suggest().again("--safe-skip-checks", &cx.command.words);
                return Err(Failure::new(
                    Exit::Refused,
                    format!("the restore of `{service}` from `{backup}` was interrupted"),
                )
                .say(not_run)
                .run("To finish it", cx.suggest().restore(&backup))
                .run("To start with the data that is there", anyway));
            }
        }
    }
    Ok(())
}

fn failed(command: &str, first: &CheckFinding, others: &[&CheckFinding]) -> Failure {
    let mut failure =
        Failure::new(Exit::Refused, format!("`{}` would not work: {}", first.service, first.what))
            .say(format!("{}.", format::sentence(&first.why)));
    if let Some(command) = &first.suggest {
        failure = failure.run("To fix it", command);
    }
    for finding in others {
        failure = failure.say(format!("`{}`: {}.", finding.service, finding.what));
        if let Some(command) = &finding.suggest {
            failure = failure.run("To fix it", command);
        }
    }
    failure.say(format!("`{command}` was not run."))
}
