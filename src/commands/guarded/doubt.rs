//! Flags that we do not know: the Compose at hand is asked whether it does.
//!
//! Nothing can run by it: `--help` stands right behind the subcommand, or there is no subcommand at all.

use std::ffi::OsString;

use crate::commands::context::CommandContext;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Invocation, Reading};
use crate::env;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, Capture};

/// What became of the doubts about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    /// Compose does not know the flag either, and will say so itself.
    Refused,
    /// It takes a flag that we do not know.
    Unknown(String),
}

pub(super) async fn settle(command: &CommandContext) -> Result<Doubt, Failure> {
    let reading = &command.reading;
    let Some(doubt) = reading.doubts.first().filter(|_| reading.grammar == Grammar::V2) else {
        return Ok(Doubt::None);
    };
    let Some(args) = question(reading, &command.words) else {
        return Ok(Doubt::Unknown(doubt.clone()));
    };
    let program = command.binary.path.clone();
    let env_remove: &[&str] = match reading.caller {
        Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
        Caller::Docker => &[env::PLUGIN_SOCKET],
    };
    let output = tokio::task::spawn_blocking(move || {
        process::capture(&Capture { program: &program, args: &args, env_remove, stdin: None })
    })
    .await
    .map_err(|error| Failure::new(Exit::Internal, "asking Compose about a flag failed").because(error))?
    .map_err(|error| Failure::new(Exit::Unavailable, "Compose cannot be run").because(error))?;
    Ok(if output.code == 0 { Doubt::Unknown(doubt.clone()) } else { Doubt::Refused })
}

/// The words that make Compose read the doubtful flag, and do nothing.
fn question(reading: &Reading, words: &[OsString]) -> Option<Vec<OsString>> {
    let prefixes: Vec<Reading> = (1..=words.len())
        .map(|length| {
            let prefix = Invocation::parse_from(reading.caller, words[..length].to_vec()).ok()?;
            Some(prefix.read(reading.grammar))
        })
        .collect::<Option<_>>()?;
    let doubtful = prefixes.iter().position(|prefix| {
        // A prefix may lack a value that the whole has.
        prefix.doubts.iter().any(|doubt| reading.doubts.contains(doubt))
    })?;
    let subcommand = prefixes.iter().position(|prefix| prefix.subcommand.is_some());
    let help = OsString::from("--help");
    match subcommand.filter(|at| *at <= doubtful) {
        // Before a subcommand the flag decides which word that is, so none is options.
        None => Some(words[..=doubtful].iter().cloned().chain([help]).collect()),
        Some(at) => {
            let (before, behind) = words.split_at(at + 1);
            Some(before.iter().cloned().chain([help]).chain(behind.iter().cloned()).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let reading = Invocation::parse(words.clone()).expect("sound").read(Grammar::V2);
        assert!(!reading.doubts.is_empty(), "{line}");
        let question = question(&reading, &words)?;
        Some(question.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn help_stands_before_anything_that_could_run() {
        assert_eq!(asked("down --new -v").as_deref(), Some("down --help --new -v"));
        assert_eq!(
            asked("-p down down -v --new -- db").as_deref(),
            Some("-p down down --help -v --new -- db")
        );
        assert_eq!(asked("run --new db sh -c down").as_deref(), Some("run --help --new db sh -c down"));
    }

    #[test]
    fn a_doubt_before_the_subcommand_is_asked_without_one() {
        assert_eq!(asked("--new down -v").as_deref(), Some("--new --help"));
        assert_eq!(asked("-f a.yml --new x down -v").as_deref(), Some("-f a.yml --new --help"));
    }
}
