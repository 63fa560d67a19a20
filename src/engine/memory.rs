//! An engine in memory, for tests.
//!
//! Tests set up its objects and files (`fixtures`). Archives are real tar streams with the names that a real engine uses.
//! It records all calls and fails those that a test selects.

mod archive;
mod fixtures;
mod mover;
mod scratch;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;

use super::{
    ByteStream, Container, ContainerState, Engine, EngineError, ExecEnd, ExecPipe, HELPER_LABEL,
    HOLDER_LABEL, Helper, Holder, Identity, Image, LabelTest, Layer, Mount, MountSource, Mover,
    ReplacedMount, Result, Scratch, Volume, are_near, is_abandoned,
};
use crate::policy::Clearance;

use state::{EngineState, FileOwner, missing};
pub use state::{FileMap, ScratchStub};

/// The chunk size of streams, small enough that tests get several chunks.
const CHUNK_SIZE: usize = 4096;

/// A method of [`Engine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineMethod {
    Identity,
    ProjectContainers,
    ContainersOfProjects,
    ContainersWithVolume,
    ContainersOfDirectory,
    RunningContainersWith,
    ContainersInNearbyDirectories,
    ProjectVolumes,
    VolumesOfProjects,
    Volumes,
    Volume,
    Image,
    VolumeSizes,
    MapsUsers,
    Exec,
    Layer,
    Pause,
    Unpause,
    Stop,
    Start,
    ReadArchive,
    ReadLiveDirectory,
    WriteArchive,
    CreateHelper,
    AbandonedHelpers,
    CreateMover,
    RunMover,
    RemoveHelper,
    Architecture,
    LoadImage,
    Holders,
    CreateHolder,
    StartHolder,
    RemoveHolder,
    Inspect,
    CreateScratch,
    StartScratch,
    ScratchContainers,
    RemoveScratch,
}

/// A recorded call: the method and its subject, which is a project, a name or `container:path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineCall {
    pub method: EngineMethod,
    pub subject: String,
}

