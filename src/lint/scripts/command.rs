//! A call of Compose or of `docker`, as those programs understand it.

use std::ffi::OsString;

use super::calls::Call;
use super::shell::Argument;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, EngineReading, Invocation, Reading, read_engine};

/// A word that may be none, or several, is tried both ways; with more of them only all or none.
const MOST_OPEN: usize = 4;

/// What a call may do.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// As Compose reads it: each grammar that may be meant, with and without the words that are unknown.
    pub compose: Vec<Reading>,
    /// As `docker` itself reads it.
    pub engine: Option<EngineReading>,
}

/// Reads a call; nothing, if it is of another program or only prints its help.
pub(super) fn read(call: &Call) -> Commands {
    let (caller, grammars): (_, &[Grammar]) = match call.program.as_str() {
        "docker" | "podman" | "nerdctl" => (Caller::Docker, &[Grammar::V2]),
        "docker-compose" | "podman-compose" => (Caller::Person, &[Grammar::V2, Grammar::V1]),
        _ => return Commands::default(),
    };
    let mut commands = Commands::default();
    for words in variants(&call.arguments) {
        if caller == Caller::Docker && commands.engine.is_none() {
            commands.engine = read_engine(&words).filter(|engine| !engine.reading.wants_help());
        }
        let Ok(invocation) = Invocation::parse_from(caller, words) else { continue };
        let readings = grammars.iter().map(|grammar| invocation.read(*grammar));
        commands.compose.extend(readings.filter(Reading::may_act));
    }
    commands
}

/// The words, with and without each of those that may be nothing at all.
fn variants(arguments: &[Argument]) -> Vec<Vec<OsString>> {
    let open: Vec<usize> = (0..arguments.len()).filter(|at| arguments[*at].open).collect();
    let masks = if open.len() > MOST_OPEN { vec![0, usize::MAX] } else { (0..1 << open.len()).collect() };
    let left_out = |mask: usize, at: usize| {
        open.iter().position(|other| *other == at).is_some_and(|bit| mask >> bit.min(MOST_OPEN) & 1 == 1)
    };
    masks
        .into_iter()
        .map(|mask| {
            let kept = arguments.iter().enumerate().filter(|(at, _)| !left_out(mask, *at));
            kept.map(|(_, argument)| OsString::from(argument.as_str())).collect()
        })
        .collect()
}
