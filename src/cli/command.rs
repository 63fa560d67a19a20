//! The list of our own commands, and what has to be known about each before it runs.
//!
//! Every question is an exhaustive match: a new command does not compile until it is answered.

use clap::{Parser, Subcommand};

use super::{
    BackupArgs, BackupFormat, BackupsAction, BackupsArgs, CheckArgs, CompletionsArgs, ExportDataArgs, Format,
    HistoryArgs, ImportDataArgs, LintArgs, LintFormat, ManArgs, ProtectArgs, ReportFormat, RepositoryAction,
    RepositoryArgs, RestoreArgs, SetupAction, SetupArgs, StatusArgs, StatusFormat, TrustArgs, UndoArgs,
    UnprotectArgs, UpgradeArgs, VerifyArgs,
};

/// Commands that `docker compose` does not have
///
/// Compose's global flags (`-f`, `-p`, `--profile`, …) go before the command, as with Compose's own commands.
#[derive(Debug, Parser)]
#[command(name = "safe-compose", disable_help_subcommand = true, disable_version_flag = true)]
pub struct OwnCli {
    #[command(subcommand)]
    pub command: OwnCommand,
}

#[derive(Debug, Subcommand)]
pub enum OwnCommand {
    #[command(flatten)]
    Project(ProjectCommand),
    #[command(flatten)]
    Offline(OfflineCommand),
}

/// Commands about a project: the real Compose reads its file. The help of each is that of its arguments.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    Backup(BackupArgs),
    Backups(BackupsArgs),
    Restore(RestoreArgs),
    Repository(RepositoryArgs),
    Undo(UndoArgs),
    Upgrade(UpgradeArgs),
    ExportData(ExportDataArgs),
    #[command(visible_alias = "import")]
    ImportData(ImportDataArgs),
    Verify(VerifyArgs),
    Check(CheckArgs),
    Protect(ProtectArgs),
    Unprotect(UnprotectArgs),
    Trust(TrustArgs),
    Status(StatusArgs),
    History(HistoryArgs),
}

/// Commands that need neither Compose nor an engine.
#[derive(Debug, Subcommand)]
pub enum OfflineCommand {
    Setup(SetupArgs),
    Lint(LintArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Whether a command changes anything: files, backups or the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only reads, so a dry run of it is the command itself.
    ReadOnly,
    /// It changes something, unless its own `--dry-run` is set.
    Changes { dry_run: bool },
}

impl ProjectCommand {
    /// Whether these arguments make the command change anything.
    pub fn access(&self) -> Access {
        let dry_run = match self {
            Self::Backup(args) => args.dry_run.dry_run,
            Self::Backups(args) => match &args.action {
                None | Some(BackupsAction::List | BackupsAction::Show { .. }) => return Access::ReadOnly,
                Some(BackupsAction::Pin(args) | BackupsAction::Unpin(args)) => args.dry_run.dry_run,
                Some(BackupsAction::Prune(args)) => args.dry_run.dry_run,
            },
            Self::Restore(args) => args.dry_run.dry_run,
            Self::Repository(args) => match &args.action {
                RepositoryAction::Check { .. } => return Access::ReadOnly,
                RepositoryAction::Init { dry_run }
                | RepositoryAction::Prune { dry_run }
                | RepositoryAction::Copy { dry_run } => dry_run.dry_run,
            },
            Self::Undo(args) => args.dry_run.dry_run,
            Self::Upgrade(args) => args.dry_run.dry_run,
            Self::ExportData(args) => args.dry_run.dry_run,
            Self::ImportData(args) => args.dry_run.dry_run,
            Self::Verify(args) if args.changes() => args.dry_run.dry_run,
            Self::Protect(args) => args.dry_run.dry_run,
            Self::Unprotect(args) => args.dry_run.dry_run,
            Self::Trust(args) if !args.show => args.dry_run.dry_run,
            Self::Verify(_) | Self::Check(_) | Self::Status(_) | Self::History(_) | Self::Trust(_) => {
                return Access::ReadOnly;
            }
        };
        Access::Changes { dry_run }
    }

    /// The output format: the command's own `--format`, else that of `--safe-format`.
    pub fn format(&self, global: Format) -> Format {
        let own = match self {
            Self::Backup(args) => args.format.and_then(BackupFormat::output),
            Self::Backups(args) => args.format.format,
            Self::Restore(args) => args.format.format,
            Self::Repository(args) => args.format.format,
            Self::Undo(args) => args.format.format,
            Self::Upgrade(args) => args.format.format,
            Self::ExportData(args) => args.format.and_then(ReportFormat::output),
            Self::ImportData(args) => args.format.format,
            Self::Verify(args) => args.format.format,
            Self::Check(args) => args.format.format,
            Self::Protect(args) => args.format.format,
            Self::Unprotect(args) => args.format.format,
            Self::Trust(args) => args.format.format,
            Self::Status(args) => args.format.and_then(StatusFormat::output),
            Self::History(args) => args.format.format,
        };
        own.unwrap_or(global)
    }

