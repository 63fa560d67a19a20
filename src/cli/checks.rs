//! Arguments of the commands that look at the data and its past.

use clap::{ArgGroup, Args, ValueEnum};

use super::repository::percent;
use super::{AllArg, DryRunArg, Format, FormatArg};

/// Check running services against the baseline, or check a backup
///
/// Without BACKUP, compares what the running services hold with their baseline: what they held at their last stop. With
/// BACKUP, reads the backup or the portable file to its end and verifies it.
///
/// With --repository, checks the repository of the settings as `repository check` does. With BACKUP or --prove, copies
/// backups from it into a temporary directory, verifies them or test-restores them, and removes the copies.
///
/// With --all, checks every Compose project that the engine knows. The exit code is that of the worst result.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose verify
  $ safe-compose verify --all
  $ safe-compose verify --accept
  $ safe-compose verify latest --prove
  $ safe-compose verify --repository --prove db")]
#[command(group = ArgGroup::new("copies").args(["backup", "repository"]).multiple(true))]
pub struct VerifyArgs {
    /// Backup or portable file to check instead of the running services; with --repository, a backup, a backup set or a service
    #[arg(value_name = "BACKUP")]
    pub backup: Option<String>,
    /// Test-restore the backup into a temporary server; with --repository, by default the newest one of each service
    #[arg(long, requires = "copies")]
    pub prove: bool,
    #[command(flatten)]
    pub repository: VerifyRepositoryArgs,
    /// Accept the current state as the new baseline
    #[arg(long, conflicts_with = "backup")]
    pub accept: bool,
    /// Every Compose project that the engine knows, instead of one
    #[arg(long, conflicts_with_all = ["backup", "accept"])]
    pub all: bool,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

/// What is checked of a repository.
#[derive(Debug, Args)]
pub struct VerifyRepositoryArgs {
    /// Check the repository of the settings, or backups in it
    #[arg(long = "repository", id = "repository", conflicts_with_all = ["accept", "all"])]
    pub is_meant: bool,
    /// Read and decrypt all data of the repository, too
    #[arg(long, requires = "repository", conflicts_with_all = ["backup", "prove", "read_data_subset"])]
    pub read_data: bool,
    /// Read and decrypt this part of the data of the repository, chosen at random: `5%`
    #[arg(
        long, value_name = "PERCENT", value_parser = percent, requires = "repository",
        conflicts_with_all = ["backup", "prove"]
    )]
    pub read_data_subset: Option<u8>,
}

impl VerifyArgs {
    /// Comparing the services records a loss, a test restore its result, and a backup in a repository is copied first.
    pub(super) fn changes(&self) -> bool {
        self.prove || self.repository.is_meant == self.backup.is_some()
    }
}

/// Show the project's data and how well it is protected
///
/// Lists where each service keeps data, its size, whether the volume is protected, and the newest backup. Queries no
/// server, so it works while services are down.
///
/// With --all, shows one line for each Compose project that the engine knows by the labels of its containers and volumes.
/// The exit code is then 76 if a project has an unresolved loss of data, 75 if a project cannot be read, and otherwise 0.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose status
  $ safe-compose status --all
  $ safe-compose status --all --format prometheus > /var/lib/node_exporter/safe_compose.prom")]
pub struct StatusArgs {
    #[command(flatten)]
    pub all: AllArg,
    /// Output format: `text` for people, `json` for scripts, `prometheus` for node_exporter [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<StatusFormat>,
}

/// The values of `status --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people
    Text,
    /// For scripts; docs/json.md describes it
    Json,
    /// Metrics for the textfile collector of node_exporter; docs/monitoring.md describes them
    Prometheus,
}

impl StatusFormat {
    /// The output format, where the value is one of all commands.
    pub(super) fn output(self) -> Option<Format> {
        match self {
            Self::Text => Some(Format::Text),
            Self::Json => Some(Format::Json),
            Self::Prometheus => None,
        }
    }
}

/// Run all checks: the Compose file, data directories, data, backups and protection
///
/// Checks what `lint`, the checks before `up` and `verify` check, the age of the newest backups, whether volumes are
/// protected, and whether settings wait for `trust`. Changes nothing. The exit code is that of the worst result: 76 if data is missing, 75 if data could not be
/// verified, 1 if anything else has to be fixed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose check
  $ safe-compose check --all --max-age 2")]
pub struct CheckArgs {
    #[command(flatten)]
    pub all: AllArg,
    /// Maximum age of the newest backup, in days
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub max_age: u32,
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
