//! Parses one of our own commands.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use super::{OwnCli, OwnCommand};
use crate::compose::grammar::{FlagSpec, Grammar, by_long, by_short};

/// The grammar of our own commands, complete with the names of commands below others.
pub fn command(program: &str) -> clap::Command {
    let mut command = grammar(program);
    command.build();
    command
}

/// Usage lines, errors and examples in the form in which the user called us.
fn grammar(program: &str) -> clap::Command {
    OwnCli::command().bin_name(program).mut_subcommands(|command| {
        match command.get_after_long_help().map(ToString::to_string) {
            Some(examples) => {
                command.after_long_help(examples.replace("$ safe-compose ", &format!("$ {program} ")))
            }
            None => command,
        }
    })
}

/// Parses a command word and what follows it. The error is a usage error, or the help that was asked for.
pub fn parse(program: &str, word: OsString, rest: Vec<OsString>) -> Result<OwnCommand, clap::Error> {
    let name = word.to_string_lossy().into_owned();
    let words = [OsString::from(program), word].into_iter().chain(rest);
    let mut command = grammar(program);
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(|error| with_useful_hint(error, &format!("{program} FLAG {name}")))?;
    OwnCli::from_arg_matches(&matches).map(|cli| cli.command).map_err(|error| error.format(&mut command))
}

/// For an unknown flag: where it belongs if it is a global flag of Compose. `line` is a command line with `FLAG` in its place.
/// That it could be passed as a value (`-- --flag`) is left out: no service, backup or volume is called like a flag.
fn with_useful_hint(mut error: clap::Error, line: &str) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let as_value = format!("'-- {flag}'");
    let of_compose = global_flag(flag).map(|spec| {
        let value = if spec.arity.takes_value() { " …" } else { "" };
        let line = line.replace("FLAG", &format!("{flag}{value}"));
        format!("'{flag}' is a flag of Compose, and goes before the command: '{line}'").into()
    });
    let others = match error.remove(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(hints)) => hints,
        Some(_) | None => Vec::new(),
    };
    let others = others.into_iter().filter(|hint| !hint.to_string().contains(&as_value));
    let hints: Vec<_> = of_compose.into_iter().chain(others).collect();
    if !hints.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(hints));
    }
    error
}

/// The global flag of a Compose that is spelled like this.
fn global_flag(flag: &str) -> Option<&'static FlagSpec> {
    let tables = [Grammar::V2.root(), Grammar::V1.root()];
    match flag.strip_prefix("--") {
        Some(name) => by_long(&tables, name),
        None => by_short(&tables, flag.chars().nth(1)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn error(program: &str, line: &str) -> String {
        let mut words = words(line);
        let word = words.remove(0);
        parse(program, word, words).expect_err("a usage error or help").render().to_string()
    }

    #[test]
    fn usage_and_errors_name_the_program_as_it_was_called() {
        for program in ["safe-compose", "docker-compose", "docker compose"] {
            for line in ["backup --nonsense", "backup --help", "backups show", "unprotect"] {
                let text = error(program, line);
                let command = line.split(" --").next().expect("a command");
                assert!(text.contains(&format!("Usage: {program} {command}")), "{text}");
            }
            assert!(
                error(program, "backup --help").contains(&format!("  $ {program} backup qdrant --prove"))
            );
        }
    }

    #[test]
    fn a_flag_of_compose_is_explained() {
        let text = error("docker compose", "backup --prove -p shop");
        let hint = "'-p' is a flag of Compose, and goes before the command: 'docker compose -p … backup'";
        assert!(text.contains(hint), "{text}");
        assert!(
            error("safe-compose", "status --compatibility").contains("'safe-compose --compatibility status'")
        );
        for line in ["backup --nonsense", "status -f x.yaml", "restore --project-name shop"] {
            let text = error("safe-compose", line);
            assert!(!text.contains("as a value"), "{text}");
        }
        assert!(error("safe-compose", "backups --dry-run prune").contains("'prune --dry-run' exists"));
        assert!(error("safe-compose", "backup --dry-rn").contains("'--dry-run'"));
    }

    #[test]
    fn old_spellings_still_parse() {
        for line in
            ["backup --format jsonl", "backup --format snapshot", "restore x.jsonl.zst", "import x.json"]
        {
            let mut words = words(line);
            let word = words.remove(0);
            assert!(parse("safe-compose", word, words).is_ok(), "{line}");
        }
        assert!(error("safe-compose", "backup --json").contains("unexpected argument '--json'"));
    }
}
