//! `backups pin` and `backups unpin`: which backups retention never removes.

use serde_json::json;

use super::find;
use crate::backup::set;
use crate::backup::store::{Backup, BackupRoot, StoreError};
use crate::cli::{Format, PinArgs};
use crate::commands::context::CommandContext;
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::format;
use crate::commands::mode::Mode;
use crate::error::Failure;
use crate::exit::Exit;

/// What is done to the backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinning {
    Pin,
    Unpin,
}

impl Pinning {
    fn verb(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Unpin => "unpin",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Pin => "pinned",
            Self::Unpin => "unpinned",
        }
    }

    /// Whether a backup is as it should be already.
    fn is_done(self, backup: &Backup) -> bool {
        backup.is_pinned == (self == Self::Pin)
    }
}

pub(super) fn run(
    command: &CommandContext,
    root: &BackupRoot,
    (args, pinning): (&PinArgs, Pinning),
    (mode, output): (Mode, Format),
) -> Result<Exit, Failure> {
    let backups = named(command, root, &args.backups)?;
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let changed = backups.iter().filter(|backup| !pinning.is_done(backup));
            let change =
                |backup: &Backup| PlannedChange::new(pinning.verb(), format!("backup `{}`", backup.name()));
            let command_line = match pinning {
                Pinning::Pin => "backups pin",
                Pinning::Unpin => "backups unpin",
            };
            return Ok(DryRun::new(command_line, changed.map(change).collect()).show(&command.ui, output));
        }
    };
    for backup in &backups {
        let name = backup.name();
        if !pinning.is_done(backup) {
            command.record.will(format!("{}s backup {name}", pinning.verb()));
            command.record.begin(apply);
        }
        let changed = match pinning {
            Pinning::Pin => root.pin(backup),
            Pinning::Unpin => root.unpin(backup),
        };
        let changed = changed.map_err(|error| failed(command, pinning, &name, error))?;
        match (output, changed, pinning) {
            (Format::Json, ..) => {}
            (Format::Text, true, Pinning::Pin) => {
                command.ui.good(format!("pinned `{name}`: retention never removes it."));
            }
            (Format::Text, true, Pinning::Unpin) => {
                command.ui.good(format!("unpinned `{name}`: the retention settings apply to it again."));
            }
            (Format::Text, false, Pinning::Pin) => command.ui.say(format!("`{name}` is already pinned.")),
            (Format::Text, false, Pinning::Unpin) => command.ui.say(format!("`{name}` is not pinned.")),
        }
    }
    if output == Format::Json {
        let names: Vec<String> = backups.iter().map(Backup::name).collect();
        command.ui.result(format::json(&json!({ pinning.done(): names })));
    }
    Ok(Exit::Success)
}

/// The backups that were named, each once; a set is all of its backups.
fn named(command: &CommandContext, root: &BackupRoot, words: &[String]) -> Result<Vec<Backup>, Failure> {
    let list = command.suggest.backups();
    let mut backups: Vec<Backup> = Vec::new();
    for word in words {
        let found = match set::named(root, word) {
            Some(file) => set::read(root, &file).map_err(|error| {
                Failure::new(Exit::Usage, format!("backup set `{word}` cannot be used"))
                    .because(error)
                    .say("Nothing was changed.")
                    .run("To list the backups", list.clone())
            })?,
            None => vec![find(root, word, &list)?],
        };
        for backup in found {
            if backups.iter().all(|known| known.directory != backup.directory) {
                backups.push(backup);
            }
        }
    }
    Ok(backups)
}

fn failed(command: &CommandContext, pinning: Pinning, name: &str, error: StoreError) -> Failure {
    Failure::new(Exit::BackupFailed, format!("`{name}` could not be {}", pinning.done()))
        .because(error)
        .say("The backup was not changed.")
        .run("To list the backups", command.suggest.backups())
}