/// An engine in memory. A clone is another handle to the same engine.
#[derive(Clone)]
pub struct MemoryEngine {
    identity: Identity,
    state: Arc<Mutex<EngineState>>,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEngine {
    /// An empty engine on this machine.
    pub fn new() -> Self {
        let identity = Identity {
            id: "MEMO:RY".to_owned(),
            name: "memory".to_owned(),
            version: "20.10.24".to_owned(),
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            local: true,
            root: PathBuf::from("/var/lib/docker"),
            containerd_images: false,
        };
        Self { identity, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, EngineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call, and returns the error that a test has set for it.
    fn record(
        &self,
        method: EngineMethod,
        subject: impl Into<String>,
    ) -> Result<MutexGuard<'_, EngineState>> {
        let mut state = self.state();
        state.calls.push(EngineCall { method, subject: subject.into() });
        if state.failing_call == Some(state.calls.len() - 1) {
            return Err(EngineError::Unreachable {
                endpoint: self.identity.endpoint.clone(),
                source: anyhow::anyhow!("set by the test"),
            });
        }
        match state.failures.get(&method).cloned() {
            Some(failure) => Err(failure()),
            None => Ok(state),
        }
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    fn shared(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    async fn identity(&self) -> Result<Identity> {
        drop(self.record(EngineMethod::Identity, "")?);
        Ok(self.identity.clone())
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::ProjectContainers, project)?;
        let of_project = |container: &&Container| {
            container.project() == Some(project) && !container.labels.contains_key(HELPER_LABEL)
        };
        Ok(state.containers.iter().filter(of_project).cloned().collect())
    }

    async fn containers_of_projects(&self) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::ContainersOfProjects, "")?;
        let of_a_project = |container: &&Container| {
            container.project().is_some_and(|project| !project.is_empty())
                && !container.labels.contains_key(HELPER_LABEL)
        };
        Ok(state.containers.iter().filter(of_a_project).cloned().collect())
    }

    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::ContainersWithVolume, volume)?;
        let uses = |known: &&Container| known.mounts_volume(volume) && known.held_volume() != Some(volume);
        Ok(state.containers.iter().filter(uses).cloned().collect())
    }

    async fn running_containers_with(
        &self,
        volumes: &[String],
        directories: &[PathBuf],
    ) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::RunningContainersWith, volumes.join(" "))?;
        let writes = |container: &&Container| {
            container.is_running() && container.mounts.iter().any(|one| one.writes_to(volumes, directories))
        };
        Ok(state.containers.iter().filter(writes).cloned().collect())
    }

    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::ContainersOfDirectory, directory.display().to_string())?;
        let from_directory = |container: &&Container| container.working_dir() == Some(directory);
        Ok(state.containers.iter().filter(from_directory).cloned().collect())
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        let state = self.record(EngineMethod::Inspect, id)?;
        Ok(state.container(id).ok().cloned())
    }

    async fn containers_in_nearby_directories(
        &self,
        directory: &Path,
        is_wanted: LabelTest,
    ) -> Result<Vec<Container>> {
        let state =
            self.record(EngineMethod::ContainersInNearbyDirectories, directory.display().to_string())?;
        let is_near =
            |container: &&Container| container.working_dir().is_some_and(|other| are_near(other, directory));
        let found = state.containers.iter().filter(is_near).filter(|one| is_wanted(&one.labels));
        Ok(found.cloned().collect())
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>> {
        let state = self.record(EngineMethod::ProjectVolumes, project)?;
        let label = |volume: &&Volume| {
            volume.labels.get("com.docker.compose.project").is_some_and(|value| value == project)
        };
        Ok(state.volumes.iter().filter(label).cloned().collect())
    }

    async fn volumes_of_projects(&self) -> Result<Vec<Volume>> {
        let state = self.record(EngineMethod::VolumesOfProjects, "")?;
        let label = |volume: &&Volume| volume.labels.contains_key("com.docker.compose.project");
        Ok(state.volumes.iter().filter(label).cloned().collect())
    }

    async fn volumes(&self) -> Result<Vec<Volume>> {
        Ok(self.record(EngineMethod::Volumes, "")?.volumes.clone())
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>> {
        let state = self.record(EngineMethod::Volume, name)?;
        Ok(state.volumes.iter().find(|volume| volume.name == name).cloned())
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let state = self.record(EngineMethod::Image, reference)?;
        let by_id = || state.images.values().find(|image| image.id == reference);
        Ok(state.images.get(reference).or_else(by_id).cloned())
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>> {
        let time = self.record(EngineMethod::VolumeSizes, "")?.measuring_takes;
        tokio::time::sleep(time).await;
        let state = self.state();
        Ok(state
            .volumes
            .iter()
            .map(|volume| {
                let files = state.files.get(&FileOwner::Volume(volume.name.clone()));
                let bytes = files.into_iter().flatten().map(|(_, content)| content.len() as u64).sum();
                (volume.name.clone(), bytes)
            })
            .collect())
    }

    async fn maps_users(&self) -> Result<bool> {
        Ok(self.record(EngineMethod::MapsUsers, "")?.maps_users)
    }

    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe> {
        let (program, end) = {
            let state = self.record(EngineMethod::Exec, format!("{container}:{}", argv.join(" ")))?;
            let container = state.container(container)?;
            let refused = |reason: &str| EngineError::Refused {
                action: "run a program".to_owned(),
                source: anyhow::anyhow!("{reason}"),
            };
            if container.state != ContainerState::Running {
                return Err(refused("the container is not running"));
            }
            let program = state.program.clone().ok_or_else(|| refused("there is no such program"))?;
            let end = state.program_end.as_ref().map(|end| end(argv));
            (program, end.unwrap_or(ExecEnd { code: 0, stderr: String::new() }))
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        program(container, argv, theirs);
        let (stdout, stdin) = tokio::io::split(ours);
        let end = Box::pin(std::future::ready(Ok(end)));
        Ok(ExecPipe { stdout: Box::pin(stdout), stdin: Box::pin(stdin), end })
    }

    async fn layer(&self, container: &str) -> Result<Layer> {
        let state = self.record(EngineMethod::Layer, container)?;
        let container = state.container(container)?;
        let files = state.files.get(&FileOwner::Layer(container.id.clone()));
        let bytes = files.into_iter().flatten().map(|(_, content)| content.len() as u64).sum();
        let written = files.into_iter().flatten().map(|(path, _)| Path::new("/").join(path));
        Ok(Layer { bytes: Some(bytes), written: written.collect() })
    }

    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let mut state = self.record(EngineMethod::ReadArchive, format!("{container}:{}", path.display()))?;
        let mut bytes = state.archive(container, path)?;
        if let Some(end) = state.short_archives.pop_front() {
            bytes.truncate(end);
        }
        let complete = state.cut_archives_after.is_none_or(|limit| bytes.len() <= limit);
        let end = state.cut_archives_after.unwrap_or(bytes.len()).min(bytes.len());
        let mut chunks: Vec<std::io::Result<Vec<u8>>> =
            bytes[..end].chunks(CHUNK_SIZE).map(|chunk| Ok(chunk.to_vec())).collect();
        if !complete {
            chunks.push(Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "cut off by the test")));
        }
        Ok(Box::pin(futures_util::stream::iter(chunks)))
    }

    async fn replaced_mounts(&self, container: &Container) -> Result<Vec<ReplacedMount>> {
        let state = self.state();
        Ok(state.replaced_mounts.get(&container.name).cloned().unwrap_or_default())
    }

    async fn read_live_directory(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let state =
            self.record(EngineMethod::ReadLiveDirectory, format!("{container}:{}", path.display()))?;
        let bytes = state.live_archive(container, path)?;
        Ok(Box::pin(futures_util::stream::once(async move { Ok(bytes) })))
    }

    async fn write_archive(
        &self,
        container: &str,
        path: &Path,
        tar: ByteStream,
        _: &Clearance,
    ) -> Result<()> {
        let action = format!("write `{}`", path.display());
        let refused =
            |error: std::io::Error| EngineError::Refused { action: action.clone(), source: error.into() };
        drop(self.record(EngineMethod::WriteArchive, format!("{container}:{}", path.display()))?);
        let bytes: Vec<u8> = tar.try_concat().await.map_err(refused)?;
        let mut state = self.state();
        state.container(container)?;
        state.unpack(container, path, &bytes).map_err(refused)
    }

    async fn pause(&self, id: &str) -> Result<()> {
        let mut state = self.record(EngineMethod::Pause, id)?;
        let container = state.container_mut(id)?;
        if container.state != ContainerState::Running {
            return Err(EngineError::Refused {
                action: format!("pause container `{id}`"),
                source: anyhow::anyhow!("it is not running"),
            });
        }
        container.state = ContainerState::Paused;
        Ok(())
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        let mut state = self.record(EngineMethod::Unpause, id)?;
        if let Ok(container) = state.container_mut(id)
            && container.state == ContainerState::Paused
        {
            container.state = ContainerState::Running;
        }
        Ok(())
    }

    async fn stop(&self, id: &str) -> Result<()> {
        self.record(EngineMethod::Stop, id)?.container_mut(id)?.state = ContainerState::Exited;
        Ok(())
    }

    async fn start(&self, id: &str) -> Result<()> {
        let mut state = self.record(EngineMethod::Start, id)?;
        if let Ok(container) = state.container_mut(id) {
            container.state = ContainerState::Running;
        }
        Ok(())
    }

    async fn create_helper(&self, helper: &Helper) -> Result<String> {
        let mut state = self.record(EngineMethod::CreateHelper, helper.image.clone())?;
        for (name, _) in &helper.volumes {
            if !state.volumes.iter().any(|volume| volume.name == *name) {
                return Err(missing(format!("volume `{name}`")));
            }
        }
        let mounts = helper
            .volumes
            .iter()
            .map(|(name, destination)| Mount {
                source: MountSource::Volume {
                    name: name.clone(),
                    driver: "local".to_owned(),
                    anonymous: false,
                    inherited: false,
                },
                destination: destination.clone(),
                read_only: false,
                subpath: None,
            })
            .collect();
        Ok(state.new_helper(&helper.image, mounts)?.id.clone())
    }

    async fn abandoned_helpers(&self) -> Result<Vec<String>> {
        let state = self.record(EngineMethod::AbandonedHelpers, "")?;
        let abandoned = state.containers.iter().filter(|known| is_abandoned(&known.labels, known.state));
        Ok(abandoned.map(|helper| helper.id.clone()).collect())
    }

    async fn create_mover(&self, mover: &Mover) -> Result<String> {
        mover::create(&mut *self.record(EngineMethod::CreateMover, mover.image.clone())?, mover)
    }

    async fn run_mover(&self, id: &str, _: &Clearance) -> Result<i64> {
        mover::run(&mut *self.record(EngineMethod::RunMover, id)?, id)
    }

    async fn remove_helper(&self, id: &str) -> Result<()> {
        let mut state = self.record(EngineMethod::RemoveHelper, id)?;
        let Some(at) = state.containers.iter().position(|container| container.id == id) else {
            return Ok(());
        };
        if !state.containers[at].labels.contains_key(HELPER_LABEL) {
            return Err(EngineError::Refused {
                action: format!("remove container `{id}`"),
                source: anyhow::anyhow!("not a helper container of safe-compose"),
            });
        }
        state.containers.remove(at);
        Ok(())
    }

    async fn architecture(&self) -> Result<String> {
        let state = self.record(EngineMethod::Architecture, "")?;
        Ok(state.architecture.clone().unwrap_or_else(|| "x86_64".to_owned()))
    }

    /// The image gets the first tag in the archive.
    async fn load_image(&self, tar: Vec<u8>) -> Result<()> {
        let mut state = self.record(EngineMethod::LoadImage, "")?;
        let name = archive::first_tag(&tar).map_err(|error| EngineError::Refused {
            action: "load an image".to_owned(),
            source: error.into(),
        })?;
        let image = Image { id: format!("sha256:{name}"), ..Image::default() };
        state.images.insert(name, image);
        Ok(())
    }

    async fn holders(&self) -> Result<Vec<Container>> {
        let state = self.record(EngineMethod::Holders, "")?;
        let holders = state.containers.iter().filter(|known| known.labels.contains_key(HOLDER_LABEL));
        Ok(holders.cloned().collect())
    }

    async fn create_holder(&self, holder: &Holder) -> Result<()> {
        let mut state = self.record(EngineMethod::CreateHolder, holder.volume.clone())?;
        let Some(image) = state.images.get(&holder.image).cloned() else {
            return Err(missing(format!("image `{}`", holder.image)));
        };
        if state.containers.iter().any(|known| known.name == holder.name) {
            return Err(EngineError::Refused {
                action: "create a holder container".to_owned(),
                source: anyhow::anyhow!("the name `{}` is in use", holder.name),
            });
        }
        state.containers.push(Container {
            id: format!("id-{}", holder.name),
            name: holder.name.clone(),
            state: ContainerState::Running,
            image: holder.image.clone(),
            image_id: image.id,
            environment: BTreeMap::new(),
            user: String::new(),
            labels: holder.labels.clone(),
            mounts: vec![Mount {
                source: MountSource::Volume {
                    name: holder.volume.clone(),
                    driver: "local".to_owned(),
                    anonymous: false,
                    inherited: false,
                },
                destination: holder.mount_point.clone(),
                read_only: true,
                subpath: None,
            }],
            ports: Vec::new(),
            addresses: BTreeMap::new(),
            network_mode: "none".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            started: Some("2026-01-01T00:00:00Z".to_owned()),
            finished: None,
            health: None,
            exit_code: 0,
            command: Vec::new(),
        });
        Ok(())
    }

    async fn start_holder(&self, id: &str) -> Result<()> {
        let mut state = self.record(EngineMethod::StartHolder, id)?;
        let at = state.holder(id, "start")?;
        state.containers[at].state = ContainerState::Running;
        Ok(())
    }

    async fn remove_holder(&self, id: &str, _: &Clearance) -> Result<()> {
        let mut state = self.record(EngineMethod::RemoveHolder, id)?;
        let at = state.holder(id, "remove")?;
        state.containers.remove(at);
        Ok(())
    }

    async fn create_scratch(&self, scratch: &Scratch) -> Result<()> {
        scratch::create(&mut *self.record(EngineMethod::CreateScratch, scratch.image.clone())?, scratch)
    }

    async fn start_scratch(&self, name: &str) -> Result<Container> {
        drop(self.record(EngineMethod::StartScratch, name)?);
        scratch::start(self, name)
    }

    async fn scratch_containers(&self, owner: &str) -> Result<Vec<String>> {
        Ok(scratch::list(&*self.record(EngineMethod::ScratchContainers, owner)?, owner))
    }

    async fn remove_scratch(&self, name: &str) -> Result<()> {
        scratch::remove(&mut *self.record(EngineMethod::RemoveScratch, name)?, name)
    }
}

#[cfg(test)]
mod tests;
