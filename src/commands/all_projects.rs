//! Every Compose project that the engine knows by the labels of its containers and volumes.
//!
//! The engine is asked once for all of them. Compose is asked about a project's file only where the labels of its
//! containers do not tell as much, and about several projects at once.

mod files;
mod home;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};

use super::context::{self, CommandContext, ConnectedEngine, ProjectContext, no_engine};
use super::events;
use super::mode::Apply;
use crate::compose::project::Project;
use crate::engine::{Container, Volume};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) use home::ProjectHome;

/// How many projects are read at once.
const PARALLEL_READS: usize = 4;

/// The projects of an engine.
pub(super) struct AllProjects {
    connected: ConnectedEngine,
    /// Every volume of the engine.
    volumes: Vec<Volume>,
    /// By name.
    projects: Vec<KnownProject>,
}

/// A project as the labels show it.
pub(super) struct KnownProject {
    pub(super) name: String,
    pub(super) home: ProjectHome,
    /// What the command is for this project.
    command: CommandContext,
    containers: Vec<Container>,
}

/// A project that was read as far as possible.
pub(super) struct OpenedProject<'a> {
    pub(super) known: &'a KnownProject,
    pub(super) cx: ProjectContext<'a>,
    /// Why its file is not known. Its data is known by labels all the same, but not its settings.
    pub(super) unread: Option<Unread>,
}

/// Why the file of a project is not known.
pub(super) enum Unread {
    /// Its directory is gone or unknown. Its backups are kept in a directory of the user's.
    NoDirectory(String),
    /// The file is there, and cannot be read: so nobody knows where its backups are kept.
    Refused(String),
}

impl Unread {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::NoDirectory(reason) | Self::Refused(reason) => reason,
        }
    }
}

impl AllProjects {
    /// Lists the projects. What a command does for each is printed to `ui`.
    pub(super) async fn list(command: &CommandContext, ui: &Ui) -> Result<Self, Failure> {
        refuse_selection(command)?;
        let connected = ConnectedEngine::connect(command).await.map_err(no_engine)?;
        let engine = connected.engine.as_ref();
        let (containers, volumes) =
            tokio::try_join!(engine.containers_of_projects(), engine.volumes()).map_err(no_engine)?;
        let mut by_name: BTreeMap<String, Vec<Container>> = BTreeMap::new();
        for name in volumes.iter().filter_map(Volume::project).filter(|name| !name.is_empty()) {
            by_name.entry(name.to_owned()).or_default();
        }
        for container in containers {
            let name = container.project().unwrap_or_default().to_owned();
            by_name.entry(name).or_default().push(container);
        }
        let mut projects: Vec<KnownProject> = by_name
            .into_iter()
            .map(|(name, containers)| KnownProject {
                home: ProjectHome::of(command, &name, &containers, &connected.identity),
                command: command.for_project(&name, ui),
                name,
                containers,
            })
            .collect();
        home::find_here(command, &volumes, &mut projects).await;
        Ok(Self { connected, volumes, projects })
    }

    pub(super) fn connected(&self) -> &ConnectedEngine {
        &self.connected
    }

