//! Scratch containers of the engine in memory: what serves in them is given by the test.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MemoryEngine;
use super::contents::{Contents, Server, missing};
use crate::engine::{Container, EngineError, PublishedPort, Result, SCRATCH_LABEL, Scratch, State};

impl MemoryEngine {
    /// What runs in every scratch container from now on.
    #[must_use]
    pub fn with_scratch(self, serve: impl Fn(&Scratch) -> Server + Send + Sync + 'static) -> Self {
        self.contents().serve = Some(Arc::new(serve));
        self
    }
}

pub(super) fn start(engine: &MemoryEngine, scratch: &Scratch) -> Result<Container> {
    let serve = {
        let contents = engine.contents();
        if !contents.images.contains_key(&scratch.image)
            && contents.images.values().all(|image| image.id != scratch.image)
        {
            return Err(missing(format!("image `{}`", scratch.image)));
        }
        contents.serve.clone()
    };
    // A server that starts may ask the engine itself.
    let server = serve.as_ref().map(|serve| serve(scratch));
    let mut contents = engine.contents();
    let container = container(scratch, server.as_ref().map(|server| server.ports.clone()));
    contents.containers.push(container.clone());
    if let Some(server) = server {
        contents.servers.insert(scratch.name.clone(), server.running);
    }
    Ok(container)
}

fn container(scratch: &Scratch, ports: Option<Vec<PublishedPort>>) -> Container {
    Container {
        id: format!("id-{}", scratch.name),
        name: scratch.name.clone(),
        state: if ports.is_some() { State::Running } else { State::Exited },
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
    }
}

pub(super) fn list(contents: &Contents, owner: &str) -> Vec<String> {
    let is_theirs = |one: &&Container| one.labels.get(SCRATCH_LABEL).is_some_and(|value| value == owner);
    contents.containers.iter().filter(is_theirs).map(|one| one.name.clone()).collect()
}

pub(super) fn remove(contents: &mut Contents, name: &str) -> Result<()> {
    let Some(at) = contents.containers.iter().position(|one| one.name == name) else { return Ok(()) };
    if !contents.containers[at].labels.contains_key(SCRATCH_LABEL) {
        return Err(EngineError::Refused {
            action: format!("remove `{name}`"),
            source: anyhow::anyhow!("it is no scratch container of ours"),
        });
    }
    contents.containers.remove(at);
    contents.servers.remove(name);
    Ok(())
}
