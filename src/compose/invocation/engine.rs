//! Commands of `docker` itself that can lose data, such as `docker volume rm`; only lint reads them.

use std::ffi::OsString;

use super::pflag::{Interspersed, lossy, parse};
use super::reading::ParsedFlag;
use super::{Caller, Reading};
use crate::compose::grammar::{DOCKER_ROOT, EngineCommand, Grammar};

/// A command of `docker` itself, with its flags and operands. The reading has no subcommand: it is not Compose's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReading {
    pub command: EngineCommand,
    pub reading: Reading,
}

/// Reads the arguments of `docker`; `None` for a command that cannot lose data.
pub fn read_engine(words: &[OsString]) -> Option<EngineReading> {
    let docker = parse(words, &[DOCKER_ROOT], Interspersed::No);
    let operands: Vec<&str> = docker.operands.iter().map_while(|word| word.to_str()).take(2).collect();
    let (command, length) = EngineCommand::find(&operands)?;
    let parsed =
        parse(&docker.operands[length..], &[command.flags(), Grammar::V2.everywhere()], Interspersed::Yes);
    let mut reading = Reading::empty(Grammar::V2, Caller::Docker);
    reading.globals.take(&docker.flags);
    reading.flags = parsed.flags.iter().map(ParsedFlag::flag).collect();
    reading.operands = parsed.operands.iter().map(lossy).collect();
    reading.parse_issues = docker.issues.into_iter().chain(parsed.issues).collect();
    Some(EngineReading { command, reading })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Option<EngineCommand> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        read_engine(&words).map(|read| read.command)
    }

    #[test]
    fn groups_and_aliases_lead_to_the_same_command() {
        for (line, expected) in [
            ("rm -v db", EngineCommand::Rm),
            ("container rm -v db", EngineCommand::Rm),
            ("container remove db", EngineCommand::Rm),
            ("-H tcp://x volume rm data", EngineCommand::VolumeRm),
            ("volume remove data", EngineCommand::VolumeRm),
            ("volume prune", EngineCommand::VolumePrune),
            ("system prune -a", EngineCommand::SystemPrune),
            ("container kill db", EngineCommand::Kill),
        ] {
            assert_eq!(command(line), Some(expected), "{line}");
        }
        for line in ["", "ps", "volume ls", "volume", "container ls", "image rm x", "volume remove-me x"] {
            assert_eq!(command(line), None, "{line}");
        }
    }
}
