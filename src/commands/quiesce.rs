//! Keeps containers from writing while their files are copied: what the command stops anyway is stopped first, through
//! Compose, and everything else is paused or stopped as the settings and the program require.

pub(super) mod together;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::context::ProjectContext;
use super::format;
use super::held::{HeldContainers, StillHeld, Until};
use super::label_commands;
use super::mode::Apply;
use crate::backup::driver::redis;
use crate::backup::quiesce::Quiesce;
use crate::compose::stop::{ServiceStop, StopError};
use crate::engine::{Container, ContainerState};
use crate::error::{Failure, Hint};
use crate::exit::Exit;
use crate::inventory::known;
use crate::settings::QuiesceMode;

/// See the head of this file.
pub(super) struct Quiescer<'a> {
    cx: &'a ProjectContext<'a>,
    held: HeldContainers,
    /// The running containers that the command stops, unless their server is backed up while it runs.
    stops: Vec<Container>,
    /// While several stores are backed up at one moment: the containers that have to run until then.
    together: Mutex<Option<BTreeSet<String>>>,
}

impl<'a> Quiescer<'a> {
    /// For a command that stops nothing.
    pub(super) fn new(cx: &'a ProjectContext<'a>, apply: Apply) -> Self {
        Self::stopping(cx, apply, Vec::new())
    }

    /// For a command that stops these containers.
    pub(super) fn stopping(cx: &'a ProjectContext<'a>, apply: Apply, stops: Vec<Container>) -> Self {
        Self { cx, held: HeldContainers::new(cx, apply), stops, together: Mutex::default() }
    }

    /// The end of the work: what is stopped for the command stays so if the work succeeded.
    pub(super) async fn finish<T>(self, result: Result<T, Failure>) -> Result<(T, HeldContainers), Failure> {
        match result {
            Ok(value) => Ok((value, self.held)),
            Err(failure) => Err(restore(self.cx, &self.held, failure).await),
        }
    }

    /// How a container is kept from writing.
    fn mode(&self, container: &Container) -> QuiesceMode {
        let is_own = container.project() == Some(self.cx.project.name.as_str()) && !container.is_one_off();
        let set = if is_own { self.set_mode(container) } else { None };
        match set.unwrap_or_else(|| known::quiesce(&container.image)) {
            // Compose cannot stop it, and a container that is removed when it stops cannot be started again.
            QuiesceMode::Stop if !is_own => QuiesceMode::Pause,
            // The engine refuses to pause it.
            QuiesceMode::Pause if is_own && container.state == ContainerState::Restarting => {
                QuiesceMode::Stop
            }
            mode => mode,
        }
    }

    /// What the settings say, or else the labels of other backup tools.
    fn set_mode(&self, container: &Container) -> Option<QuiesceMode> {
        let service = container.service()?;
        let set = self.cx.settings.services.get(service).and_then(|settings| settings.quiesce);
        let is_labelled = || label_commands::of_service(self.cx, service).is_some_and(|labels| labels.stops);
        set.or_else(|| is_labelled().then_some(QuiesceMode::Stop))
    }

    /// Makes a server that keeps its newest data in memory write it to disk. `false` if it is none, if the settings want it to
    /// be stopped, or if it does not do so.
    async fn saves_its_data(&self, container: &Container) -> bool {
        if self.set_mode(container).is_some()
            || container.state != ContainerState::Running
            || !redis::is_one(container)
        {
            return false;
        }
        let saved = redis::save(self.cx.engine.as_ref(), container).await;
        if let Err(error) = &saved {
            self.cx.ui().say(format!(
                "`{}` is stopped, because it cannot save its data now: {error:#}.",
                container.name
            ));
        }
        saved.is_ok()
    }

    /// Stops what the command stops, if one of the writers is among it.
    async fn stop_for_command(&self, writers: &[Container]) -> anyhow::Result<()> {
        if !writers.iter().any(|writer| self.is_stopped_anyway(writer) && !self.held.holds(&writer.id)) {
            return Ok(());
        }
        let needed = self.together().clone().unwrap_or_default();
        let stops = self.stops.iter().filter(|one| !self.held.holds(&one.id) && !needed.contains(&one.id));
        let stops: Vec<Container> = stops.cloned().collect();
        let name = self.cx.command.reading.name();
        self.cx.ui().say(format!("stopping {} before the backup, as `{name}` would.", names(&stops)));
        self.stop(&stops, Until::CommandEnded).await
    }

    fn is_stopped_anyway(&self, container: &Container) -> bool {
        self.stops.iter().any(|other| other.id == container.id)
    }

