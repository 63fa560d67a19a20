//! How Compose and `docker` would read a call.

use std::ffi::OsString;

use super::calls::ScriptCall;
use super::shell::ShellArgument;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, EngineReading, Invocation, Reading, read_engine};

/// Each argument that may expand to nothing is tried with and without it. Of more than this, only all or none are.
const MAX_OPEN: usize = 4;

/// The possible readings of a call.
#[derive(Debug, Default)]
pub(super) struct CallReadings {
    /// As Compose reads it: in each grammar that may apply, with and without the unknown arguments.
    pub compose: Vec<Reading>,
    /// As `docker` itself reads it.
    pub engine: Option<EngineReading>,
}

/// Reads a call. There are no readings of another program, nor of a call that only prints help.
pub(super) fn read(call: &ScriptCall) -> CallReadings {
    let (caller, grammars): (_, &[Grammar]) = match call.program.as_str() {
        "docker" | "podman" | "nerdctl" => (Caller::Docker, &[Grammar::V2]),
        "docker-compose" | "podman-compose" => (Caller::Person, &[Grammar::V2, Grammar::V1]),
        _ => return CallReadings::default(),
    };
    let mut readings = CallReadings::default();
    for words in variants(&call.arguments) {
        if caller == Caller::Docker && readings.engine.is_none() {
            readings.engine = read_engine(&words).filter(|engine| !engine.reading.wants_help());
        }
        let Ok(invocation) = Invocation::parse_from(caller, words) else { continue };
        let found = grammars.iter().map(|grammar| invocation.read(*grammar));
        readings.compose.extend(found.filter(Reading::may_act));
    }
    readings
}

/// The arguments, with and without each of those that may expand to nothing.
fn variants(arguments: &[ShellArgument]) -> Vec<Vec<OsString>> {
    let open: Vec<usize> = (0..arguments.len()).filter(|at| arguments[*at].open).collect();
    let masks = if open.len() > MAX_OPEN { vec![0, usize::MAX] } else { (0..1 << open.len()).collect() };
    let left_out = |mask: usize, at: usize| {
        open.iter().position(|other| *other == at).is_some_and(|bit| mask >> bit.min(MAX_OPEN) & 1 == 1)
    };
    masks
        .into_iter()
        .map(|mask| {
            let kept = arguments.iter().enumerate().filter(|(at, _)| !left_out(mask, *at));
            kept.map(|(_, argument)| OsString::from(argument.as_str())).collect()
        })
        .collect()
}
