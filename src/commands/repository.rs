//! `safe-compose repository`: the repository that backups are copied to.

mod access;
mod choose;
mod copy;
mod list;
mod offload;
mod prune;
mod receive;
mod transfer;
mod verify;

use serde_json::json;

use super::context::{self, CommandContext, OwnBackups};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use crate::backup::repository::{ReadData, RepositoryAccess, RepositoryError};
use crate::cli::{Format, RepositoryAction, RepositoryArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::{Progress as _, Unit};

pub(super) use copy::{after_backups, before_command, status};
pub(super) use list::list;
pub(super) use offload::{bring_back, offload};
pub(super) use receive::{Received, receive};
pub(super) use verify::verify;

pub(super) async fn run(
    command: &CommandContext,
    args: &RepositoryArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let OwnBackups { project, settings, root } = context::own_backups(command).await?;
    let access = access::of_settings(command, (&project, &settings), &command.suggest)?;
    match (&args.action, mode) {
        (RepositoryAction::Init { .. }, Mode::DryRun) => {
            let change = PlannedChange::new("create", format!("the repository {}", access.location));
            Ok(DryRun::new("repository init", vec![change]).show(&command.ui, output))
        }
        (RepositoryAction::Init { .. }, Mode::Apply(apply)) => init(command, access, apply, output).await,
        (RepositoryAction::Check { read_data: all, read_data_subset: part }, _) => {
            check(command, access, read_data(*all, *part), output).await
        }
        (RepositoryAction::Prune { .. }, mode) => {
            prune::run(command, (&root, settings.backup.keep), access, (mode, output)).await
        }
        (RepositoryAction::Copy { .. }, mode) => {
            copy::all(command, (&project, &root), access, (mode, output)).await
        }
    }
}

/// All of the data, this percentage of it, or none.
fn read_data(all: bool, percent: Option<u8>) -> ReadData {
    match percent {
        _ if all => ReadData::All,
        Some(percent) => ReadData::Percent(percent),
        None => ReadData::None,
    }
}

async fn init(
    command: &CommandContext,
    access: RepositoryAccess,
    apply: Apply,
    output: Format,
) -> Result<Exit, Failure> {
    command.record.will(format!("creates the repository {}", access.location));
    command.record.begin(apply);
    let created =
        access::blocking(move || access.init().map(|repository| repository.name().to_owned())).await;
    let name = created.map_err(|error| failed("the repository was not created", error))?;
    command.ui.good(format!("created the repository {name}, in restic's format."));
    command
        .ui
        .say("Without its password, nothing can be restored from it. Keep the password somewhere else, too.");
    command.ui.suggest("To copy the backups that exist", command.suggest.repository_copy());
    if output == Format::Json {
        command.ui.result(format::json(&json!({ "repository": name })));
    }
    Ok(Exit::Success)
}

async fn check(
    command: &CommandContext,
    access: RepositoryAccess,
    read: ReadData,
    output: Format,
) -> Result<Exit, Failure> {
    let name = access.location.to_string();
    let task = command.ui.meter().begin("checking the repository", Unit::Time, None);
    let found = access::blocking(move || access.open()?.check(read)).await;
    drop(task);
    let problems = found.map_err(|error| failed("the repository could not be checked", error))?;
    if output == Format::Json {
        command.ui.result(format::json(&json!({ "repository": name, "problems": problems })));
    }
    if problems.is_empty() {
        let how = match read {
            ReadData::None => "its structure is complete; its data was not read (`--read-data`)".to_owned(),
            ReadData::Percent(percent) => {
                format!("its structure is complete, and {percent}% of its data was read")
            }
            ReadData::All => "its structure is complete, and all of its data was read".to_owned(),
        };
        command.ui.good(format!("the repository {name} is intact: {how}."));
        return Ok(Exit::Success);
    }
    Err(Failure::new(Exit::DataMissing, format!("the repository {name} is damaged"))
        .because(anyhow::anyhow!(problems.join("\n")))
        .say("Nothing was changed. `restic repair` can bring back what is intact."))
}

fn failed(what: &str, error: RepositoryError) -> Failure {
    let exit = match &error {
        RepositoryError::Location(_) | RepositoryError::NoPassword | RepositoryError::EmptyPassword => {
            Exit::Usage
        }
        RepositoryError::Failed { .. }
        | RepositoryError::Unreachable(_)
        | RepositoryError::NoRclone
        | RepositoryError::Missing(_)
        | RepositoryError::NotARepository(_) => Exit::Unavailable,
        _ => Exit::BackupFailed,
    };
    let advice = advice(&error);
    let failure = Failure::new(exit, what).because(error);
    advice.into_iter().fold(failure, Failure::say)
}

/// What to do about an error, where it is not that of one backup.
fn advice(error: &RepositoryError) -> Option<&'static str> {
    match error {
        RepositoryError::WrongPassword(_) => Some(
            "The password is the value of `SAFE_COMPOSE_REPOSITORY_PASSWORD`, or else that of `password_file` or \
             `password_command`. Nothing was changed.",
        ),
        RepositoryError::Missing(_) | RepositoryError::NotARepository(_) => {
            Some("Check its address. Nothing was created or changed there.")
        }
        RepositoryError::NewerRepository { .. } | RepositoryError::NewerBackup { .. } => {
            Some("Nothing was changed in the repository.")
        }
        RepositoryError::Failed { .. } | RepositoryError::Unreachable(_) => {
            Some("Nothing was changed on this machine.")
        }
        _ => None,
    }
}
