//! `volume prune`, and `system prune --volumes`.

use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::EngineReading;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;

rule! {
    /// Finds a script that deletes all unused volumes: `volume prune`, `system prune --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker volume prune` and `docker system prune --volumes` delete every volume that no container uses at that
    /// moment. A project that is down uses none of its volumes.
    ///
    /// Up to Docker 22 these commands also delete named volumes. Since Docker 23 they only delete anonymous ones,
    /// unless `volume prune` has `--all`. A script may run with either version.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker system prune -af --volumes
    /// docker volume prune --force
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker system prune -af
    /// docker image prune --force
    /// ```
    "script-prunes-volumes", Error, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    let Some(message) = context.readings.engine.as_ref().and_then(effect) else { return };
    report.add(context.span(), message).help(
        "Prune only images, containers and networks. `safe-compose protect` protects the volumes of a project from every \
         prune.",
    );
}

fn effect(engine: &EngineReading) -> Option<&'static str> {
    let EngineReading { command, reading } = engine;
    match command {
        EngineCommand::VolumePrune if reading.is_set("all") => {
            Some("`volume prune --all` deletes every volume that no container uses, including named ones")
        }
        EngineCommand::VolumePrune => Some(
            "`volume prune` deletes the volumes that no container uses, before Docker 23 including named ones",
        ),
        EngineCommand::SystemPrune if reading.is_set("volumes") => Some(
            "`system prune --volumes` deletes the volumes that no container uses, before Docker 23 including named ones",
        ),
        EngineCommand::SystemReset => Some("`system reset` deletes every volume of this user"),
        EngineCommand::SystemPrune
        | EngineCommand::VolumeRm
        | EngineCommand::Rm
        | EngineCommand::Stop
        | EngineCommand::Restart
        | EngineCommand::Kill => None,
    }
}
