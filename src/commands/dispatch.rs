//! Runs our own commands.

use std::ffi::OsString;

use super::context::CommandContext;
use super::mode::Mode;
use super::offline_context::OfflineContext;
use super::{
    backup, backups, check, completions, events, export_data, history, import_data, lint, man, protect,
    repository, restore, setup, status, trust, undo, unprotect, upgrade, verify,
};
use crate::cli::{self, Format, OfflineCommand, OwnCommand, ProjectCommand};
use crate::compose::invocation::SafeFlags;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Parses a command word and what follows it. Help and usage errors are printed here; the `Err` is how the program ends.
pub fn parse(ui: &Ui, program: &str, word: OsString, rest: Vec<OsString>) -> Result<OwnCommand, Exit> {
    cli::parse(program, word, rest).map_err(|error| {
        let text = error.render().to_string();
        if error.use_stderr() {
            ui.text(format!("safe-compose: {text}"));
            Exit::Usage
        } else {
            ui.result(text);
            Exit::Success
        }
    })
}

/// Runs a command that works on a project. A command that only reads gets no mode, and so cannot change anything.
pub async fn own(cx: &CommandContext, command: ProjectCommand) -> Result<Exit, Failure> {
    refuse_unused_flags(&cx.safe, command.takes_token())?;
    let mode = Mode::of_own(command.access(), &cx.safe, &cx.reading);
    let format = command.format(cx.safe.format);
    if let Mode::Apply(apply) = mode {
        cx.record.allow(apply);
    }
    let ended = Box::pin(carry_out(cx, command, mode, format)).await;
    cx.record.end(&cx.ui, &ended);
    match mode {
        Mode::Apply(apply) => events::ended(cx, apply, ended).await,
        Mode::DryRun => ended,
    }
}

async fn carry_out(
    cx: &CommandContext,
    command: ProjectCommand,
    mode: Mode,
    format: Format,
) -> Result<Exit, Failure> {
    match command {
        ProjectCommand::Backup(args) => backup::run(cx, &args, mode, format).await,
        ProjectCommand::Backups(args) => backups::run(cx, &args, mode, format).await,
        ProjectCommand::Restore(args) => restore::run(cx, &args, mode, format).await,
        ProjectCommand::Repository(args) => repository::run(cx, &args, mode, format).await,
        ProjectCommand::Undo(args) => undo::run(cx, &args, mode, format).await,
        ProjectCommand::Upgrade(args) => upgrade::run(cx, &args, mode, format).await,
        ProjectCommand::ExportData(args) => export_data::run(cx, &args, mode, format).await,
        ProjectCommand::ImportData(args) => import_data::run(cx, &args, mode, format).await,
        ProjectCommand::Verify(args) => verify::run(cx, &args, mode, format).await,
        ProjectCommand::Check(args) => check::run(cx, &args, format).await,
        ProjectCommand::Protect(args) => protect::run(cx, &args, mode, format).await,
        ProjectCommand::Unprotect(args) => unprotect::run(cx, &args, mode, format).await,
        ProjectCommand::Trust(args) => trust::run(cx, &args, mode, format).await,
        ProjectCommand::Status(args) => status::run(cx, &args, format).await,
        ProjectCommand::History(args) => history::run(cx, &args, format).await,
    }
}

/// Runs a command that needs neither Compose nor an engine.
pub fn offline(cx: &OfflineContext<'_>, command: &OfflineCommand) -> Result<Exit, Failure> {
    refuse_unused_flags(cx.safe, false)?;
    let mode = Mode::of_own(command.access(), cx.safe, cx.reading);
    match command {
        OfflineCommand::Lint(args) => lint::run(
            &lint::LintContext { ui: &cx.ui, env: cx.env, reading: cx.reading },
            args,
            mode,
            args.output(cx.safe.format),
        ),
        OfflineCommand::Setup(args) => setup::run(cx, args, mode, args.format.unwrap_or(cx.safe.format)),
        OfflineCommand::Completions(args) => {
            text_only("completions", cx.safe.format)?;
            Ok(completions::run(&cx.ui, args))
        }
        OfflineCommand::Man(args) => {
            text_only("man", cx.safe.format)?;
            man::run(&cx.ui, args, mode)
        }
    }
}

/// Refuses global flags that the command has no use for: a flag that is accepted has to have its effect.
fn refuse_unused_flags(safe: &SafeFlags, takes_token: bool) -> Result<(), Failure> {
    let unused = [
        ("--safe-skip-backup", safe.skip_backup),
        ("--safe-skip-checks", safe.skip_checks),
        ("--safe-allow", safe.allow.is_some() && !takes_token),
    ];
    match unused.into_iter().find_map(|(flag, is_unused)| is_unused.then_some(flag)) {
        Some(flag) => Err(Failure::new(Exit::Usage, format!("`{flag}` cannot be used with this command"))
            .say("Nothing was run.")),
        None => Ok(()),
    }
}

/// Refuses JSON for a command whose output is a file of another kind.
fn text_only(command: &str, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => Ok(()),
        Format::Json => {
            Err(Failure::new(Exit::Usage, format!("`{command}` has no JSON output")).say("Nothing was run."))
        }
    }
}
