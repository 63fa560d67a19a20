//! An engine in memory, for tests of the rooms above.
//!
//! It answers from what it was given, and keeps files as maps from path to content; archives are real tar streams,
//! named as the real engine names them. It writes down what it was asked, and fails where it is told to.

mod scratch;

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio::io::DuplexStream;

use super::{
    ByteStream, Container, Engine, EngineError, ExecPipe, HELPER_LABEL, HOLDER_LABEL, Helper, Holder,
    Identity, Image, Mount, MountSource, Result, Scratch, State, Volume, is_beside,
};
use crate::policy::Clearance;

pub use scratch::Server;

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

/// Files by their path below the place that holds them.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

type Failure = Arc<dyn Fn() -> EngineError + Send + Sync>;
type Program = Arc<dyn Fn(&str, &[&str], DuplexStream) + Send + Sync>;

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Keeper {
    Volume(String),
    Directory(PathBuf),
    Layer(String),
}

#[derive(Default)]
struct Contents {
    containers: Vec<Container>,
    volumes: Vec<Volume>,
    images: BTreeMap<String, Image>,
    files: BTreeMap<Keeper, Files>,
    maps_users: bool,
    failures: BTreeMap<Question, Failure>,
    cut_archives_after: Option<usize>,
    program: Option<Program>,
    architecture: Option<String>,
    calls: Vec<Call>,
    helpers_made: u32,
    serve: Option<scratch::Serve>,
    /// By the name of the scratch container that each runs in.
    servers: BTreeMap<String, Box<dyn Any + Send>>,
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

    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    #[must_use]
    pub fn with_container(self, container: Container) -> Self {
        self.contents().containers.push(container);
        self
    }

    #[must_use]
    pub fn with_volume(self, volume: Volume) -> Self {
        self.contents().volumes.push(volume);
        self
    }

    #[must_use]
    pub fn with_image(self, reference: &str, image: Image) -> Self {
        self.contents().images.insert(reference.to_owned(), image);
        self
    }

    #[must_use]
    pub fn with_mapped_users(self) -> Self {
        self.contents().maps_users = true;
        self
    }

    /// The machine it runs on; `x86_64` unless told otherwise.
    #[must_use]
    pub fn with_architecture(self, name: &str) -> Self {
        self.contents().architecture = Some(name.to_owned());
        self
    }

    /// Puts a container into another state.
    pub fn set_state(&self, container: &str, state: State) {
        let mut contents = self.contents();
        for known in contents.containers.iter_mut().filter(|known| known.name == container) {
            known.state = state;
        }
    }

