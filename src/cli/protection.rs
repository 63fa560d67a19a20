//! Arguments of the commands that protect volumes.

use clap::Args;

use super::{DryRunArg, FormatArg};

/// Protect volumes from deletion by any tool
///
/// Starts a small holder container that mounts the volume. While it runs, neither Compose nor `docker volume rm` nor any
/// `prune` can delete the volume.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose protect
  $ safe-compose protect qdrant_data")]
pub struct ProtectArgs {
    /// Keys under `volumes:` or names of volumes [default: every named volume of the project]
    #[arg(value_name = "VOLUME")]
    pub volumes: Vec<String>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

/// Allow protected volumes to be deleted again
///
/// Removes the holder container after you have typed the volume's name. The volume itself is not touched.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose unprotect qdrant_data
  $ safe-compose unprotect qdrant_data --dry-run")]
pub struct UnprotectArgs {
    /// Keys under `volumes:` or names of volumes
    #[arg(value_name = "VOLUME", required = true)]
    pub volumes: Vec<String>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}
