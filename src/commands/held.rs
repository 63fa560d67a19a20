//! Containers that are paused or stopped for a backup, and the way back to the state that they were in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::context::ProjectContext;
use super::held_record::{HeldContainer, HeldRecord};
use super::mode::Apply;
use crate::engine::{Container, ContainerState, Engine, EngineError};
use crate::error::causes;
use crate::process::SignalGuard;
use crate::run_state::{self, RunState};

/// How often the health of a container that was started again is asked for.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);

/// Until when a container is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Its files are copied.
    Copied,
    /// The command has ended.
    CommandEnded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Paused,
    Stopped,
}

#[derive(Debug, Clone)]
struct Entry {
    /// As it was before.
    container: Container,
    how: How,
    until: Until,
    /// The request has succeeded.
    is_certain: bool,
    /// The start that was ended; `None` as long as the stop is under way.
    stopped: Option<LastStart>,
}

/// When a container had been started the last time, where the engine knows it.
#[derive(Debug, Clone, PartialEq)]
struct LastStart(Option<String>);

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// While a container is held, a signal must not end this process: nobody would let the container go on.
    signals: Option<SignalGuard>,
    /// How far the run had come before.
    before: Option<RunState>,
}

/// See the head of this file. Dropping it lets every container go on.
pub(super) struct HeldContainers {
    engine: Arc<dyn Engine>,
    /// How many services each service needs to be running, itself included.
    ranks: BTreeMap<String, usize>,
    health_timeout: Duration,
    /// Requests run to their end even if whoever waits for them is interrupted: a request that is under way must not take
    /// effect after its own reversal.
    tasks: TaskTracker,
    record: HeldRecord,
    state: Mutex<State>,
}

/// A container that could not be returned to its state.
#[derive(Debug)]
pub(super) struct StillHeld {
    /// What failed, and the command that does it.
    pub(super) what: String,
}

impl HeldContainers {
    pub(super) fn new(cx: &ProjectContext<'_>, _: Apply) -> Self {
        let model = cx.project.whole_model();
        let names = model.into_iter().flat_map(|model| model.services.keys().map(move |name| (model, name)));
        Self {
            engine: cx.engine.shared(),
            ranks: names
                .map(|(model, name)| (name.clone(), model.with_dependencies([name.as_str()]).len()))
                .collect(),
            health_timeout: cx.command.ready_timeout(),
            tasks: TaskTracker::new(),
            record: HeldRecord::new(cx),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a container is held.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.state().entries.iter().any(|entry| entry.container.id == id)
    }

    /// Pauses a running container.
    pub(super) async fn pause(&self, container: &Container) -> anyhow::Result<()> {
        self.note(container, How::Paused, Until::Copied);
        let (engine, id) = (Arc::clone(&self.engine), container.id.clone());
        self.to_its_end(async move { engine.pause(&id).await }).await?;
        for entry in self.state().entries.iter_mut().filter(|one| one.container.id == container.id) {
            entry.is_certain = true;
        }
        Ok(())
    }

    /// Stops running containers with `work`, and then those that it left running.
    pub(super) async fn stop<E: Into<anyhow::Error> + Send + 'static>(
        &self,
        containers: &[Container],
        until: Until,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> anyhow::Result<()> {
        for container in containers {
            self.note(container, How::Stopped, until);
        }
        self.to_its_end(work).await?;
        for container in containers {
            let (engine, id) = (Arc::clone(&self.engine), container.id.clone());
            let stop = async move {
                match engine.inspect(&id).await? {
                    Some(now) if now.is_running() => engine.stop(&id).await,
                    Some(_) | None => Ok(()),
                }
            };
            self.to_its_end::<EngineError>(stop).await?;
            let started = self.engine.inspect(&container.id).await?.and_then(|now| now.started);
            for entry in self.state().entries.iter_mut().filter(|one| one.container.id == container.id) {
                entry.stopped = Some(LastStart(started.clone()));
            }
        }
        Ok(())
    }

    /// Noted first: a request may take effect although it fails.
    fn note(&self, container: &Container, how: How, until: Until) {
        let mut state = self.state();
        if state.entries.is_empty() {
            state.signals = Some(SignalGuard::take());
            state.before = Some(run_state::get());
            run_state::set(RunState::ContainersHeld);
        }
        state.entries.push(Entry {
            container: container.clone(),
            how,
            until,
            is_certain: false,
            stopped: None,
        });
        self.write_record(&state);
    }

    /// What the command stops anyway is not in the record: the user wanted it to stop.
    fn write_record(&self, state: &State) {
        let held = |Entry { container, how, .. }: &Entry| HeldContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            stopped: *how == How::Stopped,
            started: container.started.clone(),
        };
        let copied = state.entries.iter().filter(|entry| entry.until == Until::Copied);
        if let Err(error) = self.record.write(copied.map(held).collect()) {
            // Only a process that is killed needs the record.
            tracing::warn!("the held containers cannot be recorded: {error}");
        }
    }

