//! Arguments of the command that puts this program where people type.

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, Shell};

/// Guard `docker compose` and `docker-compose` on this machine
///
/// Without a subcommand, installs the plugin, and the program `docker-compose` if this machine has one. Shows what it will
/// change and asks first. `setup remove` undoes everything.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose setup
  $ safe-compose setup --yes
  $ safe-compose setup plugin --system
  $ safe-compose setup alias bash zsh
  $ safe-compose setup status
  $ safe-compose setup remove")]
pub struct SetupArgs {
    #[command(subcommand)]
    pub action: Option<SetupAction>,
    /// Install for all users; needs root
    #[arg(long, global = true)]
    pub system: bool,
    /// Do it without asking
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Show what would be done, without changing anything
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Output format: `text` for people, `json` for scripts [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
}

/// What to install.
#[derive(Debug, Subcommand)]
pub enum SetupAction {
    /// Guard `docker compose`: install a plugin of `docker`
    Plugin,
    /// Guard `docker-compose`: install a program that comes first in `PATH`
    Shim,
    /// Guard `docker-compose` in interactive shells only: add an alias
    Alias {
        /// Shells that get the alias [default: your login shell]
        #[arg(value_enum, value_name = "SHELL")]
        shells: Vec<Shell>,
    },
    /// Check Compose files and scripts of this Git repository: add hooks for pre-commit
    Hooks,
    /// Back up the project in this directory regularly: add a timer of systemd, or a line for cron
    Timer {
        /// How often
        #[arg(long, value_enum, value_name = "INTERVAL", default_value = "daily")]
        every: Every,
        /// Back up every project of the engine instead
        #[arg(long)]
        all: bool,
    },
    /// Ask which commands are guarded, and list what is not
    Status,
    /// Undo everything that was installed
    Remove,
}

/// How often a timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Every {
    Hourly,
    Daily,
    Weekly,
}
