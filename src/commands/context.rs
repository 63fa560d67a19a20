//! The context of a command: its invocation, and its project with the engine's state, gathered once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;

pub(super) use super::command_context::{CommandContext, EngineSource};
use super::{agreement, exposed, home, lockout};
use crate::backup::driver::DriverTarget;
use crate::backup::store::{BackupOwner, BackupRoot, Lockout};
use crate::compose::project::{Project, ProjectError};
use crate::engine::context::{Endpoint, EngineEnvironment};
use crate::engine::docker::DockerEngine;
use crate::engine::{Container, Engine, EngineError, Identity, MountSource, Volume};
use crate::error::Failure;
use crate::exit::Exit;
use crate::guard::Scope;
use crate::inventory::{Inventory, Store};
use crate::policy::{Assessment, DecisionInput};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::suggest::Suggest;
use crate::ui::Ui;

/// A project, with its file and its state on the engine.
pub(super) struct ProjectContext<'a> {
    pub command: &'a CommandContext,
    pub project: Project,
    pub settings: Settings,
    pub engine: Arc<dyn Engine>,
    pub containers: Vec<Container>,
    /// Every volume with the project's label, every declared one that exists, and every mounted one.
    pub volumes: Vec<Volume>,
    /// The holder containers, of this project and of any other.
    pub holders: Vec<Container>,
    pub inventory: Inventory,
    pub root: BackupRoot,
    suggest: Suggest,
}

/// Why the context of a project could not be gathered.
pub(super) enum GatherError {
    /// Compose cannot read the file.
    File(ProjectError),
    Other(Failure),
}

impl<'a> ProjectContext<'a> {
    /// Reads the file and asks the engine.
    pub(super) async fn gather(command: &'a CommandContext) -> Result<Self, Failure> {
        Self::try_gather(command).await.map_err(|error| match error {
            GatherError::File(error) => unreadable(command, error),
            GatherError::Other(failure) => failure,
        })
    }

    /// Like [`ProjectContext::gather`], for callers that can do without the file.
    ///
    /// Compose reads the file while the engine is asked what does not depend on it. An unreadable file is reported
    /// whether or not the engine has answered.
    pub(super) async fn try_gather(command: &'a CommandContext) -> Result<Self, GatherError> {
        let project = command.project_in_background();
        let engine = ConnectingEngine::connect(command);
        tokio::pin!(project, engine);
        let (project, connecting) = tokio::select! {
            project = &mut project => (project, None),
            connecting = &mut engine => (project.await, Some(connecting)),
        };
        let (project, connecting) = match home::name_to_find(command, project.as_ref().ok()) {
            None => (project.map_err(GatherError::File)?, connecting),
            Some(name) => {
                let connecting = match connecting {
                    Some(connecting) => connecting,
                    None => engine.as_mut().await,
                };
                let asked = async {
                    let connecting = connecting?;
                    let identity = connecting.engine.identity().await?;
                    Ok((connecting, identity))
                };
                let (connecting, identity) = match asked.await {
                    Ok(answered) => answered,
                    Err(error) => {
                        project.map_err(GatherError::File)?;
                        return Err(GatherError::Other(no_engine(error)));
                    }
                };
                let found =
                    home::find(command, &name, project, (connecting.engine.as_ref(), &identity)).await;
                (found.map_err(GatherError::File)?, Some(Ok(connecting)))
            }
        };
        let settings = settings(&project).map_err(GatherError::Other)?;
        let connecting = match connecting {
            Some(connecting) => connecting,
            None => engine.await,
        };
        let of_project = async { Self::of_project(command, project, settings, connecting?).await };
        of_project.await.map_err(|error| GatherError::Other(no_engine(error)))
    }

    /// Asks the engine about the project, while it still answers what it was asked before.
    async fn of_project(
        command: &'a CommandContext,
        project: Project,
        settings: Settings,
        connecting: ConnectingEngine,
    ) -> Result<Self, EngineError> {
        let engine = Arc::clone(&connecting.engine);
        let of_project = async {
            let (containers, labelled) = tokio::try_join!(
                engine.project_containers(&project.name),
                engine.project_volumes(&project.name),
            )?;
            let volumes = every_volume(engine.as_ref(), &project, &containers, labelled).await?;
            Ok((containers, volumes))
        };
        let (connected, known) = tokio::try_join!(connecting.connected(), of_project)?;
        Ok(Self::of_known(command, project, settings, connected, known))
    }

    /// The context of a project of which the containers and volumes are known. `volumes` are those of
    /// [`ProjectContext::volumes`].
    pub(super) fn of_known(
        command: &'a CommandContext,
        project: Project,
        settings: Settings,
        connected: ConnectedEngine,
        (containers, volumes): (Vec<Container>, Vec<Volume>),
    ) -> Self {
        let ConnectedEngine { engine, identity, holders } = connected;
        let inventory =
            Inventory::take(identity, &project.name, project.whole_model(), &containers, &settings);
        let owner = BackupOwner { project: project.name.clone(), engine: Some(inventory.engine.id.clone()) };
        let root = backup_root(&project, &settings).owned_by(owner);
        command.record.locate(&root, &command.typed);
        let suggest = home::suggest(command, &project);
        command.events.locate(&project, &settings, (&inventory.engine.name, &command.typed), || {
            agreement::check_later(command, &project)
        });
        Self { command, project, settings, engine, containers, volumes, holders, inventory, root, suggest }
    }

