//! Arguments of the command that upgrades the data of a service.

use clap::Args;

use super::{DryRunArg, FormatArg};

/// Upgrade the data of a database server to the version in the Compose file
///
/// Set the new image in the Compose file first. The service is stopped, and its files are copied. PostgreSQL: the databases are
/// dumped from the copy by a temporary server of the former version, restored into one of the new version, and compared.
/// Qdrant: temporary servers convert the copy one minor version at a time. Only then are the files of the service replaced,
/// and the service starts with the new image. Servers that convert their data themselves are backed up and started.
///
/// If anything fails, the service gets its former data and its former image back. `undo` takes the upgrade back later.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose upgrade db --dry-run
  $ safe-compose upgrade db
  $ safe-compose upgrade db --former-image postgres:15-alpine")]
pub struct UpgradeArgs {
    /// Service whose data is upgraded
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// Image that has the version of the data [default: that of the container, else the same name with the former version]
    #[arg(long, value_name = "IMAGE")]
    pub former_image: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}