    /// Whether only failures are printed.
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Backup(args) if args.quiet)
    }

    /// Whether the command may ask for a confirmation, which `--safe-allow` can give.
    pub fn takes_token(&self) -> bool {
        match self {
            Self::Restore(_)
            | Self::Undo(_)
            | Self::Upgrade(_)
            | Self::ImportData(_)
            | Self::Unprotect(_) => true,
            Self::Trust(args) => args.asks(),
            Self::Backup(_)
            | Self::Backups(_)
            | Self::Repository(_)
            | Self::ExportData(_)
            | Self::Verify(_)
            | Self::Check(_)
            | Self::Protect(_)
            | Self::Status(_)
            | Self::History(_) => false,
        }
    }
}

impl OfflineCommand {
    /// Whether these arguments make the command change anything.
    pub fn access(&self) -> Access {
        match self {
            Self::Lint(args) if args.fix || args.write_baseline => {
                Access::Changes { dry_run: args.dry_run.dry_run }
            }
            Self::Man(args) if args.directory.is_some() => Access::Changes { dry_run: args.dry_run.dry_run },
            Self::Setup(args) => args.access(),
            Self::Lint(_) | Self::Completions(_) | Self::Man(_) => Access::ReadOnly,
        }
    }
}

impl SetupArgs {
    /// Whether these arguments make the command change anything.
    pub fn access(&self) -> Access {
        match &self.action {
            Some(SetupAction::Status) => Access::ReadOnly,
            None
            | Some(
                SetupAction::Plugin
                | SetupAction::Shim
                | SetupAction::Alias { .. }
                | SetupAction::Hooks
                | SetupAction::Timer { .. }
                | SetupAction::Remove,
            ) => Access::Changes { dry_run: self.dry_run },
        }
    }
}

impl LintArgs {
    /// The output format: the command's own `--format`, else that of `--safe-format`.
    pub fn output(&self, global: Format) -> LintFormat {
        self.format.unwrap_or(match global {
            Format::Text => LintFormat::Text,
            Format::Json => LintFormat::Json,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::compose::grammar::{Grammar, is_subcommand};
    use crate::compose::invocation::OWN_COMMANDS;

    #[test]
    fn the_grammar_is_sound() {
        OwnCli::command().debug_assert();
    }

    #[test]
    fn the_parser_finds_every_command_and_none_is_composes() {
        let cli = OwnCli::command();
        let names: BTreeSet<&str> = cli
            .get_subcommands()
            .flat_map(|command| [command.get_name()].into_iter().chain(command.get_all_aliases()))
            .collect();
        assert_eq!(names, OWN_COMMANDS.iter().copied().collect::<BTreeSet<_>>());
        for name in names {
            for grammar in [Grammar::V1, Grammar::V2] {
                assert!(!is_subcommand(grammar, name), "`{name}` is a command of {grammar}");
            }
        }
    }

    /// Calls `check` with every command, those below others too, and the words that lead to it.
    fn each_command(command: &clap::Command, path: &str, check: &mut dyn FnMut(&str, &clap::Command)) {
        check(path, command);
        for below in command.get_subcommands() {
            each_command(below, &format!("{path} {}", below.get_name()), check);
        }
    }

    #[test]
    fn every_command_and_argument_has_help() {
        each_command(&OwnCli::command(), "safe-compose", &mut |path, command| {
            assert!(command.get_about().is_some(), "`{path}` has no help");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "`{}` of `{path}` has no help", argument.get_id());
                assert!(
                    !help.ends_with('.'),
                    "the help of `{}` of `{path}` ends with a period",
                    argument.get_id()
                );
            }
        });
    }

    #[test]
    fn every_command_shows_examples_that_parse() {
        for command in OwnCli::command().get_subcommands() {
            let name = command.get_name();
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.starts_with("Examples:\n"), "`{name}` has no examples");
            let examples: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  $ ")).collect();
            assert!(!examples.is_empty(), "`{name}` has no examples");
            for example in examples {
                let words =
                    shell_words::split(example.split(" > ").next().expect("a command")).expect("words");
                assert_eq!(words[0], "safe-compose", "{example}");
                let words = words[1..].iter().map(std::ffi::OsString::from).collect();
                let invocation =
                    crate::compose::invocation::Invocation::parse(words).expect("our flags are right");
                let (_, word, rest) = invocation.own_command().unwrap_or_else(|| panic!("{example}"));
                super::super::parse("safe-compose", word, rest)
                    .unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }
}
