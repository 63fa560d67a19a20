//! Shell completion scripts for our own commands and Compose's together.
//!
//! clap_complete writes the part for our own commands. What surrounds it asks the real Compose for everything else, through
//! the `__complete` command that every Cobra program has, so that the words are those of the Compose at hand.

mod bash;
mod fish;
mod nushell;
mod zsh;

use clap::Command;
use clap_complete::Generator;

use super::{OwnCli, Shell};
use crate::compose::grammar::{FlagSpec, Grammar};

/// The name of clap's part, since the surrounding function has the program's. clap's script for bash does not work for a
/// name with a hyphen.
const OWN: &str = "safe_compose_own";

/// Our flags that stand among Compose's.
const SAFE_FLAGS: &[(&str, &str)] = &[
    ("--safe-plan", "Show how the command would affect data, without running it"),
    ("--safe-format=json", "Print plans and results as JSON"),
    ("--safe-skip-backup", "Run the command without making a backup first"),
    ("--safe-skip-checks", "Start services even if the checks of their data fail"),
    ("--safe-allow=", "Skip the prompt with a token"),
    ("--safe-help", "Print help"),
    ("--safe-version", "Print the version"),
];

/// The completion script for a shell.
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash::script(),
        Shell::Zsh => zsh::script(),
        Shell::Fish => fish::script(),
        Shell::Nushell => nushell::script(),
    }
}

/// clap's script for our own commands, for a program of this name.
fn generate(generator: impl Generator, name: &str) -> String {
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut grammar(), name, &mut script);
    String::from_utf8(script).expect("clap writes UTF-8")
}

fn grammar() -> Command {
    use clap::CommandFactory as _;
    OwnCli::command()
}

/// The visible commands with their one-line help.
fn commands() -> Vec<(String, String)> {
    grammar()
        .get_subcommands()
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            (command.get_name().to_owned(), about)
        })
        .collect()
}

/// Compose's global flags whose value is the next word: the word after one of them is no command.
fn flags_with_value() -> Vec<String> {
    let tables = [Grammar::V2.root(), Grammar::V2.everywhere(), crate::compose::grammar::DOCKER_ROOT];
    let spellings = |flag: &FlagSpec| {
        let short = flag.short.map(|short| format!("-{short}"));
        flag.long_names().map(|long| format!("--{long}")).chain(short).collect::<Vec<_>>()
    };
    let mut flags: Vec<String> = tables
        .iter()
        .flat_map(|table| table.iter())
        .filter(|flag| flag.arity.takes_value() && !flag.hidden)
        .flat_map(spellings)
        .collect();
    flags.sort();
    flags.dedup();
    flags
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::compose::invocation::{OWN_COMMANDS, SafeFlags};
    use crate::compose::subcommand::GuardedCommand;

    #[test]
    fn every_script_has_our_commands_and_flags_and_asks_compose() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for own in OWN_COMMANDS {
                assert!(script.contains(own), "{shell:?}: {own}");
            }
            for (flag, _) in SAFE_FLAGS {
                assert!(script.contains(flag), "{shell:?}: {flag}");
            }
            assert!(script.contains("__complete"), "{shell:?}");
        }
    }

    #[test]
    fn the_flags_are_those_that_the_parser_knows() {
        for (flag, _) in SAFE_FLAGS {
            let word = if *flag == "--safe-allow=" { "--safe-allow=0a1b" } else { flag };
            let words = vec![word.into(), GuardedCommand::Up.name().into()];
            let invocation = crate::compose::invocation::Invocation::parse(words).expect("a known flag");
            assert_ne!(*invocation.safe(), SafeFlags::default(), "{flag}");
        }
    }

    #[test]
    fn flags_with_a_value_are_found() {
        let flags = flags_with_value();
        for flag in ["-f", "--file", "-p", "--profile", "--context"] {
            assert!(flags.iter().any(|known| known == flag), "{flag}: {flags:?}");
        }
        assert!(flags.iter().all(|flag| flag != "--dry-run"), "{flags:?}");
    }
}
