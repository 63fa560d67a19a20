//! Parses one of our own commands.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::{OwnCli, OwnCommand};

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
    let words = [OsString::from(program), word].into_iter().chain(rest);
    let mut command = grammar(program);
    let matches = command.try_get_matches_from_mut(words)?;
    OwnCli::from_arg_matches(&matches).map(|cli| cli.command).map_err(|error| error.format(&mut command))
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
