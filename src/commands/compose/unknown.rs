//! Flags and subcommands that this program does not know: the installed Compose is asked whether it does.
//!
//! The question can run nothing: `--help` follows the subcommand directly, or there is no subcommand.

use std::ffi::OsString;

use crate::commands::context::CommandContext;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Invocation, Reading};
use crate::compose::subcommand::Subcommand;
use crate::env;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, Capture, Output};

/// Whether a command has a flag or a subcommand that is in no table, and what Compose does with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    Nothing,
    /// Compose does not know it either and prints an error.
    RejectedByCompose,
    /// Compose knows it: ``flag `--new` ``.
    AcceptedByCompose(String),
}

pub(super) async fn ask_compose(command: &CommandContext) -> Result<Unknown, Failure> {
    let reading = &command.reading;
    // V1 is finished: no version has more than the table.
    if reading.grammar == Grammar::V1 {
        return Ok(Unknown::Nothing);
    }
    if let Some(issue) = reading.parse_issues.first() {
        let feature = issue.strip_prefix("unknown ").unwrap_or(issue).to_owned();
        let Some(args) = flag_question(reading, &command.words) else {
            return Ok(Unknown::AcceptedByCompose(feature));
        };
        let output = ask(command, args).await?;
        return Ok(if output.code == 0 {
            Unknown::AcceptedByCompose(feature)
        } else {
            Unknown::RejectedByCompose
        });
    }
    match &reading.subcommand {
        Some(Subcommand::Unknown(name)) => {
            let args = subcommand_question(reading, name);
            let output = ask(command, args).await?;
            Ok(if has_help_of(&output) {
                Unknown::AcceptedByCompose(format!("subcommand `{name}`"))
            } else {
                Unknown::RejectedByCompose
            })
        }
        Some(Subcommand::Guarded(_) | Subcommand::Harmless(_)) | None => Ok(Unknown::Nothing),
    }
}

async fn ask(command: &CommandContext, args: Vec<OsString>) -> Result<Output, Failure> {
    let program = command.binary.path.clone();
    let env_remove: &[&str] = match command.reading.caller {
        Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
        Caller::Docker => &[env::PLUGIN_SOCKET],
    };
    tokio::task::spawn_blocking(move || {
        process::capture(&Capture { program: &program, args: &args, env_remove, stdin: None })
    })
    .await
    .map_err(|error| Failure::new(Exit::Internal, "asking Compose for its help failed").because(error))?
    .map_err(|error| Failure::new(Exit::Unavailable, "Compose cannot be run").because(error))
}

/// The arguments that make Compose parse the unknown flag and do nothing.
fn flag_question(reading: &Reading, words: &[OsString]) -> Option<Vec<OsString>> {
    let prefixes: Vec<Reading> = (1..=words.len())
        .map(|length| {
            let prefix = Invocation::parse_from(reading.caller, words[..length].to_vec()).ok()?;
            Some(prefix.read(reading.grammar))
        })
        .collect::<Option<_>>()?;
    let unknown = prefixes.iter().position(|prefix| {
        // A prefix may lack a value that the full command has.
        prefix.parse_issues.iter().any(|issue| reading.parse_issues.contains(issue))
    })?;
    let subcommand = prefixes.iter().position(|prefix| prefix.subcommand.is_some());
    let help = OsString::from("--help");
    match subcommand.filter(|at| *at <= unknown) {
        // The flag decides which word is the subcommand, so the question has none.
        None => Some(words[..=unknown].iter().cloned().chain([help]).collect()),
        Some(at) => {
            let (before, after) = words.split_at(at + 1);
            Some(before.iter().cloned().chain([help]).chain(after.iter().cloned()).collect())
        }
    }
}

/// The arguments that make Compose print the help of a subcommand.
fn subcommand_question(reading: &Reading, name: &str) -> Vec<OsString> {
    let globals = reading.globals.argv.iter().cloned();
    globals.chain([OsString::from(name), OsString::from("--help")]).collect()
}

/// Whether Compose printed the help of this subcommand, rather than an error or its general help, whose usage line is
/// `docker compose [OPTIONS] COMMAND`. Any other output counts as the subcommand's.
fn has_help_of(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stdout);
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage:"));
    let is_general = usage.is_some_and(|usage| {
        let mut words = usage.split_whitespace().skip_while(|word| !word.ends_with("compose")).skip(1);
        words.next() == Some("[OPTIONS]") && words.next() == Some("COMMAND") && words.next().is_none()
    });
    output.code == 0 && !is_general
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let reading = Invocation::parse(words.clone()).expect("valid").read(Grammar::V2);
        assert!(!reading.parse_issues.is_empty(), "{line}");
        let question = flag_question(&reading, &words)?;
        Some(question.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn help_precedes_anything_that_could_run() {
        assert_eq!(asked("down --new -v").as_deref(), Some("down --help --new -v"));
        assert_eq!(
            asked("-p down down -v --new -- db").as_deref(),
            Some("-p down down --help -v --new -- db")
        );
        assert_eq!(asked("run --new db sh -c down").as_deref(), Some("run --help --new db sh -c down"));
    }

    #[test]
    fn an_unknown_flag_before_the_subcommand_is_asked_about_without_one() {
        assert_eq!(asked("--new down -v").as_deref(), Some("--new --help"));
        assert_eq!(asked("-f a.yml --new x down -v").as_deref(), Some("-f a.yml --new --help"));
    }

    fn output(code: i32, stdout: &str) -> Output {
        Output { code, stdout: stdout.into(), stderr: Vec::new() }
    }

    #[test]
    fn only_the_general_help_means_that_a_subcommand_is_unknown() {
        for general in
            ["Usage:  docker compose [OPTIONS] COMMAND\n", "\nUsage:\tdocker-compose [OPTIONS] COMMAND\n"]
        {
            assert!(!has_help_of(&output(0, general)), "{general}");
        }
        for own in [
            "Usage:  docker compose purge [OPTIONS] [SERVICE...]\n",
            "Usage:  docker compose purge [OPTIONS] COMMAND\n",
            "something unexpected",
        ] {
            assert!(has_help_of(&output(0, own)), "{own}");
            assert!(!has_help_of(&output(16, own)), "Compose refuses it");
        }
    }
}
