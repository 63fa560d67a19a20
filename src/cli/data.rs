//! Arguments of the commands that make, list and restore backups and portable files.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AllArg, DryRunArg, Format, FormatArg};

/// Back up the project's data and verify the backups
///
/// Backs up every service that holds data. Files that have not changed since the previous backup are hard-linked, so
/// repeating a backup is cheap. Each backup is read back and verified before it counts. Afterwards, backups that the
/// retention settings do not keep are removed.
///
/// With --all, backs up every Compose project that the engine knows. A service or a project that fails does not stop the
/// others; the exit code is then 74.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose backup
  $ safe-compose backup --all --quiet
  $ safe-compose backup qdrant --prove
  $ safe-compose -f shop.yaml backup --dry-run")]
pub struct BackupArgs {
    /// Services to back up [default: every service that holds data]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Test-restore each backup into a temporary server
    #[arg(long)]
    pub prove: bool,
    /// Every Compose project that the engine knows, instead of one
    #[arg(long, conflicts_with = "services")]
    pub all: bool,
    /// Print only failures
    #[arg(long, conflicts_with = "format")]
    pub quiet: bool,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    /// Output format: `text` for people, `json` for scripts [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<BackupFormat>,
}

/// The values of `backup --format`: an output format, or the old names of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackupFormat {
    /// For people
    Text,
    /// For scripts; docs/json.md describes it
    Json,
    /// The old name of an ordinary backup
    #[value(hide = true)]
    Snapshot,
    /// The old name of `export-data --file-format jsonl`
    #[value(hide = true)]
    Jsonl,
}

impl BackupFormat {
    /// The output format, where the value names one.
    pub(super) fn output(self) -> Option<Format> {
        match self {
            Self::Text => Some(Format::Text),
            Self::Json => Some(Format::Json),
            Self::Snapshot | Self::Jsonl => None,
        }
    }
}

/// List, inspect, pin and prune backups
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose backups
  $ safe-compose backups show latest
  $ safe-compose backups pin db_backup_20260102_030405
  $ safe-compose backups prune --dry-run")]
pub struct BackupsArgs {
    #[command(subcommand)]
    pub action: Option<BackupsAction>,
    /// List the backups of all projects and engines that share the backup directory
    #[arg(long)]
    pub all_projects: bool,
    /// List the backups in the repository of the settings instead
    #[arg(long)]
    pub repository: bool,
    #[command(flatten)]
    pub format: BackupsFormatArg,
}

