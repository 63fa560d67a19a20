//! Where a project is, by the labels of its containers, or by what was recorded.

use std::path::PathBuf;

use super::KnownProject;
use crate::commands::context::CommandContext;
use crate::commands::home::declares;
use crate::commands::home_record;
use crate::compose::project::Project;
use crate::engine::{Container, Identity, Volume, newest_with_directory};

/// Where a project is.
pub(in crate::commands) enum ProjectHome {
    /// The directory and the files that its newest container was created from, or that are recorded where no container is left.
    Directory { directory: PathBuf, files: Vec<PathBuf> },
    /// The labels do not tell, but it is the project of the current directory.
    Here(Box<Project>),
    Unknown {
        /// A sentence without a period.
        reason: String,
    },
}

impl ProjectHome {
    pub(super) fn of(
        command: &CommandContext,
        name: &str,
        containers: &[Container],
        engine: &Identity,
    ) -> Self {
        let Some((container, directory)) = newest_with_directory(containers) else {
            if let Some(recorded) = home_record::recall(command, name, engine) {
                return Self::Directory { directory: recorded.directory, files: recorded.files };
            }
            let reason = if containers.is_empty() {
                "no container is left that shows its directory"
            } else {
                "no container shows its directory"
            };
            return Self::Unknown { reason: reason.to_owned() };
        };
        if directory.is_dir() {
            Self::Directory {
                files: container.created_from_files().collect(),
                directory: directory.to_owned(),
            }
        } else {
            Self::Unknown { reason: format!("{} no longer exists", directory.display()) }
        }
    }
}

/// Recognizes the project of the current directory: after `down` no container shows where it is, and a directory can have
/// been moved.
pub(super) async fn find_here(command: &CommandContext, volumes: &[Volume], projects: &mut [KnownProject]) {
    let is_unknown = |known: &KnownProject| matches!(known.home, ProjectHome::Unknown { .. });
    if !projects.iter().any(is_unknown) {
        return;
    }
    let Ok(project) = command.project_in_background().await else { return };
    let mut unknown = projects.iter_mut().filter(|known| is_unknown(known));
    let Some(known) = unknown.find(|known| known.name == project.name) else { return };
    let own = volumes.iter().filter(|volume| volume.project() == Some(known.name.as_str()));
    let own: Vec<Volume> = own.cloned().collect();
    if !project.label_mode && declares(&project, &known.containers, &own) {
        known.home = ProjectHome::Here(Box::new(project));
    }
}
