//! Scratch containers of the engine in memory; a test provides the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MemoryEngine;
use super::state::{EngineState, ScratchStub, missing};
use crate::engine::{Container, ContainerState, EngineError, PublishedPort, Result, SCRATCH_LABEL, Scratch};

impl MemoryEngine {
    /// Sets the function that starts the server of a scratch container.
    #[must_use]
    pub fn with_scratch(self, serve: impl Fn(&Scratch) -> ScratchStub + Send + Sync + 'static) -> Self {
        self.state().serve = Some(Arc::new(serve));
        self
    }
}

pub(super) fn create(state: &mut EngineState, scratch: &Scratch) -> Result<()> {
    if !state.images.contains_key(&scratch.image)
        && state.images.values().all(|image| image.id != scratch.image)
    {
        return Err(missing(format!("image `{}`", scratch.image)));
    }
    let created = Container { state: ContainerState::Created, ..container(scratch, None) };
    state.containers.push(created);
    state.scratches.insert(scratch.name.clone(), scratch.clone());
    Ok(())
}

pub(super) fn start(engine: &MemoryEngine, name: &str) -> Result<Container> {
    let (serve, scratch) = {
        let state = engine.state();
        let scratch = state.scratches.get(name).ok_or_else(|| missing(format!("container `{name}`")))?;
        (state.serve.clone(), scratch.clone())
    };
    // Without the lock: the server may use the engine while it starts.
    let server = serve.as_ref().map(|serve| serve(&scratch));
    let mut state = engine.state();
    let started = container(&scratch, server.as_ref().map(|server| server.ports.clone()));
    *state.container_mut(name)? = started.clone();
    if let Some(server) = server {
        state.servers.insert(scratch.name, server.running);
    }
    Ok(started)
}

fn container(scratch: &Scratch, ports: Option<Vec<PublishedPort>>) -> Container {
    Container {
        id: format!("id-{}", scratch.name),
        name: scratch.name.clone(),
        state: if ports.is_some() { ContainerState::Running } else { ContainerState::Exited },
        image: scratch.image.clone(),
        image_id: scratch.image.clone(),
        environment: scratch.environment.clone(),
        user: String::new(),
        labels: BTreeMap::from([(SCRATCH_LABEL.to_owned(), scratch.owner.clone())]),
        mounts: Vec::new(),
        ports: ports.unwrap_or_default(),
        addresses: BTreeMap::new(),
        network_mode: scratch.name.clone(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        started: Some("2026-01-01T00:00:00Z".to_owned()),
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

pub(super) fn list(state: &EngineState, owner: &str) -> Vec<String> {
    let is_owned = |one: &&Container| one.labels.get(SCRATCH_LABEL).is_some_and(|value| value == owner);
    state.containers.iter().filter(is_owned).map(|one| one.name.clone()).collect()
}

pub(super) fn remove(state: &mut EngineState, name: &str) -> Result<()> {
    let Some(at) = state.containers.iter().position(|one| one.name == name) else { return Ok(()) };
    if !state.containers[at].labels.contains_key(SCRATCH_LABEL) {
        return Err(EngineError::Refused {
            action: format!("remove `{name}`"),
            source: anyhow::anyhow!("not a scratch container of safe-compose"),
        });
    }
    state.containers.remove(at);
    state.scratches.remove(name);
    state.servers.remove(name);
    Ok(())
}
