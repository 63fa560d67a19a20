//! An engine in memory, for tests of the rooms above.
//!
//! It answers from what it was given, and keeps files as maps from path to content; archives are real tar streams,
//! named as the real engine names them. It writes down what it was asked, and fails where it is told to.

mod archive;
mod contents;
mod fixtures;
mod scratch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;

use super::{
    ByteStream, Container, Engine, EngineError, ExecPipe, HELPER_LABEL, HOLDER_LABEL, Helper, Holder,
    Identity, Image, Mount, MountSource, Result, Scratch, State, Volume, is_beside,
};
use crate::policy::Clearance;

use contents::{Contents, Keeper, missing};
pub use contents::{Files, Server};

/// The size of one piece of a stream, small enough that tests see several.
const PIECE: usize = 4096;

/// Something that an engine can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    Identity,
    ProjectContainers,
    ContainersWithVolume,
    ContainersOfDirectory,
    ContainersBeside,
    ProjectVolumes,
    Volume,
    Image,
    VolumeSizes,
    MapsUsers,
    Exec,
    ReadArchive,
    WriteArchive,
    CreateHelper,
    RemoveHelper,
    Architecture,
    LoadImage,
    Holders,
    CreateHolder,
    StartHolder,
    RemoveHolder,
    Inspect,
    StartScratch,
    Scratches,
    RemoveScratch,
}

/// One question, and what it was about: a project, a name, or `container:path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub question: Question,
    pub subject: String,
}

