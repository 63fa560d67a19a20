//! What a restore does to the services around it, through the real Compose: stops, creates and starts them.

use std::collections::{BTreeMap, BTreeSet};

use super::assume;
use crate::backup::driver::Action;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::former_image::FormerImage;
use crate::commands::mode::Apply;
use crate::commands::real_compose::compose;
use crate::commands::restore_run::PlannedRestore;
use crate::compose::subcommand::GuardedCommand;
use crate::engine::{Container, MountSource};
use crate::error::Failure;
use crate::inventory::{LocationSource, Store, StoreKind};
use crate::policy::Approval;

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
    /// Their containers get these images, which the file does not name.
    images: BTreeMap<String, String>,
    stopped: bool,
    started: bool,
    recreated: bool,
}

impl RestoreServices {
    pub(super) fn of(
        cx: &ProjectContext<'_>,
        chosen: &[(Store, Backup)],
        planned: &[PlannedRestore<'_>],
        images: &BTreeMap<String, String>,
    ) -> Self {
        let mut services = Self { images: images.clone(), ..Self::default() };
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
        self.images.is_empty()
            && [&self.stop, &self.create, &self.start, &self.up].iter().all(|services| services.is_empty())
    }

    /// Stops, creates and starts what is needed. The plan of the restore was approved.
    pub(super) async fn prepare(
        &mut self,
        cx: &ProjectContext<'_>,
        apply: Apply,
        _: &Approval,
    ) -> Result<(), Failure> {
        self.try_prepare(cx, apply).await.map_err(|failure| failure.say("Nothing was restored."))
    }

    async fn try_prepare(&mut self, cx: &ProjectContext<'_>, apply: Apply) -> Result<(), Failure> {
        if !self.stop.is_empty() {
            // Also where the command fails: some services may have stopped.
            self.stopped = true;
            compose(cx, &[GuardedCommand::Stop.name()], &self.stop).await?;
        }
        for (service, image) in &self.images {
            self.recreated = true;
            FormerImage::new(cx, apply, service, image)?.create().await?;
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

    /// The same after a failure: the containers get the images of the file again.
    pub(super) async fn return_after_failure(&self, cx: &ProjectContext<'_>) -> Result<(), Failure> {
        if self.recreated {
            let services: BTreeSet<String> = self.images.keys().cloned().collect();
            compose(cx, &[GuardedCommand::Up.name(), "--no-start", "--no-deps"], &services).await?;
        }
        self.return_to_state(cx).await
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

/// The state of a project's services, as a command found it.
#[derive(Debug, Default)]
pub(in crate::commands) struct ServiceStates {
    pub(in crate::commands) running: BTreeSet<String>,
    /// They had containers, none of which ran.
    pub(in crate::commands) stopped: BTreeSet<String>,
    /// How many containers a service had, where it had more than one.
    pub(in crate::commands) replicas: BTreeMap<String, usize>,
}

impl ServiceStates {
    /// Whether a service had a container.
    pub(in crate::commands) fn has(&self, service: &str) -> bool {
        self.running.contains(service) || self.stopped.contains(service)
    }

    /// Whether not all containers run that a service had.
    pub(in crate::commands) fn is_short_of(&self, cx: &ProjectContext<'_>, service: &str) -> bool {
        containers(cx, service, true) < self.replicas.get(service).copied().unwrap_or(1)
    }

    /// Creates the containers of services with `up`. Existing ones stay as they are, and none is removed.
    async fn up(
        &self,
        cx: &ProjectContext<'_>,
        flag: &str,
        services: &BTreeSet<String>,
    ) -> Result<(), Failure> {
        if services.is_empty() {
            return Ok(());
        }
        let several = self.replicas.iter().filter(|(name, _)| services.contains(*name));
        let scale: Vec<String> =
            several.flat_map(|(name, count)| ["--scale".to_owned(), format!("{name}={count}")]).collect();
        let mut words = vec![GuardedCommand::Up.name(), flag, "--no-deps", "--no-recreate"];
        words.extend(scale.iter().map(String::as_str));
        compose(cx, &words, services).await
    }
}

/// Creates the containers that services had, without starting them.
pub(in crate::commands) async fn create(
    cx: &ProjectContext<'_>,
    services: &BTreeSet<String>,
    states: &ServiceStates,
) -> Result<(), Failure> {
    states.up(cx, "--no-start", services).await
}

/// Returns services to the state that they were in: those that ran run, the others exist and do not run. What a service
/// depends on stays as it is.
pub(in crate::commands) async fn return_to(
    cx: &ProjectContext<'_>,
    states: &ServiceStates,
) -> Result<(), Failure> {
    let absent: BTreeSet<String> =
        states.stopped.iter().filter(|name| containers(cx, name, false) == 0).cloned().collect();
    let still: BTreeSet<String> =
        states.running.iter().filter(|name| states.is_short_of(cx, name)).cloned().collect();
    let meanwhile: BTreeSet<String> =
        states.stopped.iter().filter(|name| containers(cx, name, true) > 0).cloned().collect();
    states.up(cx, "--no-start", &absent).await?;
    states.up(cx, "-d", &still).await?;
    if !meanwhile.is_empty() {
        compose(cx, &[GuardedCommand::Stop.name()], &meanwhile).await?;
    }
    Ok(())
}

/// How many containers a service has, or how many of them run.
fn containers(cx: &ProjectContext<'_>, service: &str, running: bool) -> usize {
    let own = cx.containers.iter().filter(|container| container.service() == Some(service));
    own.filter(|container| !container.is_one_off() && (!running || container.is_running())).count()
}

/// Whether a running container has the files of a store.
pub(in crate::commands) fn uses(container: &Container, store: &Store) -> bool {
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
