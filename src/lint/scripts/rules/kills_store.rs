//! `--timeout 0`, and `kill`.

use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::{EngineReading, Reading};
use crate::compose::subcommand::GuardedCommand;
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
    let by_engine = || context.readings.engine.as_ref().and_then(by_engine);
    let Some(command) = context.readings.compose.iter().find_map(by_compose).or_else(by_engine) else {
        return;
    };
    report
        .add(context.span(), format!("`{command}` kills a database before it has written all data"))
        .help("Let it stop by itself. If it is slow, set a longer `stop_grace_period` in the Compose file.");
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
