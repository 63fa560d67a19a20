//! `--timeout 0`, and `kill`.

use super::{Hit, Scene, rule};
use crate::compose::invocation::Reading;
use crate::lint::finding::Severity;

rule! {
    /// Finds a script that ends a store before it has written everything: `--timeout 0`, `kill`.
    ///
    /// ## Why it matters
    ///
    /// A stop with `--timeout 0` or a `kill` ends a server at once, without letting it write what it still holds in memory.
    ///
    /// Most stores recover; some lose the last seconds, and some have to be repaired.
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
    "script-kills-store", Warning, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    let mut readings = scene.commands.compose.iter().chain(&scene.commands.engine);
    let how = readings.find_map(how)?;
    Some(Hit {
        severity: Severity::Warning,
        message: format!("`{how}` ends a store before it has written everything"),
        help: "Let it stop by itself, and give a slow one a longer `stop_grace_period` in the Compose file."
            .into(),
    })
}

fn how(reading: &Reading) -> Option<String> {
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