    fn together(&self) -> MutexGuard<'_, Option<BTreeSet<String>>> {
        self.together.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops containers: services of the file through Compose, orphan containers through the engine.
    async fn stop(&self, containers: &[Container], until: Until) -> anyhow::Result<()> {
        let declared = |service: &&str| {
            self.cx.project.whole_model().is_none_or(|model| model.services.contains_key(*service))
        };
        let mut services: Vec<String> =
            containers.iter().filter_map(Container::service).filter(declared).map(str::to_owned).collect();
        services.sort();
        services.dedup();
        let command = self.cx.command;
        let stop = ServiceStop::new(&command.binary, &command.reading, command.stdin.as_deref(), &services);
        let work = async move { if services.is_empty() { Ok(()) } else { stop.run().await } };
        self.held.stop::<StopError>(containers, until, work).await
    }

    /// The running containers of the services of these: Compose stops all of a service.
    async fn of_their_services(&self, containers: &[&Container]) -> anyhow::Result<Vec<Container>> {
        if containers.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = self.cx.engine.project_containers(&self.cx.project.name).await?;
        all.retain(|one| {
            one.is_running()
                && !one.is_one_off()
                && containers.iter().any(|other| other.service() == one.service())
        });
        Ok(all)
    }
}

#[async_trait]
impl Quiesce for Quiescer<'_> {
    async fn hold(&self, writers: &[Container]) -> anyhow::Result<()> {
        self.stop_for_command(writers).await?;
        let running =
            writers.iter().filter(|one| one.state != ContainerState::Paused && !self.held.holds(&one.id));
        let (mut pause, mut stop) = (Vec::new(), Vec::new());
        for writer in running {
            match self.mode(writer) {
                QuiesceMode::Pause => pause.push(writer.clone()),
                QuiesceMode::Stop if self.saves_its_data(writer).await => pause.push(writer.clone()),
                QuiesceMode::Stop => stop.push(writer),
                QuiesceMode::None => {}
            }
        }
        let stop = self.of_their_services(&stop).await?;
        if !stop.is_empty() {
            self.cx.ui().say(format!("stopping {} while the files are copied.", names(&stop)));
            self.stop(&stop, Until::Copied).await?;
        }
        pause.retain(|one| !self.held.holds(&one.id));
        self.pause(&pause).await
    }

    async fn freeze(&self, writers: &[Container]) -> anyhow::Result<()> {
        let runs = |one: &&Container| {
            one.state != ContainerState::Paused
                && !self.held.holds(&one.id)
                && self.mode(one) != QuiesceMode::None
        };
        let running: Vec<Container> = writers.iter().filter(runs).cloned().collect();
        self.pause(&running).await
    }

    async fn release(&self) -> anyhow::Result<()> {
        if self.together().is_some() {
            return Ok(());
        }
        match self.held.release_copied().await {
            Ok(released) => {
                report_released(self.cx, &released);
                Ok(())
            }
            Err(still_held) => {
                let what: Vec<String> = still_held.into_iter().map(|one| one.what).collect();
                Err(anyhow::anyhow!("{}", what.join(" ")))
            }
        }
    }
}

impl Quiescer<'_> {
    async fn pause(&self, containers: &[Container]) -> anyhow::Result<()> {
        if containers.is_empty() {
            return Ok(());
        }
        self.cx.ui().say(format!("pausing {} while the files are copied.", names(containers)));
        for container in containers {
            self.held.pause(container).await.map_err(|error| {
                error.context(format!(
                    "`{}` cannot be paused, and a copy of files that it may be writing would not be reliable",
                    container.name
                ))
            })?;
        }
        Ok(())
    }
}

fn report_released(cx: &ProjectContext<'_>, released: &[String]) {
    if !released.is_empty() {
        let verb = if released.len() == 1 { "runs" } else { "run" };
        cx.ui().say(format!("{} {verb} again.", list(released)));
    }
}

/// Returns every container to its state after a failure, and adds to the failure what could not be returned.
pub(super) async fn restore(cx: &ProjectContext<'_>, held: &HeldContainers, mut failure: Failure) -> Failure {
    let stopped = held.stopped();
    if !stopped.is_empty() {
        cx.ui().say(format!("starting {} again.", list(&stopped)));
    }
    match held.release_all().await {
        Ok(released) => report_released(cx, &released),
        Err(still_held) => {
            let hints = still_held.into_iter().map(|StillHeld { what }| Hint::Say(what));
            failure.hints.splice(0..0, hints);
        }
    }
    failure
}

/// After the real Compose has run: what it did not get to is returned to its state.
pub(super) async fn settle(
    cx: &ProjectContext<'_>,
    held: &HeldContainers,
    result: Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    match result {
        Ok(Exit::Compose(0)) => {
            held.forget();
            result
        }
        Ok(exit) => {
            match held.release_all().await {
                Ok(released) => report_released(cx, &released),
                Err(still_held) => still_held.into_iter().for_each(|one| cx.ui().warn(one.what)),
            }
            Ok(exit)
        }
        Err(failure) => Err(restore(cx, held, failure).await),
    }
}

fn names(containers: &[Container]) -> String {
    list(&containers.iter().map(|one| one.name.clone()).collect::<Vec<_>>())
}

fn list(names: &[String]) -> String {
    format::list(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}
