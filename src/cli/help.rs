//! What `--safe-help` and `help COMMAND` print.

use std::ffi::OsString;

use super::{command, parse};
use crate::compose::invocation::OWN_COMMANDS;

/// Our commands and flags.
pub fn help(program: &str) -> String {
    let own = command(program).render_help().to_string();
    let commands = own.split("Commands:\n").nth(1).unwrap_or_default();
    let commands = commands.split("\n\n").next().unwrap_or_default().trim_end();
    format!(
        "safe-compose {version} runs Docker Compose and prevents accidental data loss.

Usage: {program} [COMPOSE FLAGS] COMMAND …

All commands of Docker Compose work unchanged; `{program} --help` lists them.

Additional commands:
{commands}

`{program} help COMMAND` explains one of them.

Additional flags, before or after a command:
  --safe-plan            Show what the command would do to data, without running it
  --safe-format=json     Print plans and results as JSON
  --safe-skip-backup     Run the command without making a backup first
  --safe-skip-checks     Start services even if the checks of their data fail
  --safe-allow=TOKEN     Skip the prompt; the token is shown when a command is refused
  --safe-help            Print this help
  --safe-version         Print the version",
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// The help of one of our own commands, for `help COMMAND [SUBCOMMAND]`. `None` where the words name none.
pub fn topic(program: &str, words: &[OsString]) -> Option<String> {
    let (word, rest) = words.split_first()?;
    OWN_COMMANDS.iter().find(|own| word == **own)?;
    let rest = rest.iter().cloned().chain([OsString::from("--help")]).collect();
    let error = parse(program, word.clone(), rest).err()?;
    Some(error.render().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::subcommand::GuardedCommand;

    #[test]
    fn every_command_is_listed() {
        let help = help("docker compose");
        for own in OWN_COMMANDS.iter().filter(|own| **own != "import") {
            assert!(help.contains(&format!("\n  {own} ")), "{own}: {help}");
        }
        assert!(help.contains("Usage: docker compose "), "{help}");
    }

    #[test]
    fn a_topic_is_the_long_help_of_a_command() {
        let topic = |line: &str| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            topic("safe-compose", &words)
        };
        assert!(topic("restore").expect("help").contains("Examples:"));
        assert!(topic("backups prune").expect("help").contains("Usage: safe-compose backups prune"));
        assert_eq!(topic(GuardedCommand::Up.name()), None);
        assert_eq!(topic(""), None);
    }
}
