//! What the user asked for, one file each. The only room that knows all duties.

mod asking;
pub mod backup;
pub mod backups;
mod comparing;
mod describe;
mod export;
mod grouping;
pub mod guarded;
pub mod history;
mod import;
pub mod lint;
mod lint_scripts;
mod lint_texts;
pub mod protect;
mod proving;
mod records;
pub mod restore;
mod restoring;
mod saving;
mod stack;
pub mod status;
pub mod unprotect;
pub mod verify;

use std::ffi::OsString;

use clap::Parser as _;

use crate::cli::{Own, Word};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

pub use stack::{Asked, Stack};

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
pub fn parse(ui: &Ui, word: OsString, rest: Vec<OsString>) -> Result<Word, Exit> {
    match Own::try_parse_from(std::iter::once(word).chain(rest)) {
        Ok(parsed) => Ok(parsed.word),
        Err(error) => {
            let text = error.render().to_string();
            if error.use_stderr() {
                ui.text(text);
                Err(Exit::Usage)
            } else {
                ui.result(text);
                Err(Exit::Success)
            }
        }
    }
}

/// Runs one of our own words. `asked` has the global flags that stood before it.
pub async fn own(asked: Asked, word: OsString, rest: Vec<OsString>) -> Result<Exit, Failure> {
    let word = match parse(&asked.ui, word, rest) {
        Ok(word) => word,
        Err(exit) => return Ok(exit),
    };
    match word {
        Word::Backup(args) => backup::run(&asked, &args).await,
        Word::Backups(args) => backups::run(&asked, &args),
        Word::Restore(args) => restore::run(&asked, &args).await,
        Word::Verify(args) => verify::run(&asked, &args).await,
        Word::Protect(args) => protect::run(&asked, &args).await,
        Word::Unprotect(args) => unprotect::run(&asked, &args).await,
        Word::Status(args) => status::run(&asked, &args).await,
        Word::History(args) => history::run(&asked, &args),
        Word::Lint(args) => lint::run(&asked.ui, &asked.env, &asked.reading, &args),
    }
}
