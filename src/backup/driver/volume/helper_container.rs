//! The container through which the engine reads and writes the directories of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::backup::driver::DriverTarget;
use crate::engine::{Container, Engine, Helper, MountSource, is_abandoned, own_image};
use crate::inventory::{DataLocation, LocationSource};

/// How long the removal of a container may take after an interruption: an unresponsive engine does not keep the user
/// waiting.
const CLEANUP: Duration = Duration::from_secs(5);

/// The store's own container, or one created for this purpose. [`HelperContainer::close`] removes it.
pub(in crate::backup::driver) struct HelperContainer {
    pub container: String,
    created: Option<RemovedOnDrop>,
}

/// A container that is removed when the work with it ends, also when Ctrl-C or a signal ends it.
pub(super) struct RemovedOnDrop {
    engine: Arc<dyn Engine>,
    /// `None` once it is removed.
    id: Option<String>,
    name: String,
}

impl RemovedOnDrop {
    pub(super) fn new(engine: Arc<dyn Engine>, id: String) -> Self {
        Self { engine, id: Some(id.clone()), name: id }
    }

    pub(super) fn id(&self) -> &str {
        &self.name
    }

    /// Removes it, whatever the result of the work. An error of the work takes precedence.
    pub(super) async fn close<T>(mut self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let removed = self.engine.remove_helper(&self.name).await;
        self.id = None;
        let removed =
            removed.with_context(|| format!("the helper container `{}` cannot be removed", self.name));
        match (result, removed) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
        }
    }
}

impl Drop for RemovedOnDrop {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) else { return };
        let engine = Arc::clone(&self.engine);
        let removal = async move { engine.remove_helper(&id).await };
        match runtime.runtime_flavor() {
            // It cannot run anything while this waits.
            RuntimeFlavor::CurrentThread => drop(runtime.spawn(removal)),
            // If the engine does not answer in time, the next command removes it.
            _ => tokio::task::block_in_place(|| {
                let _ = runtime.block_on(async { tokio::time::timeout(CLEANUP, removal).await });
            }),
        }
    }
}

impl HelperContainer {
    /// For reading: the store's own container, which has the files as the service sees them.
    pub(in crate::backup::driver) async fn to_read(target: DriverTarget<'_>) -> anyhow::Result<Self> {
        match &target.store.container {
            Some(container) => Ok(Self::own(container)),
            None => Self::helper(target, declared(target)).await,
        }
    }

    /// For writing: preferably a helper instead of the store's own container, because a service may mount its file
    /// system or its volume read-only. A helper has only volumes, and mounts them completely.
    pub(super) async fn to_write(target: DriverTarget<'_>, places: &[&DataLocation]) -> anyhow::Result<Self> {
        let Some(container) = &target.store.container else {
            return Self::helper(target, declared(target)).await;
        };
        let Some(volumes) = only_volumes(container, places) else { return Ok(Self::own(container)) };
        match Self::helper(target, volumes).await {
            Err(_) if places.iter().all(|place| !place.read_only) => Ok(Self::own(container)),
            other => other,
        }
    }

    fn own(container: &Container) -> Self {
        Self { container: container.id.clone(), created: None }
    }

    /// With every volume that exists, including nested ones.
    async fn helper(target: DriverTarget<'_>, volumes: Vec<(String, PathBuf)>) -> anyhow::Result<Self> {
        let store = target.store;
        let image = image(target).await?;
        let mut existing = Vec::new();
        for (volume, destination) in volumes {
            if target.engine.volume(&volume).await?.is_some() {
                remove_stale(target, &volume).await?;
                existing.push((volume, destination));
            }
        }
        let container = target
            .engine
            .create_helper(&Helper { image, volumes: existing })
            .await
            .with_context(|| format!("the volumes of `{}` cannot be accessed", store.service))?;
        let created = RemovedOnDrop::new(target.engine.shared(), container.clone());
        Ok(Self { container, created: Some(created) })
    }