    pub(super) fn ui(&self) -> &Ui {
        &self.command.ui
    }

    pub(super) fn suggest(&self) -> &Suggest {
        &self.suggest
    }

    /// What the command acts on.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            reading: &self.command.reading,
            label_mode: self.project.label_mode,
            model: self.project.model.as_ref(),
            whole_model: self.project.whole_model(),
            containers: &self.containers,
        }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.inventory.engine
    }

    /// What this process may not use in the backup directory.
    pub(super) fn lockout(&self) -> Option<Lockout> {
        self.root.lockout(self.inventory.stores.iter().map(|store| store.id.as_str()))
    }

    /// Adds the command that makes the backup directory usable, if this process may not use it.
    pub(super) fn with_repair(&self, failure: Failure) -> Failure {
        lockout::with_repair(failure, self.lockout().as_ref())
    }

    /// What the decision about a plan depends on.
    pub(super) fn decision_input<'i>(&'i self, plan: &'i Assessment) -> DecisionInput<'i> {
        DecisionInput {
            plan,
            destroy: self.settings.guard.destroy,
            orphan: self.settings.guard.orphan,
            terminal: self.ui().is_terminal(),
            allow: self.command.safe.allow.as_deref(),
            now: Timestamp::now(),
        }
    }

    pub(super) fn is_disposable(&self) -> bool {
        self.command.is_disposable(&self.project.name)
    }

    /// What a driver needs to work on a store.
    pub(super) fn target<'t>(&'t self, store: &'t Store, progress: &'t dyn Progress) -> DriverTarget<'t> {
        DriverTarget {
            engine: self.engine.as_ref(),
            store,
            stores: &self.inventory.stores,
            progress,
            local: self.identity().local,
            api_key: self.command.env.qdrant_api_key.as_ref(),
            quiesce: None,
        }
    }

    /// Asks the engine again, after containers were created or removed.
    pub(super) async fn refresh(&mut self) -> Result<(), EngineError> {
        self.containers = self.engine.project_containers(&self.project.name).await?;
        self.inventory = Inventory::take(
            self.inventory.engine.clone(),
            &self.project.name,
            self.project.whole_model(),
            &self.containers,
            &self.settings,
        );
        Ok(())
    }
}

/// What is known of the engine before the project is.
#[derive(Clone)]
pub(super) struct ConnectedEngine {
    pub engine: Arc<dyn Engine>,
    pub identity: Identity,
    pub holders: Vec<Container>,
}

impl ConnectedEngine {
    pub(super) async fn connect(command: &CommandContext) -> Result<Self, EngineError> {
        ConnectingEngine::connect(command).await?.connected().await
    }
}

/// An engine that is connected, and works on the answers of [`ConnectedEngine`].
struct ConnectingEngine {
    engine: Arc<dyn Engine>,
    answers: JoinHandle<Result<(Identity, Vec<Container>), EngineError>>,
}

impl ConnectingEngine {
    async fn connect(command: &CommandContext) -> Result<Self, EngineError> {
        let engine = connect(command).await?;
        let asked = Arc::clone(&engine);
        let answers = tokio::spawn(async move {
            // What a killed run left behind would keep a volume in use.
            let abandoned = async {
                crate::engine::remove_abandoned(asked.as_ref()).await;
                Ok(())
            };
            let (identity, holders, ()) = tokio::try_join!(asked.identity(), asked.holders(), abandoned)?;
            Ok((identity, holders))
        });
        Ok(Self { engine, answers })
    }

    async fn connected(self) -> Result<ConnectedEngine, EngineError> {
        let (identity, holders) = self.answers.await.map_err(|error| EngineError::Refused {
            action: "report its identity".to_owned(),
            source: error.into(),
        })??;
        Ok(ConnectedEngine { engine: self.engine, identity, holders })
    }
}

/// Connects to the engine that this command acts on.
pub(super) async fn connect(command: &CommandContext) -> Result<Arc<dyn Engine>, EngineError> {
    match &command.engine {
        EngineSource::Docker => Ok(Arc::new(connect_to_docker(command).await?)),
        #[cfg(any(test, feature = "internals"))]
        EngineSource::Given(engine) => Ok(Arc::clone(engine)),
    }
}

