//! Arguments of the commands that install the program into a shell and a manual.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DryRunArg;

/// Print a shell completion script
///
/// The script completes Compose's commands too: it asks the real Compose for them. Compose V1 cannot be asked, so with it
/// only our own commands are completed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose completions bash > /etc/bash_completion.d/safe-compose
  $ safe-compose completions zsh > ~/.zfunc/_safe-compose
  $ safe-compose completions fish > ~/.config/fish/completions/safe-compose.fish
  $ safe-compose completions nushell > ~/.config/nushell/safe-compose.nu")]
pub struct CompletionsArgs {
    /// The shell to print a script for
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that can complete commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Nushell,
}

/// Print the man page
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose man > safe-compose.1
  $ safe-compose man --directory ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write one page for each command into this directory instead
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
}

/// The man page of a command, as roff.
pub fn man_page(command: &clap::Command) -> Vec<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).expect("writing to memory does not fail");
    page
}
