//! `volume prune`, and `system prune --volumes`.

use crate::compose::invocation::Reading;
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

fn effect(reading: &Reading) -> Option<&'static str> {
    let message = match reading.subcommand.as_deref()? {
        "volume prune" if reading.is_set("all") => {
            "`volume prune --all` deletes every volume that no container uses, including named ones"
        }
        "volume prune" => {
            "`volume prune` deletes the volumes that no container uses, before Docker 23 including named ones"
        }
        "system prune" if reading.is_set("volumes") => {
            "`system prune --volumes` deletes the volumes that no container uses, before Docker 23 including named ones"
        }
        "system reset" => "`system reset` deletes every volume of this user",
        _ => return None,
    };
    Some(message)
}
