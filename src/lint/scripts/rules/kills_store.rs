//! `--timeout 0`, and `kill`.

use super::{Hit, Scene, rule};
use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::{EngineReading, Reading};
use crate::compose::subcommand::GuardedCommand;
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
    let of_engine = || scene.commands.engine.as_ref().and_then(by_engine);
    let how = scene.commands.compose.iter().find_map(by_compose).or_else(of_engine)?;
    Some(Hit {
        severity: Severity::Warning,
        message: format!("`{how}` ends a store before it has written everything"),
        help: "Let it stop by itself, and give a slow one a longer `stop_grace_period` in the Compose file."
            .into(),
    })
}

fn by_compose(reading: &Reading) -> Option<String> {
    use GuardedCommand as G;
    let command = reading.guarded()?;
    match command {
        G::Down | G::Stop | G::Restart | G::Up | G::Scale => without_timeout(reading, command.name()),
        G::Kill => kills(reading).then(|| command.name().to_owned()),
        G::Cp | G::Create | G::Rm | G::Run | G::Start | G::Wait | G::Watch => None,
    }
}

fn by_engine(engine: &EngineReading) -> Option<String> {
    use EngineCommand as E;
    let EngineReading { command, reading } = engine;
    match command {
        E::Stop | E::Restart => without_timeout(reading, command.name()),
        E::Kill => kills(reading).then(|| command.name().to_owned()),
        E::Rm | E::VolumeRm | E::VolumePrune | E::SystemPrune | E::SystemReset => None,
    }
}

fn without_timeout(reading: &Reading, command: &str) -> Option<String> {
    let seconds = reading.value("timeout")?;
    (seconds.parse() == Ok(0_u64)).then(|| format!("{command} --timeout 0"))
}

fn kills(reading: &Reading) -> bool {
    let signal = reading.value("signal").unwrap_or("KILL");
    matches!(signal.trim_start_matches("SIG"), "KILL" | "9")
}
