//! Arguments of the commands about the repository that backups are copied to.

use clap::{Args, Subcommand};

use super::{BackupsFormatArg, DryRunArg};

/// Copy backups off the machine, into a repository that restic can read
///
/// With `backup.repository` in the settings, every verified backup is copied to a repository in restic's format: encrypted, and
/// with what is equal stored once. `restore --from repository` brings backups back, also on another machine. The password comes
/// from SAFE_COMPOSE_REPOSITORY_PASSWORD, or from the file or the program in the settings. Without it, nothing can be restored.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose repository init
  $ safe-compose repository check --read-data
  $ safe-compose repository copy
  $ safe-compose backups --repository
  $ safe-compose restore --from repository")]
pub struct RepositoryArgs {
    #[command(subcommand)]
    pub action: RepositoryAction,
    #[command(flatten)]
    pub format: BackupsFormatArg,
}

#[derive(Debug, Subcommand)]
pub enum RepositoryAction {
    /// Create the repository
    Init {
        #[command(flatten)]
        dry_run: DryRunArg,
    },
    /// Check that the repository is complete
    Check {
        /// Read and decrypt all data, too
        #[arg(long, conflicts_with = "read_data_subset")]
        read_data: bool,
        /// Read and decrypt this part of the data, chosen at random: `5%`
        #[arg(long, value_name = "PERCENT", value_parser = percent)]
        read_data_subset: Option<u8>,
    },
    /// Remove the backups of this project and machine that `backup.keep` does not keep, and data that nothing needs any more
    Prune {
        #[command(flatten)]
        dry_run: DryRunArg,
    },
    /// Copy the backups that are not in the repository yet
    Copy {
        #[command(flatten)]
        dry_run: DryRunArg,
    },
}

/// A percentage, with or without its sign.
pub(super) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.parse() {
        Ok(percent @ 1..=100) => Ok(percent),
        Ok(_) | Err(_) => Err("it is a percentage from 1% to 100%".to_owned()),
    }
}