    /// Reads all projects, several at once.
    pub(super) async fn open(&self) -> Vec<OpenedProject<'_>> {
        let reads = stream::iter(&self.projects).map(|known| self.open_one(known));
        reads.buffered(PARALLEL_READS).collect().await
    }

    async fn open_one<'a>(&'a self, known: &'a KnownProject) -> OpenedProject<'a> {
        let (project, unread) = match &known.home {
            ProjectHome::Here(project) => ((**project).clone(), None),
            ProjectHome::Directory { directory, files } => match self.read(known, directory, files).await {
                Ok(project) => (project, None),
                Err(reason) => (Project::by_name(&known.name, directory), Some(Unread::Refused(reason))),
            },
            ProjectHome::Unknown { reason } => {
                let kept = super::home_record::state_directory(&known.command, &known.name);
                let unread = match kept {
                    Some(_) => Unread::NoDirectory(reason.clone()),
                    None => Unread::Refused(format!("{reason}, and HOME is not set")),
                };
                let directory = kept.unwrap_or_else(|| known.command.env.current_dir.clone());
                (Project::by_name(&known.name, &directory), Some(unread))
            }
        };
        let (settings, unread) = match Settings::read(project.settings()) {
            Ok(settings) => (settings, unread),
            Err(error) => (Settings::default(), Some(Unread::Refused(error.to_string()))),
        };
        let volumes = self.volumes_of(&project, &known.containers);
        let known_state = (known.containers.clone(), volumes);
        let cx =
            ProjectContext::of_known(&known.command, project, settings, self.connected.clone(), known_state);
        OpenedProject { known, cx, unread }
    }

    /// The project from the labels of its containers, where its files add nothing, else from Compose. The error is why
    /// Compose cannot read it.
    async fn read(
        &self,
        known: &KnownProject,
        directory: &Path,
        files: &[PathBuf],
    ) -> Result<Project, String> {
        let by_labels =
            Project { files: files.to_vec(), label_mode: false, ..Project::by_name(&known.name, directory) };
        let volumes = self.volumes.iter().filter(|volume| volume.project() == Some(known.name.as_str()));
        if files::are_told_by_labels(directory, files, &known.containers, volumes) {
            return Ok(by_labels);
        }
        let command = &known.command;
        let read = command.project_at_in_background(directory, files).await;
        read.map_err(|error| first_line(&causes(&error.into())))
    }

    /// As [`ProjectContext::volumes`].
    fn volumes_of(&self, project: &Project, containers: &[Container]) -> Vec<Volume> {
        let used: Vec<&String> = context::used_volumes(project, containers).collect();
        let is_own = |volume: &&Volume| {
            volume.project() == Some(project.name.as_str()) || used.contains(&&volume.name)
        };
        self.volumes.iter().filter(is_own).cloned().collect()
    }
}

impl OpenedProject<'_> {
    /// The directory that its containers were created from.
    pub(super) fn directory(&self) -> Option<&Path> {
        match &self.known.home {
            ProjectHome::Here(project) => Some(&project.directory),
            ProjectHome::Directory { directory, .. } => Some(directory),
            ProjectHome::Unknown { .. } => None,
        }
    }

    /// Does what changes something in this project, with a journal entry of its own.
    pub(super) async fn recording<T>(
        &self,
        apply: Apply,
        work: impl Future<Output = Result<T, Failure>>,
        exit: impl Fn(&T) -> Exit,
    ) -> Result<T, Failure> {
        let record = &self.cx.command.record;
        record.allow(apply);
        let ended = work.await;
        match &ended {
            Ok(done) => {
                record.end(self.cx.ui(), &Ok(exit(done)));
                events::project_ended(self.cx.command, apply, (exit(done), None)).await;
            }
            Err(failure) => {
                let exit = Failure::new(failure.exit, failure.message.clone());
                record.end(self.cx.ui(), &Err(exit));
                events::project_ended(self.cx.command, apply, (failure.exit, Some(failure))).await;
            }
        }
        ended
    }
}

/// The worst of the exit codes of several projects: lost data, then a backup that failed, then what could not be verified,
/// then anything else that failed.
pub(super) fn worst(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Signal(_) => 6,
        Exit::DataMissing => 5,
        Exit::BackupFailed => 4,
        Exit::Unverified => 3,
        Exit::Success => 0,
        Exit::Found => 1,
        Exit::Usage
        | Exit::Unavailable
        | Exit::Internal
        | Exit::OutputLost
        | Exit::Refused
        | Exit::Compose(_) => 2,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A project that was named as well would be ignored.
fn refuse_selection(command: &CommandContext) -> Result<(), Failure> {
    let globals = &command.reading.globals;
    let named = [
        ("-f", !globals.files.is_empty()),
        ("-p", globals.project_name.is_some()),
        ("--project-directory", globals.project_directory.is_some()),
    ];
    match named.into_iter().find_map(|(flag, is_named)| is_named.then_some(flag)) {
        Some(flag) => Err(Failure::new(Exit::Usage, format!("`{flag}` cannot be used with `--all`"))
            .say("`--all` is about every project of the engine. Nothing was run.")),
        None => Ok(()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_code_wins() {
        let of = |exits: &[Exit]| exits.iter().copied().fold(Exit::Success, worst);
        assert_eq!(of(&[Exit::Success, Exit::Success]), Exit::Success);
        assert_eq!(of(&[Exit::Unverified, Exit::DataMissing, Exit::BackupFailed]), Exit::DataMissing);
        assert_eq!(of(&[Exit::BackupFailed, Exit::Unverified, Exit::Found]), Exit::BackupFailed);
        assert_eq!(of(&[Exit::Unavailable, Exit::Unverified]), Exit::Unverified);
    }
}
