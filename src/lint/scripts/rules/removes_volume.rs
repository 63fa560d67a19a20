//! `volume rm`, and `rm --volumes`.

use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::EngineReading;
use crate::compose::subcommand::GuardedCommand;
use crate::lint::finding::LintSeverity;
use crate::lint::rule::{FindingDraft, RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;

rule! {
    /// Finds a script that deletes a volume: `volume rm`, `rm --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker volume rm` deletes a volume with all its data. `docker compose rm -v` and `docker rm -v` delete the
    /// anonymous volumes of the containers that they remove.
    ///
    /// Images keep their data in an anonymous volume if nothing is mounted at their data path.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker volume ls -q | xargs docker volume rm
    /// docker compose rm -fsv db
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker volume ls -q
    /// docker compose rm -fs db
    /// ```
    "script-removes-volume", Error, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    if let Some(EngineReading { command, reading }) = &context.readings.engine {
        match command {
            EngineCommand::VolumeRm => {
                report
                    .add(context.span(), "`volume rm` deletes the volume with all its data, without asking")
                    .help("Back up the volume first, or delete it by hand.");
                return;
            }
            EngineCommand::Rm if reading.is_set("volumes") => {
                report_anonymous(context, report).severity(LintSeverity::Warning);
                return;
            }
            EngineCommand::Rm
            | EngineCommand::VolumePrune
            | EngineCommand::SystemPrune
            | EngineCommand::SystemReset
            | EngineCommand::Stop
            | EngineCommand::Restart
            | EngineCommand::Kill => {}
        }
    }
    let removes = context
        .readings
        .compose
        .iter()
        .any(|reading| reading.guarded() == Some(GuardedCommand::Rm) && reading.is_set("volumes"));
    if removes {
        report_anonymous(context, report);
    }
}

fn report_anonymous<'a>(context: &CallContext<'_>, report: &'a mut RuleReport) -> &'a mut FindingDraft {
    report
        .add(
            context.span(),
            "`rm --volumes` deletes the anonymous volumes of the containers with all their data",
        )
        .help("Remove `-v`. Keep important data in a named volume.")
}