async fn connect_to_docker(command: &CommandContext) -> Result<DockerEngine, EngineError> {
    let globals = &command.reading.globals;
    let endpoint = Endpoint::resolve(&EngineEnvironment {
        host_flag: globals.host.clone(),
        context_flag: globals.context.clone(),
        docker_host: command.env.docker_host.clone(),
        docker_context: command.env.docker_context.clone(),
        docker_config: command.env.docker_config.clone(),
        tls_verify: command.env.docker_tls_verify.clone(),
        cert_path: command.env.docker_cert_path.clone(),
        home: command.env.home.clone(),
    })?;
    DockerEngine::connect(&endpoint).await
}

/// Where a project keeps its backups.
pub(super) fn backup_root(project: &Project, settings: &Settings) -> BackupRoot {
    let directory = project.directory.join(&settings.backup.directory);
    // Without this, `./backups` would show its dot in every message.
    let directory: PathBuf = directory.components().collect();
    BackupRoot::at(directory)
}

/// How long the engine may take to say which one it is, for commands that need it for nothing else.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(2);

/// A project's settings and where it keeps its backups, with the project as the owner.
pub(super) struct OwnBackups {
    pub project: Project,
    pub settings: Settings,
    pub root: BackupRoot,
}

/// For commands that have to work while the engine is down: then the backups of the project on all engines are its own.
pub(super) async fn own_backups(command: &CommandContext) -> Result<OwnBackups, Failure> {
    let connected = async {
        let engine = connect(command).await?;
        let identity = engine.identity().await?;
        Ok::<_, EngineError>((engine, identity))
    };
    let read = command.project();
    let name = home::name_to_find(command, read.as_ref().ok());
    let read = match (&name, read) {
        (None, Err(error)) => return Err(unreadable(command, error)),
        (_, read) => read,
    };
    let connected = tokio::time::timeout(IDENTITY_TIMEOUT, connected).await.ok().and_then(Result::ok);
    let project = match (name, &connected) {
        (Some(name), Some((engine, identity))) => {
            home::find(command, &name, read, (engine.as_ref(), identity)).await
        }
        (Some(_) | None, _) => read,
    };
    let project = project.map_err(|error| unreadable(command, error))?;
    let settings = settings(&project)?;
    let engine = connected.map(|(_, identity)| identity.id);
    let owner = BackupOwner { project: project.name.clone(), engine };
    let root = backup_root(&project, &settings).owned_by(owner);
    command.record.locate(&root, &command.typed);
    if let Some(found) = root.lockout([]) {
        command.ui.warn(lockout::sentence(&found));
    }
    exposed::warn(&command.ui, &root);
    Ok(OwnBackups { project, settings, root })
}

pub(super) fn settings(project: &Project) -> Result<Settings, Failure> {
    Settings::read(project.settings()).map_err(|error| {
        Failure::new(Exit::Usage, error.to_string())
            .say("Nothing was run. The settings are listed in docs/reference.md.")
    })
}

/// The names of the volumes that the file declares or that the containers mount.
pub(super) fn used_volumes<'a>(
    project: &'a Project,
    containers: &'a [Container],
) -> impl Iterator<Item = &'a String> {
    let declared = project.whole_model().into_iter().flat_map(|model| model.volumes.values());
    let mounts = containers.iter().flat_map(|container| &container.mounts);
    let mounted = mounts.filter_map(|mount| match &mount.source {
        MountSource::Volume { name, .. } => Some(name),
        MountSource::Bind { .. } | MountSource::Tmpfs | MountSource::Other => None,
    });
    declared.map(|declaration| &declaration.name).chain(mounted)
}

/// The labelled volumes, the declared ones that exist, and those that the containers mount.
async fn every_volume(
    engine: &dyn Engine,
    project: &Project,
    containers: &[Container],
    mut volumes: Vec<Volume>,
) -> Result<Vec<Volume>, EngineError> {
    for name in used_volumes(project, containers) {
        if volumes.iter().all(|volume| volume.name != *name)
            && let Some(volume) = engine.volume(name).await?
        {
            volumes.push(volume);
        }
    }
    Ok(volumes)
}

/// Compose cannot read the project.
pub(super) fn unreadable(command: &CommandContext, error: ProjectError) -> Failure {
    let failure =
        Failure::new(Exit::Unavailable, "the project cannot be read, so nothing was run").because(error);
    match command.composes() {
        Some(name) => failure
            .say(format!("The effects of `{name}` on the data are unknown until Compose can read the file.")),
        None => failure.say("Fix the Compose file and try again."),
    }
}

/// The engine does not answer, or refuses.
pub(super) fn no_engine(error: EngineError) -> Failure {
    let advice = match &error {
        EngineError::Unreachable { .. } => {
            "Nothing was run. `docker info` shows whether the engine is running."
        }
        EngineError::Forbidden { .. } => {
            "Nothing was run. Use sudo, or join the group that owns the engine's socket (usually `docker`)."
        }
        EngineError::Context { .. } => "Nothing was run. `docker context ls` lists the contexts.",
        EngineError::NotFound { .. } | EngineError::Refused { .. } | EngineError::Unsupported(_) => {
            "Nothing was run."
        }
    };
    Failure::new(Exit::Unavailable, "the Docker Engine cannot be used").because(error).say(advice)
}