    /// Removes the container that was created, whatever the result of the work. An error of the work takes precedence.
    pub(in crate::backup::driver) async fn close<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        match self.created {
            Some(created) => created.close(result).await,
            None => result,
        }
    }
}

/// The store's own image, or the built-in one if the engine no longer has it: a helper needs an image, but nothing
/// inside it.
async fn image(target: DriverTarget<'_>) -> anyhow::Result<String> {
    let (store, engine) = (target.store, target.engine);
    let own = store.container.as_ref().map(|container| &container.image).or(store.image.as_ref());
    if let Some(own) = own
        && engine.image(own).await?.is_some()
    {
        return Ok(own.clone());
    }
    let loaded = own_image::load(engine).await;
    let image = loaded.with_context(|| {
        format!("the engine has no image to access the volumes of `{}` with", store.service)
    })?;
    Ok(image.to_owned())
}

/// The volumes of the store, as the project declares them.
fn declared(target: DriverTarget<'_>) -> Vec<(String, PathBuf)> {
    let volume = |place: &DataLocation| match &place.source {
        LocationSource::Volume { name: Some(name), .. } => Some((name.clone(), place.target.clone())),
        LocationSource::Volume { name: None, .. }
        | LocationSource::Bind { .. }
        | LocationSource::Tmpfs
        | LocationSource::Layer => None,
    };
    target.store.locations.iter().filter_map(volume).collect()
}

/// What a container mounts at these paths and below them, if all of it is complete volumes.
fn only_volumes(container: &Container, places: &[&DataLocation]) -> Option<Vec<(String, PathBuf)>> {
    let mut volumes = Vec::new();
    for place in places {
        let below = |path: &Path| path.starts_with(&place.target);
        if container.mounts.iter().all(|mount| mount.destination != place.target) {
            return None;
        }
        for mount in container.mounts.iter().filter(|mount| below(&mount.destination)) {
            match &mount.source {
                MountSource::Volume { name, .. } if mount.subpath.is_none() => {
                    volumes.push((name.clone(), mount.destination.clone()));
                }
                MountSource::Volume { .. }
                | MountSource::Bind { .. }
                | MountSource::Tmpfs
                | MountSource::Other => return None,
            }
        }
    }
    Some(volumes)
}

/// Removes a helper that a killed run left: it would keep the volume in use forever.
async fn remove_stale(target: DriverTarget<'_>, volume: &str) -> anyhow::Result<()> {
    for container in target.engine.containers_with_volume(volume).await? {
        if is_abandoned(&container.labels, container.state) {
            target.engine.remove_helper(&container.id).await?;
        }
    }
    Ok(())
}

/// Every running container that mounts one of these paths, or one below them, the store's own first.
pub(super) async fn running(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
) -> anyhow::Result<Vec<Container>> {
    let mut running: Vec<Container> = Vec::new();
    if let Some(own) = own_now(target).await?
        && own.is_running()
    {
        running.push(own);
    }
    let touched = |place: &&DataLocation| places.iter().any(|outer| place.target.starts_with(&outer.target));
    for place in target.store.locations.iter().filter(touched) {
        if let LocationSource::Volume { name: Some(name), .. } = &place.source {
            for container in target.engine.containers_with_volume(name).await? {
                if container.is_running() && running.iter().all(|known| known.id != container.id) {
                    running.push(container);
                }
            }
        }
    }
    Ok(running)
}

/// The current state of the store's container; it may have been started since the inventory was taken.
async fn own_now(target: DriverTarget<'_>) -> anyhow::Result<Option<Container>> {
    let Some(known) = &target.store.container else { return Ok(None) };
    let Some(project) = known.project() else { return Ok(Some(known.clone())) };
    let now = target.engine.project_containers(project).await?;
    Ok(Some(now.into_iter().find(|container| container.id == known.id).unwrap_or_else(|| known.clone())))
}
