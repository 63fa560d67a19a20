//! Arguments of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DryRunArg;

/// Find settings in Compose files and commands in scripts that lose data
///
/// Without FILE, checks the files that Compose would read here, or those named with `-f` before the command. Each FILE is
/// checked as a project of its own, together with the override file beside it; `-` is standard input, and a directory
/// stands for the Compose files in it. Exits with 0 if nothing was found, 1 if a finding is at least as severe as
/// `--deny`, and 64 for a usage error.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
#[command(after_long_help = "\
Examples:
  $ safe-compose lint
  $ safe-compose lint compose.yaml --fix --dry-run
  $ safe-compose lint --scripts .
  $ safe-compose lint --format sarif > lint.sarif
  $ safe-compose lint --explain data-on-anonymous-volume")]
pub struct LintArgs {
    /// Compose files or directories to check
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check scripts instead: shell scripts, Makefiles, justfiles, package.json and CI workflows below the current
    /// directory, or below FILE; files that git ignores are skipped
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub scripts: bool,
    /// Output format [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<LintFormat>,
    /// Explain a rule: what it finds, why it matters, and how to fix it
    #[arg(long, value_name = "RULE", exclusive = true)]
    pub explain: Option<String>,
    /// List all rules
    #[arg(long, conflicts_with = "files")]
    pub rules: bool,
    /// Minimum severity that fails the run
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "error")]
    pub deny: Deny,
    /// The same as `--deny warning`
    #[arg(long, conflicts_with = "deny")]
    pub strict: bool,
    /// Ignore the findings listed in this file
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the current findings to the baseline file
    #[arg(long, requires = "baseline", conflicts_with_all = ["fix", "diff"])]
    pub write_baseline: bool,
    /// Fix what can be fixed safely, and show the changes
    #[arg(long, conflicts_with = "diff")]
    pub fix: bool,
    /// Show the changes that `--fix` would make; exits with 1 if there are any
    #[arg(long)]
    pub diff: bool,
    #[command(flatten)]
    pub dry_run: DryRunArg,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LintFormat {
    /// For people: with the line and a caret
    #[default]
    Text,
    /// For scripts; docs/json.md describes it
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// From which severity on a finding fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Fail on errors
    Error,
    /// Fail on warnings and errors
    Warning,
    /// Fail on any finding
    Info,
}
