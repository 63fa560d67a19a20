//! What the user asked for, one file each. The only room that knows all duties.

pub mod backup;
mod backup_run;
pub mod backups;
mod baselines;
mod clusters;
mod confirm;
mod context;
mod export;
mod format;
pub mod guarded;
pub mod history;
mod import;
pub mod lint;
mod lint_scripts;
mod lint_texts;
pub mod protect;
pub mod restore;
mod restore_run;
pub mod status;
mod test_restore;
pub mod unprotect;
pub mod verify;
mod verify_run;

use std::ffi::OsString;

use clap::Parser as _;

use crate::cli::{OwnCli, OwnCommand};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Page, Ui};

pub use context::{CommandContext, EngineSource, ProjectContext};

/// Lets Ctrl-C end a piece of work cleanly: what was half-written is removed.
async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        // First, so that a Ctrl-C in a stretch that does not yield is heeded at its end.
        biased;
        () = crate::process::interrupted() => Err(
            Failure::new(Exit::Interrupted, "interrupted").say("What was half-made was removed, and nothing was begun that is not whole."),
        ),
        done = work => done,
    }
}

/// One of our own words and what follows it. Help, and what makes no sense, is answered here: that is the `Err`.
pub fn parse(ui: &Ui, word: OsString, rest: Vec<OsString>) -> Result<OwnCommand, Exit> {
    match OwnCli::try_parse_from(std::iter::once(word).chain(rest)) {
        Ok(parsed) => Ok(parsed.word),
        Err(error) => {
            let text = error.render().to_string();
            if error.use_stderr() {
                ui.text(Page::new().text(text));
                Err(Exit::Usage)
            } else {
                ui.result(text);
                Err(Exit::Success)
            }
        }
    }
}

/// Runs one of our own words. `asked` has the global flags that stood before it.
pub async fn own(command: CommandContext, word: OsString, rest: Vec<OsString>) -> Result<Exit, Failure> {
    let word = match parse(&command.ui, word, rest) {
        Ok(word) => word,
        Err(exit) => return Ok(exit),
    };
    match word {
        OwnCommand::Backup(args) => backup::run(&command, &args).await,
        OwnCommand::Backups(args) => backups::run(&command, &args),
        OwnCommand::Restore(args) => restore::run(&command, &args).await,
        OwnCommand::Verify(args) => verify::run(&command, &args).await,
        OwnCommand::Protect(args) => protect::run(&command, &args).await,
        OwnCommand::Unprotect(args) => unprotect::run(&command, &args).await,
        OwnCommand::Status(args) => status::run(&command, &args).await,
        OwnCommand::History(args) => history::run(&command, &args),
        OwnCommand::Lint(args) => lint::run(&command.ui, &command.env, &command.reading, &args),
    }
}