/// See the head of this file. A clone is another handle to the same engine.
#[derive(Clone)]
pub struct MemoryEngine {
    identity: Identity,
    contents: Arc<Mutex<Contents>>,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEngine {
    /// An engine with nothing in it, on this machine.
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
        Self { identity, contents: Arc::default() }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a question down, and fails it when told to.
    fn asked(&self, question: Question, subject: impl Into<String>) -> Result<MutexGuard<'_, Contents>> {
        let mut contents = self.contents();
        contents.calls.push(Call { question, subject: subject.into() });
        match contents.failures.get(&question).cloned() {
            Some(failure) => Err(failure()),
            None => Ok(contents),
        }
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    fn shared(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    async fn identity(&self) -> Result<Identity> {
        drop(self.asked(Question::Identity, "")?);
        Ok(self.identity.clone())
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>> {
        let contents = self.asked(Question::ProjectContainers, project)?;
        let of_project = |container: &&Container| {
            container.project() == Some(project) && !container.labels.contains_key(HELPER_LABEL)
        };
        Ok(contents.containers.iter().filter(of_project).cloned().collect())
    }

    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>> {
        let contents = self.asked(Question::ContainersWithVolume, volume)?;
        let uses = |known: &&Container| known.mounts_volume(volume) && known.held_volume() != Some(volume);
        Ok(contents.containers.iter().filter(uses).cloned().collect())
    }

    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>> {
        let contents = self.asked(Question::ContainersOfDirectory, directory.display().to_string())?;
        let from_there = |container: &&Container| container.working_dir() == Some(directory);
        Ok(contents.containers.iter().filter(from_there).cloned().collect())
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        let contents = self.asked(Question::Inspect, id)?;
        Ok(contents.container(id).ok().cloned())
    }

    async fn containers_beside(&self, directory: &Path) -> Result<Vec<Container>> {
        let contents = self.asked(Question::ContainersBeside, directory.display().to_string())?;
        let from_beside =
            |container: &&Container| container.working_dir().is_some_and(|other| is_beside(other, directory));
        Ok(contents.containers.iter().filter(from_beside).cloned().collect())
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>> {
        let contents = self.asked(Question::ProjectVolumes, project)?;
        let label = |volume: &&Volume| {
            volume.labels.get("com.docker.compose.project").is_some_and(|value| value == project)
        };
        Ok(contents.volumes.iter().filter(label).cloned().collect())
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>> {
        let contents = self.asked(Question::Volume, name)?;
        Ok(contents.volumes.iter().find(|volume| volume.name == name).cloned())
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let contents = self.asked(Question::Image, reference)?;
        let by_id = || contents.images.values().find(|image| image.id == reference);
        Ok(contents.images.get(reference).or_else(by_id).cloned())
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>> {
        let contents = self.asked(Question::VolumeSizes, "")?;
        Ok(contents
            .volumes
            .iter()
            .map(|volume| {
                let files = contents.files.get(&Keeper::Volume(volume.name.clone()));
                let bytes = files.into_iter().flatten().map(|(_, content)| content.len() as u64).sum();
                (volume.name.clone(), bytes)
            })
            .collect())
    }

    async fn maps_users(&self) -> Result<bool> {
        Ok(self.asked(Question::MapsUsers, "")?.maps_users)
    }

    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe> {
        let program = {
            let contents = self.asked(Question::Exec, format!("{container}:{}", argv.join(" ")))?;
            let container = contents.container(container)?;
            let refused = |reason: &str| EngineError::Refused {
                action: "run a program".to_owned(),
                source: anyhow::anyhow!("{reason}"),
            };
            if container.state != State::Running {
                return Err(refused("the container is not running"));
            }
            contents.program.clone().ok_or_else(|| refused("there is no such program"))?
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        program(container, argv, theirs);
        let (stdout, stdin) = tokio::io::split(ours);
        Ok(ExecPipe { stdout: Box::pin(stdout), stdin: Box::pin(stdin) })
    }

    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let contents = self.asked(Question::ReadArchive, format!("{container}:{}", path.display()))?;
        let bytes = contents.archive(container, path)?;
        let whole = contents.cut_archives_after.is_none_or(|limit| bytes.len() <= limit);
        let end = contents.cut_archives_after.unwrap_or(bytes.len()).min(bytes.len());
        let mut pieces: Vec<std::io::Result<Vec<u8>>> =
            bytes[..end].chunks(PIECE).map(|piece| Ok(piece.to_vec())).collect();
        if !whole {
            pieces.push(Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "told to break off")));
        }
        Ok(Box::pin(futures_util::stream::iter(pieces)))
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
        drop(self.asked(Question::WriteArchive, format!("{container}:{}", path.display()))?);
        let bytes: Vec<u8> = tar.try_concat().await.map_err(refused)?;
        let mut contents = self.contents();
        contents.container(container)?;
        contents.unpack(container, path, &bytes).map_err(refused)
    }

    async fn create_helper(&self, helper: &Helper) -> Result<String> {
        let mut contents = self.asked(Question::CreateHelper, helper.image.clone())?;
        for (name, _) in &helper.volumes {
            if !contents.volumes.iter().any(|volume| volume.name == *name) {
                return Err(missing(format!("volume `{name}`")));
            }
        }
        let Some(image) = contents.images.get(&helper.image).cloned() else {
            return Err(missing(format!("image `{}`", helper.image)));
        };
        contents.helpers_made += 1;
        let id = format!("helper-{}", contents.helpers_made);
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
        contents.containers.push(Container {
            id: id.clone(),
            name: id.clone(),
            state: State::Created,
            image: helper.image.clone(),
            image_id: image.id,
            environment: BTreeMap::new(),
            user: image.user,
            labels: BTreeMap::from([(HELPER_LABEL.to_owned(), "true".to_owned())]),
            mounts,
            ports: Vec::new(),
            addresses: BTreeMap::new(),
            network_mode: "none".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            started: None,
            finished: None,
            health: None,
            exit_code: 0,
        });
        Ok(id)
    }

    async fn remove_helper(&self, id: &str) -> Result<()> {
        let mut contents = self.asked(Question::RemoveHelper, id)?;
        let Some(at) = contents.containers.iter().position(|container| container.id == id) else {
            return Ok(());
        };
        if !contents.containers[at].labels.contains_key(HELPER_LABEL) {
            return Err(EngineError::Refused {
                action: format!("remove container `{id}`"),
                source: anyhow::anyhow!("it is not one of ours"),
            });
        }
        contents.containers.remove(at);
        Ok(())
    }

    async fn architecture(&self) -> Result<String> {
        let contents = self.asked(Question::Architecture, "")?;
        Ok(contents.architecture.clone().unwrap_or_else(|| "x86_64".to_owned()))
    }

    /// The image gets the first name in the archive.
    async fn load_image(&self, tar: Vec<u8>) -> Result<()> {
        let mut contents = self.asked(Question::LoadImage, "")?;
        let name = archive::first_tag(&tar).map_err(|error| EngineError::Refused {
            action: "load an image".to_owned(),
            source: error.into(),
        })?;
        let image = Image { id: format!("sha256:{name}"), ..Image::default() };
        contents.images.insert(name, image);
        Ok(())
    }

    async fn holders(&self) -> Result<Vec<Container>> {
        let contents = self.asked(Question::Holders, "")?;
        let holders = contents.containers.iter().filter(|known| known.labels.contains_key(HOLDER_LABEL));
        Ok(holders.cloned().collect())
    }

    async fn create_holder(&self, holder: &Holder) -> Result<()> {
        let mut contents = self.asked(Question::CreateHolder, holder.volume.clone())?;
        let Some(image) = contents.images.get(&holder.image).cloned() else {
            return Err(missing(format!("image `{}`", holder.image)));
        };
        if contents.containers.iter().any(|known| known.name == holder.name) {
            return Err(EngineError::Refused {
                action: "create a holder container".to_owned(),
                source: anyhow::anyhow!("the name `{}` is in use", holder.name),
            });
        }
        contents.containers.push(Container {
            id: format!("id-{}", holder.name),
            name: holder.name.clone(),
            state: State::Running,
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
        });
        Ok(())
    }

    async fn start_holder(&self, id: &str) -> Result<()> {
        let mut contents = self.asked(Question::StartHolder, id)?;
        let at = contents.holder(id, "start")?;
        contents.containers[at].state = State::Running;
        Ok(())
    }

    async fn remove_holder(&self, id: &str, _: &Clearance) -> Result<()> {
        let mut contents = self.asked(Question::RemoveHolder, id)?;
        let at = contents.holder(id, "remove")?;
        contents.containers.remove(at);
        Ok(())
    }

    async fn start_scratch(&self, scratch: &Scratch) -> Result<Container> {
        drop(self.asked(Question::StartScratch, scratch.image.clone())?);
        scratch::start(self, scratch)
    }

    async fn scratches(&self, owner: &str) -> Result<Vec<String>> {
        Ok(scratch::list(&*self.asked(Question::Scratches, owner)?, owner))
    }

    async fn remove_scratch(&self, name: &str) -> Result<()> {
        scratch::remove(&mut *self.asked(Question::RemoveScratch, name)?, name)
    }
}

#[cfg(test)]
mod tests;
