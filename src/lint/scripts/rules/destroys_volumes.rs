//! `down --volumes`.

use crate::lint::rule::{RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;

rule! {
    /// Finds a script that deletes the volumes of a project: `down --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker compose down --volumes` deletes every named volume of the project, and the anonymous volumes of its
    /// containers, without asking. The data cannot be recovered.
    ///
    /// A script runs again and again: on the machine of everybody who types `make clean`, and one day on the server.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker compose -f compose.prod.yml down -v
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker compose -f compose.prod.yml down
    /// ```
    ///
    /// `safe-compose down -v` shows what would be lost, backs it up, and asks first. If the data is disposable, as in a test,
    /// say so in a comment: `# safe-compose: ignore[script-destroys-volumes] data of a single test run`.
    "script-destroys-volumes", Error, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    let Some(reading) = context.readings.compose.iter().find(|reading| reading.deletes_volumes()) else {
        return;
    };
    let effect = match &reading.globals.project_name {
        // Without a file Compose only looks at labels.
        Some(_) if reading.globals.files.is_empty() => {
            "deletes every volume with the label of the project, even of services that are in no file any more"
        }
        _ => "deletes the volumes of the project with all their data, without asking",
    };
    report
        .add(context.span(), format!("`down --volumes` {effect}"))
        .help("Remove the flag, or use `safe-compose`, which backs up the data and asks first.");
}
