//! What a restore does to the services around it, through the real Compose: stops, creates and starts them.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::assume;
use crate::backup::driver::Action;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::restore_run::PlannedRestore;
use crate::compose::subcommand::GuardedCommand;
use crate::engine::{Container, MountSource};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{LocationSource, Store, StoreKind};
use crate::policy::Approval;
use crate::process::{self, SpawnOptions};

/// The services that a restore stops, creates and starts.
#[derive(Debug, Default)]
pub(super) struct RestoreServices {
    /// They run on files that are replaced, and are started again.
    stop: BTreeSet<String>,
    /// Their containers and volumes do not exist.
    create: BTreeSet<String>,
    /// Servers that have to run to be restored, and were stopped before.
    start: BTreeSet<String>,
    /// Servers that have to run to be restored, and have no container.
    up: BTreeSet<String>,
    stopped: bool,
    started: bool,
}

impl RestoreServices {
    pub(super) fn of(
        cx: &ProjectContext<'_>,
        chosen: &[(Store, Backup)],
        planned: &[PlannedRestore<'_>],
    ) -> Self {
        let mut services = Self::default();
        let changes =
            |one: &PlannedRestore<'_>| one.plan.steps.iter().any(|step| step.action != Action::Keep);
        let changed = chosen.iter().zip(planned).filter(|(_, planned)| changes(planned));
        for ((store, backup), _) in changed {
            match (backup.manifest.kind, &store.container) {
                (StoreKind::Qdrant | StoreKind::Sql(_), Some(container)) if !container.is_running() => {
                    services.start.insert(store.service.clone());
                }
                (StoreKind::Qdrant | StoreKind::Sql(_), None) => {
                    services.up.insert(store.service.clone());
                }
                (StoreKind::Qdrant | StoreKind::Sql(_), Some(_)) => {}
                (StoreKind::Volume, _) => {
                    let users = cx.containers.iter().filter(|container| uses(container, store));
                    services.stop.extend(users.filter_map(Container::service).map(str::to_owned));
                    if store.container.is_none() && !assume::is_comparable(cx, store, backup) {
                        services.create.insert(store.service.clone());
                    }
                }
            }
        }
        services
    }

    /// Whether anything has to be done before the restore.
    pub(super) fn are_ready(&self) -> bool {
        [&self.stop, &self.create, &self.start, &self.up].iter().all(|services| services.is_empty())
    }

    /// Stops, creates and starts what is needed. The plan of the restore was approved.
    pub(super) async fn prepare(&mut self, cx: &ProjectContext<'_>, _: &Approval) -> Result<(), Failure> {
        self.try_prepare(cx).await.map_err(|failure| failure.say("Nothing was restored."))
    }

    async fn try_prepare(&mut self, cx: &ProjectContext<'_>) -> Result<(), Failure> {
        if !self.stop.is_empty() {
            // Also where the command fails: some services may have stopped.
            self.stopped = true;
            compose(cx, &[GuardedCommand::Stop.name()], &self.stop).await?;
        }
        if !self.create.is_empty() {
            compose(cx, &[GuardedCommand::Up.name(), "--no-start"], &self.create).await?;
        }
        if !self.up.is_empty() {
            compose(cx, &[GuardedCommand::Up.name(), "-d", "--no-deps"], &self.up).await?;
        }
        if !self.start.is_empty() {
            self.started = true;
            compose(cx, &[GuardedCommand::Start.name()], &self.start).await?;
        }
        Ok(())
    }

    /// Starts what was stopped, and stops what was started.
    pub(super) async fn return_to_state(&self, cx: &ProjectContext<'_>) -> Result<(), Failure> {
        if self.stopped {
            compose(cx, &[GuardedCommand::Start.name()], &self.stop).await?;
        }
        if self.started {
            compose(cx, &[GuardedCommand::Stop.name()], &self.start).await?;
        }
        Ok(())
    }

    /// The services that are stopped meanwhile.
    pub(super) fn interrupted(&self) -> Option<String> {
        let names: Vec<String> = self.stop.iter().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Whether the containers and volumes of a service were created for this.
    pub(super) fn creates(&self, service: &str) -> bool {
        self.create.contains(service)
    }

    /// The services that run again now, because they ran before.
    pub(super) fn restarted(&self) -> Option<&BTreeSet<String>> {
        self.stopped.then_some(&self.stop)
    }
}

/// Starts all services of the project.
pub(super) async fn start_project(cx: &ProjectContext<'_>) -> Result<(), Failure> {
    compose(cx, &[GuardedCommand::Up.name(), "-d"], &BTreeSet::new()).await
}

/// Returns services to the state that they were in: those in `running` run, the others exist and do not run. What a service
/// depends on stays as it is.
pub(in crate::commands) async fn return_to(
    cx: &ProjectContext<'_>,
    running: &BTreeSet<String>,
    stopped: &BTreeSet<String>,
) -> Result<(), Failure> {
    let of = |service: &str, runs: bool| {
        let mut own = cx.containers.iter().filter(|container| container.service() == Some(service));
        own.any(|container| !container.is_one_off() && (!runs || container.is_running()))
    };
    let absent: BTreeSet<String> = stopped.iter().filter(|name| !of(name, false)).cloned().collect();
    let still: BTreeSet<String> = running.iter().filter(|name| !of(name, true)).cloned().collect();
    let meanwhile: BTreeSet<String> = stopped.iter().filter(|name| of(name, true)).cloned().collect();
    if !absent.is_empty() {
        compose(cx, &[GuardedCommand::Up.name(), "--no-start", "--no-deps"], &absent).await?;
    }
    if !still.is_empty() {
        compose(cx, &[GuardedCommand::Up.name(), "-d", "--no-deps"], &still).await?;
    }
    if !meanwhile.is_empty() {
        compose(cx, &[GuardedCommand::Stop.name()], &meanwhile).await?;
    }
    Ok(())
}

/// Whether a running container has the files of a store.
fn uses(container: &Container, store: &Store) -> bool {
    let is_own = store.container.as_ref().is_some_and(|own| own.id == container.id);
    let has_place = |source: &MountSource| {
        store.locations.iter().any(|place| match (source, &place.source) {
            (MountSource::Volume { name, .. }, LocationSource::Volume { name: Some(place), .. }) => {
                name == place
            }
            (MountSource::Bind { path }, LocationSource::Bind { path: place }) => path == place,
            _ => false,
        })
    };
    let writes = container.mounts.iter().any(|mount| !mount.read_only && has_place(&mount.source));
    container.is_running() && (is_own || writes)
}

/// Runs the real Compose for services of the project, on the same terminal.
async fn compose(
    cx: &ProjectContext<'_>,
    words: &[&str],
    services: &BTreeSet<String>,
) -> Result<(), Failure> {
    let command = cx.command;
    let program = command.binary.path.clone();
    let globals = &command.reading.globals;
    let mut args = globals.argv.clone();
    // A project that is named from elsewhere was found by its containers, which Compose does not do.
    if globals.project_name.is_some() && globals.files.is_empty() && globals.project_directory.is_none() {
        args.extend(["--project-directory".into(), cx.project.directory.clone().into_os_string()]);
    }
    args.extend(words.iter().map(OsString::from));
    args.extend(services.iter().map(OsString::from));
    let options = SpawnOptions { stdin: command.stdin.clone(), variable: None };
    let what = format!("`{}`", words.join(" "));
    let ended = tokio::task::spawn_blocking(move || process::supervise(&program, &args, options)).await;
    match ended {
        Ok(Ok(exit)) if exit.code == 0 && !exit.interrupted => Ok(()),
        Ok(Ok(exit)) if exit.interrupted => Err(Failure::new(Exit::INTERRUPTED, "interrupted")),
        Ok(Ok(exit)) => Err(Failure::new(Exit::BackupFailed, format!("{what} failed"))
            .because(anyhow::anyhow!("Compose ended with exit code {}", exit.code))),
        Ok(Err(error)) => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", command.binary.path.display()))
                .because(error))
        }
        Err(error) => Err(Failure::new(Exit::Internal, "waiting for Compose failed").because(error)),
    }
}
