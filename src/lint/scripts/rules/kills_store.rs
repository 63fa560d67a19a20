//! `--timeout 0`, and `kill`.

use crate::compose::invocation::Reading;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;

rule! {
    /// Finds a script that kills a database before it has written all data: `--timeout 0`, `kill`.
    ///
    /// ## Why it matters
    ///
    /// `--timeout 0` and `kill` end a server at once, before it can write what it still has in memory.
    ///
    /// Most databases recover. Some lose the last seconds of data, and some have to be repaired.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker compose down -t 0
    /// docker compose kill db
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker compose down
    /// docker compose kill -s SIGHUP web
    /// ```
    "script-kills-store", Warning, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    let mut readings = context.readings.compose.iter().chain(&context.readings.engine);
    let Some(command) = readings.find_map(killing_command) else { return };
    report
        .add(context.span(), format!("`{command}` kills a database before it has written all data"))
        .help("Let it stop by itself. If it is slow, set a longer `stop_grace_period` in the Compose file.");
}

fn killing_command(reading: &Reading) -> Option<String> {
    let command = reading.subcommand.as_deref()?;
    match command {
        "down" | "stop" | "restart" | "up" | "scale" => {
            let seconds = reading.value("timeout")?;
            (seconds.parse() == Ok(0_u64)).then(|| format!("{command} --timeout 0"))
        }
        "kill" => {
            let signal = reading.value("signal").unwrap_or("KILL");
            matches!(signal.trim_start_matches("SIG"), "KILL" | "9").then(|| "kill".to_owned())
        }
        _ => None,
    }
}
