//! Where a project is that is named from elsewhere: `-p shop down -v` works in any directory, but the project's settings
//! and backups are in its own.
//!
//! The labels of its containers name its directory, and after `down` a record of where it was (`home_record`). Where that
//! is gone, or nothing was recorded and the file in the current directory does not have all its volumes, its backups are kept
//! in a directory of the user's.

use std::path::{Path, PathBuf};

use super::command_context::CommandContext;
use super::home_record::{self, RecordedHome, state_directory};
use crate::compose::project::{Project, ProjectError};
use crate::engine::{Container, Engine, EngineError, Identity, Volume, newest_with_directory};
use crate::suggest::Suggest;

/// Where the project of a command is.
enum Home {
    /// Where the command's own arguments and the current directory say.
    Here,
    /// The directory and the files that its containers were created from.
    Elsewhere { directory: PathBuf, files: Vec<PathBuf> },
    /// The containers were created from a directory that no longer exists, or there are only volumes.
    Unknown { missing: Option<PathBuf> },
}

/// The name of the project, if it has to be found by it: `-p` or `COMPOSE_PROJECT_NAME` is all that the command says of the
/// project, and the command is one of our own, or one that reads no file. `read` is what there is where it was typed.
pub(super) fn name_to_find(command: &CommandContext, read: Option<&Project>) -> Option<String> {
    let globals = &command.reading.globals;
    let names_file = !globals.files.is_empty()
        || globals.project_directory.is_some()
        || command.env.compose_file.is_some();
    let by_name = command.composes().is_none() || read.is_some_and(|project| project.label_mode);
    if names_file || !by_name {
        return None;
    }
    let given = globals.project_name.clone().filter(|name| !name.is_empty());
    given.or_else(|| command.env.compose_project_name.clone()).map(|name| name.to_lowercase())
}

/// The project of that name: as it was read where the command was typed, or from its own directory.
pub(super) async fn find(
    command: &CommandContext,
    name: &str,
    read: Result<Project, ProjectError>,
    (engine, identity): (&dyn Engine, &Identity),
) -> Result<Project, ProjectError> {
    match locate(command, name, read.as_ref().ok(), (engine, identity)).await {
        // Without an answer of the engine it is the file that counts.
        Ok(Home::Here) | Err(_) => read,
        Ok(Home::Elsewhere { directory, files }) => Ok(at(command, name, read.ok(), &directory, &files)),
        Ok(Home::Unknown { missing }) => Ok(nowhere(command, name, read.ok(), missing.as_deref())),
    }
}

async fn locate(
    command: &CommandContext,
    name: &str,
    read: Option<&Project>,
    (engine, identity): (&dyn Engine, &Identity),
) -> Result<Home, EngineError> {
    let containers = engine.project_containers(name).await?;
    if let Some(project) = read
        && containers.iter().any(|container| is_from(container, &project.directory))
    {
        return Ok(Home::Here);
    }
    if let Some((newest, directory)) = newest_with_directory(&containers) {
        let directory = directory.to_owned();
        if directory.is_dir() {
            let files = newest.config_files().map(Path::to_owned).collect();
            return Ok(Home::Elsewhere { directory, files });
        }
        // It was moved here, or its file was checked out anew.
        let is_here = read.is_some_and(|project| declares(project, &containers, &[]));
        return Ok(if is_here { Home::Here } else { Home::Unknown { missing: Some(directory) } });
    }
    if let Some(recorded) = home_record::recall(command, name, identity) {
        let is_here = read.is_some_and(|project| is_same_directory(&recorded.directory, &project.directory));
        let RecordedHome { directory, files, .. } = recorded;
        return Ok(if is_here { Home::Here } else { Home::Elsewhere { directory, files } });
    }
    let volumes = engine.project_volumes(name).await?;
    let is_here = match read {
        None => containers.is_empty() && volumes.is_empty() && !has_backups(command, name),
        Some(project) if project.label_mode => declares(project, &containers, &volumes),
        // The file that the project would be created from.
        Some(_) => true,
    };
    Ok(if is_here { Home::Here } else { Home::Unknown { missing: None } })
}

/// Whether the file where the command was typed has every service and every volume of the project.
pub(super) fn declares(project: &Project, containers: &[Container], volumes: &[Volume]) -> bool {
    let Some(model) = project.whole_model().or(project.nearby.as_ref()) else { return false };
    let has_volume = |name: &str| model.volumes.values().any(|volume| volume.name == name);
    let has_service =
        |container: &Container| container.service().is_some_and(|name| model.services.contains_key(name));
    containers.iter().all(has_service) && volumes.iter().all(|volume| has_volume(&volume.name))
}

fn is_from(container: &Container, directory: &Path) -> bool {
    container.working_dir().is_some_and(|known| is_same_directory(known, directory))
}

/// Whether two paths lead to one directory. A path that leads nowhere is only the same as itself.
pub(super) fn is_same_directory(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// The project in its own directory. What a command of Compose's acts on does not change: it reads no file.
fn at(
    command: &CommandContext,
    name: &str,
    read: Option<Project>,
    directory: &Path,
    files: &[PathBuf],
) -> Project {
    command.ui.say(format!(
        "project `{name}` is in {}: its settings and backups there are used.",
        directory.display()
    ));
    let found = command.project_at(directory, files);
    let by_name = match (read, command.composes()) {
        (Some(project), Some(_)) => Project { directory: directory.to_owned(), nearby: None, ..project },
        (Some(_) | None, _) => Project::by_name(name, directory),
    };
    match (found, command.composes()) {
        (Ok(found), None) => found,
        (Ok(found), Some(_)) => {
            let file = found.everything.or(found.model).or(found.nearby);
            Project { nearby: file, ..by_name }
        }
        (Err(error), _) => {
            command.ui.warn(format!(
                "the Compose file of project `{name}` cannot be read, so its settings are not known: {error}."
            ));
            by_name
        }
    }
}

/// The project without a directory of its own.
fn nowhere(command: &CommandContext, name: &str, read: Option<Project>, missing: Option<&Path>) -> Project {
    let Some(directory) = state_directory(command, name) else {
        return read.unwrap_or_else(|| Project::by_name(name, &command.env.current_dir));
    };
    let why = match missing {
        Some(missing) => {
            format!("the directory of project `{name}`, {}, no longer exists", missing.display())
        }
        None => format!("no container shows which directory project `{name}` is from"),
    };
    command.ui.say(format!(
        "{why}: its settings are not known, and its backups are kept in {}/backups.",
        directory.display()
    ));
    match (read, command.composes()) {
        (Some(project), Some(_)) => Project { directory, nearby: None, ..project },
        (Some(_) | None, _) => Project::by_name(name, &directory),
    }
}

/// The suggestions for a project, which has to be named where it is not found by the current directory.
pub(super) fn suggest(command: &CommandContext, project: &Project) -> Suggest {
    let is_elsewhere = command.composes().is_none()
        && !project.label_mode
        && name_to_find(command, None).is_some()
        && !command.env.current_dir.starts_with(&project.directory);
    if is_elsewhere { command.suggest.in_directory(&project.directory) } else { command.suggest.clone() }
}

fn has_backups(command: &CommandContext, name: &str) -> bool {
    state_directory(command, name).is_some_and(|directory| directory.join("backups").is_dir())
}