/// `--format`, before or after the action.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct BackupsFormatArg {
    /// Output format: `text` for people, `json` for scripts [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true, global = true)]
    pub format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub enum BackupsAction {
    /// List the project's backups, newest first
    List,
    /// Show the contents of a backup and verify its files
    Show {
        /// Name or path of the backup, or `latest`
        #[arg(value_name = "BACKUP")]
        backup: String,
    },
    /// Keep backups until they are unpinned, whatever the retention settings say
    Pin(PinArgs),
    /// Let the retention settings apply to pinned backups again
    Unpin(PinArgs),
    /// Remove the backups that the retention settings do not keep; every backup does so, too
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
pub struct PinArgs {
    /// Names or paths of backups or backup sets, or `latest`
    #[arg(value_name = "BACKUP", required = true)]
    pub backups: Vec<String>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    #[command(flatten)]
    pub all: AllArg,
    #[command(flatten)]
    pub dry_run: DryRunArg,
}

/// Restore a backup
///
/// Data that a restore would replace is backed up first, and you are asked to confirm. The backup is loaded beside the
/// current data, verified, and then swapped in. Services are stopped and started as needed; missing volumes and containers
/// are created. A project that had no containers is started at the end.
#[derive(Debug, Clone, Default, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose restore
  $ safe-compose restore latest --service qdrant --dry-run
  $ safe-compose restore --all
  $ safe-compose restore qdrant_backup_20260102_030405 --collection recipes --as recipes_old")]
pub struct RestoreArgs {
    /// Name or path of the backup or the backup set, or `latest` [default: the latest backup of each service]
    #[arg(value_name = "BACKUP")]
    pub backup: Option<String>,
    /// Restore the latest backup of every service that has one
    #[arg(long, conflicts_with_all = ["backup", "service", "collections", "databases", "rename", "schema_only"])]
    pub all: bool,
    /// Copy the backup from a repository first: `repository` for the one in the settings, or its address
    #[arg(long, value_name = "REPOSITORY", conflicts_with_all = ["all", "schema_only"])]
    pub from: Option<String>,
    /// Do not start a project whose containers were removed
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub target: RestoreTarget,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

/// What to restore, and where to.
#[derive(Debug, Clone, Default, Args)]
pub struct RestoreTarget {
    /// Restore into this service [default: the service that was backed up]
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,
    /// Restore only this collection (repeatable)
    #[arg(long = "collection", value_name = "COLLECTION")]
    pub collections: Vec<String>,
    /// Restore only this database (repeatable)
    #[arg(long = "database", value_name = "DATABASE")]
    pub databases: Vec<String>,
    /// Restore the collection or database under another name
    #[arg(long = "as", value_name = "NAME")]
    pub rename: Option<String>,
    /// Create the collections without their points
    #[arg(long)]
    pub schema_only: bool,
    /// Skip everything that already exists
    #[arg(long)]
    pub skip_existing: bool,
}

impl RestoreTarget {
    /// Whether only a part of what is in a backup was asked for.
    pub fn is_narrowed(&self) -> bool {
        !self.collections.is_empty()
            || !self.databases.is_empty()
            || self.rename.is_some()
            || self.schema_only
    }
}

/// Undo a command: bring back the data that it took, and start what ran before
///
/// Restores the backups that were made before the last command that destroyed or replaced data, and returns the services
/// to the state that they were in. Shows the plan first; data that would be replaced is backed up, and you are asked to
/// confirm. What cannot be brought back is listed with the reason.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose undo --dry-run
  $ safe-compose undo
  $ safe-compose undo 3")]
pub struct UndoArgs {
    /// Number of the command, as `history` shows it [default: the last one that destroyed or replaced data]
    #[arg(value_name = "NUMBER")]
    pub number: Option<usize>,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}

/// Write the collections of a Qdrant server to one portable file
///
/// The file holds every collection with its points, as text that other tools and other versions can read. It is written
/// into the backups directory, read back and counted. Docker Compose's own `export` copies a container's file system;
/// this command does not replace it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose export-data
  $ safe-compose export-data qdrant --file-format jsonl")]
pub struct ExportDataArgs {
    /// Services to export [default: every running Qdrant server]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Format of the file
    #[arg(long, value_enum, value_name = "FILE_FORMAT", default_value_t)]
    pub file_format: FileFormat,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    /// Output format: `text` for people, `json` for scripts [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<ReportFormat>,
}

/// The format of a portable file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FileFormat {
    /// One JSON document
    #[default]
    Json,
    /// JSON Lines, compressed with zstd
    Jsonl,
}

/// The values of `export-data --format`: an output format, or `jsonl` for a file of JSON Lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// For scripts; docs/json.md describes it
    Json,
    /// The same as `--file-format jsonl`
    #[value(hide = true)]
    Jsonl,
}

impl ReportFormat {
    /// The output format, where the value names one.
    pub(super) fn output(self) -> Option<Format> {
        match self {
            Self::Text => Some(Format::Text),
            Self::Json => Some(Format::Json),
            Self::Jsonl => None,
        }
    }
}

impl ExportDataArgs {
    /// The format of the file, which `--format jsonl` chooses too.
    pub fn file_format(&self) -> FileFormat {
        match self.format {
            Some(ReportFormat::Jsonl) => FileFormat::Jsonl,
            None | Some(ReportFormat::Text | ReportFormat::Json) => self.file_format,
        }
    }
}

/// Load a portable file into a Qdrant server
///
/// The file is checked to its end before anything is sent to the server. Collections that would be replaced are backed up
/// first, and you are asked to confirm.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  $ safe-compose import-data qdrant_backup_20260102_030405.json
  $ safe-compose import-data ./recipes.jsonl.zst --service qdrant --skip-existing")]
pub struct ImportDataArgs {
    /// Portable file (`.json`, `.jsonl`, `.jsonl.zst`)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub target: RestoreTarget,
    #[command(flatten)]
    pub dry_run: DryRunArg,
    #[command(flatten)]
    pub format: FormatArg,
}
