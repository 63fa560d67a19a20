//! The command line of our own commands: their arguments, help, completions and man pages.

mod checks;
mod command;
mod completions;
mod data;
mod format;
mod help;
mod lint;
mod parse;
mod plugin;
mod protection;
#[cfg(any(test, feature = "internals"))]
mod reference;
mod repository;
mod setup;
mod shell;
mod trust;
mod typo;
mod upgrade;
mod version;

pub use checks::{CheckArgs, HistoryArgs, StatusArgs, StatusFormat, VerifyArgs};
pub use command::{Access, OfflineCommand, OwnCli, OwnCommand, ProjectCommand};
pub use completions::script as completion_script;
pub use data::{
    BackupArgs, BackupFormat, BackupsAction, BackupsArgs, BackupsFormatArg, ExportDataArgs, FileFormat,
    ImportDataArgs, PinArgs, ReportFormat, RestoreArgs, RestoreTarget, UndoArgs,
};
pub use format::{AllArg, DryRunArg, Format, FormatArg};
pub use help::{help, topic};
pub use lint::{Deny, LintArgs, LintFormat};
pub use parse::{command, parse};
pub use plugin::plugin_metadata;
pub use protection::{ProtectArgs, UnprotectArgs};
#[cfg(any(test, feature = "internals"))]
pub use reference::markdown as reference;
pub use repository::{RepositoryAction, RepositoryArgs};
pub use setup::{Every, SetupAction, SetupArgs};
pub use shell::{CompletionsArgs, ManArgs, Shell, man_page};
pub use trust::TrustArgs;
pub use typo::suggestion;
pub use upgrade::UpgradeArgs;
pub use version::version;