    /// A file in a volume; the path is below the volume.
    #[must_use]
    pub fn with_volume_file(self, volume: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Volume(volume.to_owned()), Path::new(path), content.into());
        self
    }

    /// A file in a container, outside of its mounts.
    #[must_use]
    pub fn with_container_file(self, container: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Layer(container.to_owned()), below_root(Path::new(path)), content.into());
        self
    }

    /// A file in a directory of the host that containers mount.
    #[must_use]
    pub fn with_directory_file(self, directory: &str, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.keep(Keeper::Directory(PathBuf::from(directory)), Path::new(path), content.into());
        self
    }

    /// What runs in place of every program started in a container: it gets the container, the words, and the other
    /// ends of standard input and output.
    #[must_use]
    pub fn with_program(self, program: impl Fn(&str, &[&str], DuplexStream) + Send + Sync + 'static) -> Self {
        self.contents().program = Some(Arc::new(program));
        self
    }

    /// From now on a question gets this error.
    pub fn fail_with(&self, question: Question, error: impl Fn() -> EngineError + Send + Sync + 'static) {
        self.contents().failures.insert(question, Arc::new(error));
    }

    /// From now on a question finds no engine.
    pub fn fail(&self, question: Question) {
        let endpoint = self.identity.endpoint.clone();
        self.fail_with(question, move || EngineError::Unreachable {
            endpoint: endpoint.clone(),
            source: anyhow::anyhow!("told to fail"),
        });
    }

    /// A question gets its answer again.
    pub fn heal(&self, question: Question) {
        self.contents().failures.remove(&question);
    }

    /// From now on every archive that is read breaks off after some bytes.
    pub fn cut_archives_after(&self, bytes: usize) {
        self.contents().cut_archives_after = Some(bytes);
    }

    /// Everything that was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.contents().calls.clone()
    }

    /// How often a question was asked.
    pub fn count(&self, question: Question) -> usize {
        self.contents().calls.iter().filter(|call| call.question == question).count()
    }

    /// What is in a volume now.
    pub fn volume_files(&self, volume: &str) -> Files {
        self.contents().files.get(&Keeper::Volume(volume.to_owned())).cloned().unwrap_or_default()
    }

    /// What is in a host directory that containers mount.
    pub fn directory_files(&self, directory: &str) -> Files {
        self.contents().files.get(&Keeper::Directory(PathBuf::from(directory))).cloned().unwrap_or_default()
    }

    /// Every container, helpers too.
    pub fn containers(&self) -> Vec<Container> {
        self.contents().containers.clone()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, keeper: Keeper, path: &Path, content: Vec<u8>) {
        self.contents().files.entry(keeper).or_default().insert(path.to_owned(), content);
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

fn below_root(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn missing(what: String) -> EngineError {
    EngineError::NotFound { what }
}

impl Contents {
    fn container(&self, name: &str) -> Result<&Container> {
        self.containers
            .iter()
            .find(|container| container.id == name || container.name == name)
            .ok_or_else(|| missing(format!("container `{name}`")))
    }

    /// Where a holder stands among the containers; any other container is refused.
    fn holder(&self, id: &str, verb: &str) -> Result<usize> {
        let Some(at) = self.containers.iter().position(|container| container.id == id) else {
            return Err(missing(format!("container `{id}`")));
        };
        if self.containers[at].labels.contains_key(HOLDER_LABEL) {
            Ok(at)
        } else {
            Err(EngineError::Refused {
                action: format!("{verb} container `{id}`"),
                source: anyhow::anyhow!("it is not a holder of ours"),
            })
        }
    }

    /// Who keeps the files at a path of a container, and where below it they are.
    fn keeper(container: &Container, path: &Path) -> (Keeper, PathBuf) {
        let layer = || (Keeper::Layer(container.id.clone()), below_root(path).to_owned());
        let Some(mount) = container.mount_of(path) else {
            return layer();
        };
        let keeper = match &mount.source {
            MountSource::Volume { name, .. } => Keeper::Volume(name.clone()),
            MountSource::Bind { path } => Keeper::Directory(path.clone()),
            MountSource::Tmpfs | MountSource::Other => return layer(),
        };
        let rest = path.strip_prefix(&mount.destination).unwrap_or(Path::new(""));
        (keeper, mount.subpath.clone().unwrap_or_default().join(rest))
    }

    /// The archive of a path, named as Docker names it: by the last part of the path, or `.` when the path ends so.
    fn archive(&self, container: &str, path: &Path) -> Result<Vec<u8>> {
        let container = self.container(container)?;
        let (keeper, below) = Self::keeper(container, path);
        let base = match path.as_os_str().to_str() {
            Some(text) if text.ends_with("/.") => Path::new("."),
            _ => Path::new(path.file_name().unwrap_or("/".as_ref())),
        };
        let none = Files::new();
        let files = self.files.get(&keeper).unwrap_or(&none);
        let inside: Vec<(PathBuf, &Vec<u8>)> = files
            .iter()
            .filter_map(|(file, content)| Some((file.strip_prefix(&below).ok()?.to_owned(), content)))
            .collect();
        let is_mount_point = below.as_os_str().is_empty() && !matches!(keeper, Keeper::Layer(_));
        if inside.is_empty() && !is_mount_point {
            return Err(missing(format!("`{}` in container `{}`", path.display(), container.name)));
        }
        pack(base, &inside).map_err(|error| EngineError::Refused {
            action: format!("read `{}`", path.display()),
            source: error.into(),
        })
    }

    fn unpack(&mut self, container: &str, path: &Path, tar: &[u8]) -> std::io::Result<()> {
        let container = self.container(container).map_err(std::io::Error::other)?.clone();
        for entry in tar::Archive::new(tar).entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let named: PathBuf = entry.path()?.components().collect();
            let target = path.join(named.strip_prefix(".").unwrap_or(&named));
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            let (keeper, below) = Self::keeper(&container, &target);
            self.files.entry(keeper).or_default().insert(below, content);
        }
        Ok(())
    }
}

fn pack(base: &Path, files: &[(PathBuf, &Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let header = |kind: tar::EntryType, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_size(size as u64);
        header
    };
    let mut tar = tar::Builder::new(Vec::new());
    let is_one_file = matches!(files, [(path, _)] if path.as_os_str().is_empty());
    if !is_one_file {
        let mut name = base.as_os_str().to_owned();
        name.push("/");
        tar.append_data(&mut header(tar::EntryType::Directory, 0), name, std::io::empty())?;
    }
    let mut directories = std::collections::BTreeSet::new();
    for (path, content) in files {
        let parents: Vec<&Path> =
            path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
        for parent in parents.into_iter().rev() {
            if directories.insert(parent.to_owned()) {
                let mut name = base.join(parent).into_os_string();
                name.push("/");
                tar.append_data(&mut header(tar::EntryType::Directory, 0), name, std::io::empty())?;
            }
        }
        let name = if is_one_file { base.to_owned() } else { base.join(path) };
        tar.append_data(&mut header(tar::EntryType::Regular, content.len()), name, content.as_slice())?;
    }
    tar.into_inner()
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
        let name = first_tag(&tar).map_err(|error| EngineError::Refused {
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

/// The first name that `manifest.json` in a saved image gives.
fn first_tag(tar: &[u8]) -> std::io::Result<String> {
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if entry.path()?.as_os_str() == "manifest.json" {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            let manifest: serde_json::Value = serde_json::from_str(&text)?;
            if let Some(tag) = manifest[0]["RepoTags"][0].as_str() {
                return Ok(tag.to_owned());
            }
        }
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "no named image is in it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Assessment, Backed, Decision, Rule, Situation, decide};

    fn clearance() -> Clearance {
        let plan = Assessment { engine: "e".into(), project: "p".into(), impacts: Vec::new() };
        let situation = Situation {
            plan: &plan,
            destroy: Rule::Confirm,
            orphan: Rule::Confirm,
            terminal: false,
            allow: None,
        };
        match decide(&situation) {
            Decision::Allow(permit) => permit.clear(Backed::Nothing),
            other => panic!("{other:?}"),
        }
    }

    fn volume(name: &str) -> Volume {
        Volume {
            name: name.into(),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: BTreeMap::new(),
            created: None,
            mountpoint: PathBuf::new(),
        }
    }

    fn image() -> Image {
        Image { id: "sha256:0".into(), ..Image::default() }
    }

    #[tokio::test]
    async fn an_archive_goes_out_of_one_volume_and_into_another() {
        let engine = MemoryEngine::new()
            .with_image("app", image())
            .with_volume(volume("from"))
            .with_volume(volume("to"))
            .with_volume_file("from", "a/b.txt", "x".repeat(10_000))
            .with_volume_file("from", "c", "y");
        let helper = Helper {
            image: "app".into(),
            volumes: vec![("from".into(), "/from".into()), ("to".into(), "/to".into())],
        };
        let id = engine.create_helper(&helper).await.expect("made");
        let tar = engine.read_archive(&id, Path::new("/from/.")).await.expect("read");
        engine.write_archive(&id, Path::new("/to"), tar, &clearance()).await.expect("written");
        assert_eq!(engine.volume_files("to"), engine.volume_files("from"));
        assert_eq!(engine.volume_files("to").len(), 2);
        engine.remove_helper(&id).await.expect("removed");
        assert!(engine.containers().is_empty());
    }

    #[tokio::test]
    async fn entries_are_named_after_the_path() {
        let engine = MemoryEngine::new()
            .with_image("app", image())
            .with_volume(volume("v"))
            .with_volume_file("v", "a/b", "x");
        let helper = Helper { image: "app".into(), volumes: vec![("v".into(), "/data".into())] };
        let id = engine.create_helper(&helper).await.expect("made");
        let bytes: Vec<u8> = engine
            .read_archive(&id, Path::new("/data"))
            .await
            .expect("read")
            .try_concat()
            .await
            .expect("whole");
        let names: Vec<String> = tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("tar")
            .map(|entry| entry.expect("entry").path().expect("path").display().to_string())
            .collect();
        assert_eq!(names, ["data/", "data/a/", "data/a/b"]);
        let error = engine.read_archive(&id, Path::new("/data/none")).await.err().expect("nothing there");
        assert!(matches!(error, EngineError::NotFound { .. }));
    }

    #[tokio::test]
    async fn it_fails_as_told_and_remembers_what_it_was_asked() {
        let engine = MemoryEngine::new().with_volume(volume("v"));
        engine.fail(Question::Volume);
        assert!(matches!(engine.volume("v").await, Err(EngineError::Unreachable { .. })));
        engine.heal(Question::Volume);
        assert!(engine.volume("v").await.expect("asked").is_some());
        assert_eq!(engine.count(Question::Volume), 2);
        assert_eq!(engine.calls()[0].subject, "v");
    }

    #[tokio::test]
    async fn a_container_that_is_not_a_helper_stays() {
        let engine = MemoryEngine::new().with_image("app", image());
        let helper = Helper { image: "app".into(), volumes: Vec::new() };
        let id = engine.create_helper(&helper).await.expect("made");
        engine.contents().containers[0].labels.clear();
        assert!(matches!(engine.remove_helper(&id).await, Err(EngineError::Refused { .. })));
        assert_eq!(engine.containers().len(), 1);
    }
}
