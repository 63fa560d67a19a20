//! Arguments of the commands that look at the data and its past.

use clap::Args;

use super::{DryRunArg, FormatArg};

/// Check running services against the baseline, or check a backup
///
/// Without BACKUP, compares what the running services hold with their baseline: what they held at their last stop. With
/// BACKUP, reads the backup or the portable file to its end and verifies it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose verify
  $ safe-compose verify --accept
  $ safe-compose verify latest --prove")]
pub struct VerifyArgs {
    /// Backup or portable file to check instead of the running services
    #[arg(value_name = "BACKUP")]
    pub backup: Option<String>,
    /// Test-restore the backup into a temporary server
    #[arg(long, requires = "backup")]
    pub prove: bool,
    /// Accept the current state as the new baseline
    #[arg(long, conflicts_with = "backup")]
    pub accept: bool,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

/// Show the project's data and how well it is protected
///
/// Lists where each service keeps data, its size, whether the volume is protected, and the newest backup. Queries no
/// server, so it works while services are down.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose status
  $ safe-compose status --format json")]
pub struct StatusArgs {
    #[command(flatten)]
    pub format: FormatArg,
}

/// Show which commands affected the project's data
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose history
  $ safe-compose history --last 100 --format json")]
pub struct HistoryArgs {
    /// Number of entries to show, newest last
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = number)]
    pub last: usize,
    #[command(flatten)]
    pub format: FormatArg,
}

fn number(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "not a number")
}