    async fn to_its_end<E: Into<anyhow::Error> + Send + 'static>(
        &self,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> anyhow::Result<()> {
        self.tasks.spawn(work).await?.map_err(Into::into)
    }

    /// Lets the containers go on that were held for one copy. Returns their names.
    pub(super) async fn release_copied(&self) -> Result<Vec<String>, Vec<StillHeld>> {
        self.release(|entry| entry.until == Until::Copied).await
    }

    /// Lets every container go on. Returns their names.
    pub(super) async fn release_all(&self) -> Result<Vec<String>, Vec<StillHeld>> {
        self.release(|_| true).await
    }

    /// The command has stopped or removed the containers by itself.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.entries.clear();
        self.write_record(&state);
        drop(state);
        self.done();
    }

    async fn release(&self, chosen: impl Fn(&Entry) -> bool) -> Result<Vec<String>, Vec<StillHeld>> {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
        let mut entries: Vec<Entry> =
            self.state().entries.iter().filter(|entry| chosen(entry)).cloned().collect();
        // What was stopped last is started first only where the file says nothing.
        entries.reverse();
        entries.sort_by_key(|entry| (entry.how == How::Stopped, self.rank(&entry.container)));
        let (mut released, mut still_held, mut rank) = (Vec::new(), Vec::new(), 0);
        let mut healthy_before: Vec<Entry> = Vec::new();
        for entry in entries {
            if rank != self.rank(&entry.container) {
                rank = self.rank(&entry.container);
                self.wait_for_health(&std::mem::take(&mut healthy_before)).await;
            }
            let Entry { container, how, is_certain, .. } = &entry;
            let (done, verb) = match how {
                How::Paused => (self.engine.unpause(&container.id).await.map(|()| *is_certain), "unpause"),
                How::Stopped => (self.start(&entry).await, "start"),
            };
            match done {
                Ok(true) => released.push(container.name.clone()),
                // It was not paused, it was removed, or somebody else has started it.
                Ok(false) => {}
                Err(error) => {
                    let (name, reason) = (&container.name, causes(&error.into()));
                    still_held.push(StillHeld {
                        what: format!("`{name}` could not be returned to its state: {reason}. To do it: `docker {verb} {name}`."),
                    });
                }
            }
            let mut state = self.state();
            state.entries.retain(|known| known.container.id != container.id || known.how != *how);
            self.write_record(&state);
            drop(state);
            if *how == How::Stopped && container.health.as_deref() == Some("healthy") {
                healthy_before.push(entry);
            }
        }
        if self.state().entries.is_empty() {
            self.done();
        }
        if still_held.is_empty() { Ok(released) } else { Err(still_held) }
    }

    /// The containers that are stopped.
    pub(super) fn stopped(&self) -> Vec<String> {
        let state = self.state();
        let stopped = state.entries.iter().filter(|entry| entry.how == How::Stopped);
        stopped.map(|entry| entry.container.name.clone()).collect()
    }

    /// Starts a container unless it was started since: then somebody else decides about it.
    async fn start(&self, entry: &Entry) -> Result<bool, EngineError> {
        let id = &entry.container.id;
        match self.engine.inspect(id).await? {
            Some(now)
                if !now.is_running() && entry.stopped.as_ref().is_none_or(|last| last.0 == now.started) =>
            {
                self.engine.start(id).await?;
                if entry.container.state == ContainerState::Paused {
                    self.engine.pause(id).await?;
                }
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// How many services of the file its service needs.
    pub(super) fn rank(&self, container: &Container) -> usize {
        container.service().and_then(|service| self.ranks.get(service)).copied().unwrap_or(0)
    }

    /// What the next containers need was healthy before.
    async fn wait_for_health(&self, started: &[Entry]) {
        let until = Instant::now() + self.health_timeout;
        for Entry { container, .. } in started {
            while Instant::now() < until {
                match self.engine.inspect(&container.id).await {
                    Ok(Some(now))
                        if now.state == ContainerState::Running
                            && now.health.as_deref() == Some("starting") =>
                    {
                        sleep(HEALTH_INTERVAL).await;
                    }
                    Ok(_) | Err(_) => break,
                }
            }
        }
    }

    fn done(&self) {
        let mut state = self.state();
        state.signals = None;
        if let Some(before) = state.before.take()
            && run_state::get() == RunState::ContainersHeld
        {
            run_state::set(before);
        }
    }
}

impl Drop for HeldContainers {
    fn drop(&mut self) {
        if self.state().entries.is_empty() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        // A runtime of one thread cannot run the requests while this waits.
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        tokio::task::block_in_place(|| {
            if let Err(still_held) = runtime.block_on(self.release_all()) {
                for StillHeld { what } in still_held {
                    tracing::error!("{what}");
                }
            }
        });
    }
}
