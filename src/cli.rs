//! Our own words, as clap sees them.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

/// Commands that `docker compose` does not have.
///
/// Compose's global flags (`-f`, `-p`, `--profile`, …) stand before the word, as with Compose's own commands.
#[derive(Debug, Parser)]
#[command(name = "safe-compose", no_binary_name = true, disable_help_subcommand = true, version)]
pub struct OwnCli {
    #[command(subcommand)]
    pub word: OwnCommand,
}

#[derive(Debug, Subcommand)]
pub enum OwnCommand {
    /// Back up the data of the running stack, and check the copies
    Backup(BackupArgs),
    /// List, show and thin out backups
    Backups(BackupsArgs),
    /// Put a backup back
    Restore(RestoreArgs),
    /// Compare what runs with what was recorded at the last stop, or check a backup on disk
    Verify(VerifyArgs),
    /// Keep volumes from being removed by anybody: by Compose, by `docker volume rm`, by every `prune`
    Protect(ProtectArgs),
    /// Let protected volumes be removed again
    Unprotect(UnprotectArgs),
    /// Show this project's data, and how safe it is
    Status(StatusArgs),
    /// Show what was done to this project's data
    History(HistoryArgs),
    /// Find ways in which Compose files will lose data; needs no Docker
    Lint(LintArgs),
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    /// For scripts; the shape is documented in `docs/json.md`
    Json,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Only these services; all that hold data when none is named
    pub services: Vec<String>,
    /// Put each into a scratch server afterwards, and compare
    #[arg(long)]
    pub prove: bool,
    /// What is written: what is restored fastest, or what other tools and versions read
    #[arg(long, value_enum, default_value_t)]
    pub format: BackupFormat,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

/// How a backup is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BackupFormat {
    /// A directory of the server's own snapshots, or of archives of files
    #[default]
    Snapshot,
    /// One portable file with every collection of a Qdrant and its points
    Json,
    /// The same as JSON Lines, compressed with zstd
    Jsonl,
}

#[derive(Debug, Args)]
pub struct BackupsArgs {
    #[command(subcommand)]
    pub action: Option<BackupsAction>,
    #[arg(long, value_enum, default_value_t, global = true)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum BackupsAction {
    /// List every backup, the newest first
    List,
    /// Show what one backup holds, and whether it is whole
    Show {
        /// Its name, its path, or `latest`
        backup: String,
    },
    /// Remove what the retention settings do not keep
    Prune {
        /// Say what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Its name, its path, or `latest`; or a portable file (`.json`, `.jsonl`, `.jsonl.zst`)
    #[arg(default_value = "latest")]
    pub backup: String,
    /// The service to restore into, where several have backups
    #[arg(long)]
    pub service: Option<String>,
    /// Only this collection; may be given again
    #[arg(long = "collection", value_name = "C")]
    pub collections: Vec<String>,
    /// Restore the one collection under another name
    #[arg(long = "as", value_name = "NAME")]
    pub rename: Option<String>,
    /// Re-create the recorded collections without their points
    #[arg(long)]
    pub schema_only: bool,
    /// Leave alone what is there already
    #[arg(long)]
    pub skip_existing: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Check this backup on disk instead of the running stack
    pub backup: Option<String>,
    /// Put this backup into a scratch server, and compare
    #[arg(long, requires = "backup")]
    pub prove: bool,
    /// Take what runs now as the new record
    #[arg(long, conflicts_with = "backup")]
    pub accept: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ProtectArgs {
    /// Keys under `volumes:`, or names of volumes; every named volume of this project when none is given
    #[arg(value_name = "VOLUME")]
    pub volumes: Vec<String>,
}

#[derive(Debug, Args)]
pub struct UnprotectArgs {
    /// Keys under `volumes:`, or names of volumes
    #[arg(value_name = "VOLUME", required = true)]
    pub volumes: Vec<String>,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many commands, counted from the newest
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub last: usize,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Find ways in which Compose files will lose data
///
/// Without FILES the files are read that Compose would read here, or those named with `-f` before the word. Each of
/// FILES is a project of its own, together with the override file beside it; `-` is standard input, and a directory
/// stands for the files in it. Exits with 0 when nothing will lose data, 1 when something will, 64 when the words make
/// no sense.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct LintArgs {
    pub files: Vec<PathBuf>,
    /// Look at scripts instead: shell scripts, Makefiles, justfiles, package.json and CI workflows, below the folder at
    /// hand unless FILES are named; what git ignores is left out
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub scripts: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: LintFormat,
    /// Explain a rule: what it finds, why that matters, and how to do better
    #[arg(long, value_name = "RULE", exclusive = true)]
    pub explain: Option<String>,
    /// List every rule
    #[arg(long, conflicts_with = "files")]
    pub rules: bool,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "error")]
    pub deny: Deny,
    /// The same as `--deny warning`
    #[arg(long, conflicts_with = "deny")]
    pub strict: bool,
    /// Leave out the findings that this file lists
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what is found now to the baseline file
    #[arg(long, requires = "baseline", conflicts_with_all = ["fix", "diff"])]
    pub write_baseline: bool,
    /// Mend what can be mended safely, and show how
    #[arg(long, conflicts_with = "diff")]
    pub fix: bool,
    /// Show what `--fix` would do, and do nothing
    #[arg(long)]
    pub diff: bool,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LintFormat {
    /// For people: with the line and a caret
    #[default]
    Text,
    /// For scripts; the shape is documented in `docs/json.md`
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// From which severity on a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    Error,
    Warning,
    Info,
}

/// What `--safe-help` prints.
pub fn help() -> String {
    let own = OwnCli::command().render_help().to_string();
    let commands = own.split("Commands:\n").nth(1).unwrap_or_default();
    let commands = commands.split("\n\n").next().unwrap_or_default();
    format!(
        "safe-compose {version} stands in for docker compose and makes it impossible to lose data by accident.

Usage: safe-compose [COMPOSE FLAGS] COMMAND …

Every command of Docker Compose works as ever; what it says of itself is printed by `safe-compose --help`.
Commands of our own:
{commands}

Flags of our own, among Compose's:
  --safe-plan              Say what the command would do to data, and do nothing
  --safe-format=json       Print the plan as JSON
  --safe-skip-backup       Run the command without the backup that would come before it
  --safe-skip-checks       Start services whatever the checks of their data have found
  --safe-allow=TOKEN       Go on without a question; a refusal prints the token
  --safe-help              Print this help
  --safe-version           Print our version",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        OwnCli::command().debug_assert();
    }
}
