//! Arguments of the command that agrees to what the settings run and contact.

use clap::Args;

use super::{DryRunArg, FormatArg};

/// Agree to what the project's settings run and contact
///
/// Hooks, notifications and repositories are settings of the Compose file, and the file may come from somebody else. Nothing
/// of them is run or contacted until you have agreed to it, once for the project's directory. Shows each of these settings
/// and asks you to type the project's name. If one of them changes, or a script of the project that one of them runs,
/// you have to agree again.
///
/// In CI, set SAFE_COMPOSE_TRUST to the digest that --show prints.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose trust
  $ safe-compose trust --show
  $ safe-compose trust --revoke")]
pub struct TrustArgs {
    /// Show these settings, their digest, and whether you have agreed, without changing anything
    #[arg(long, conflicts_with = "dry_run")]
    pub show: bool,
    /// Withdraw the agreement
    #[arg(long, conflicts_with = "show")]
    pub revoke: bool,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

impl TrustArgs {
    /// Whether the command asks for a confirmation.
    pub(super) fn asks(&self) -> bool {
        !self.show && !self.revoke
    }
}
