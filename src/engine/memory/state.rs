//! The objects and files of the engine in memory.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::DuplexStream;

use super::archive::pack;
use super::{EngineCall, EngineMethod};
use crate::engine::{
    Container, ContainerState, EngineError, ExecEnd, HELPER_LABEL, HOLDER_LABEL, Image, Mount, MountSource,
    OWNER_LABEL, PublishedPort, ReplacedMount, Result, Scratch, Volume, owner,
};

/// File contents by path, relative to the volume, directory or container.
pub type FileMap = BTreeMap<PathBuf, Vec<u8>>;

pub(super) type ErrorFactory = Arc<dyn Fn() -> EngineError + Send + Sync>;
pub(super) type ProgramStub = Arc<dyn Fn(&str, &[&str], DuplexStream) + Send + Sync>;
pub(super) type EndStub = Arc<dyn Fn(&[&str]) -> ExecEnd + Send + Sync>;

/// What contains files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileOwner {
    Volume(String),
    Directory(PathBuf),
    Layer(String),
}

/// A server that stands in for a scratch container. Stops when it is dropped.
pub struct ScratchStub {
    pub ports: Vec<PublishedPort>,
    pub running: Box<dyn Any + Send>,
}

pub(super) type StartStub = Arc<dyn Fn(&Scratch) -> ScratchStub + Send + Sync>;

#[derive(Default)]
pub(super) struct EngineState {
    pub(super) containers: Vec<Container>,
    pub(super) volumes: Vec<Volume>,
    pub(super) images: BTreeMap<String, Image>,
    pub(super) files: BTreeMap<FileOwner, FileMap>,
    pub(super) maps_users: bool,
    /// How long the engine measures its volumes.
    pub(super) measuring_takes: std::time::Duration,
    /// By the name of the container, whose own files below a destination are what it still has.
    pub(super) replaced_mounts: BTreeMap<String, Vec<ReplacedMount>>,
    pub(super) failures: BTreeMap<EngineMethod, ErrorFactory>,
    /// The index of the only call that fails.
    pub(super) failing_call: Option<usize>,
    pub(super) cut_archives_after: Option<usize>,
    /// After how many bytes the next archives end, as if they were complete.
    pub(super) short_archives: std::collections::VecDeque<usize>,
    pub(super) program: Option<ProgramStub>,
    /// How programs end; with code 0 if there is none.
    pub(super) program_end: Option<EndStub>,
    pub(super) architecture: Option<String>,
    pub(super) calls: Vec<EngineCall>,
    pub(super) helpers_created: u32,
    pub(super) serve: Option<StartStub>,
    /// By name of the scratch container.
    pub(super) scratches: BTreeMap<String, Scratch>,
    /// By name of the scratch container.
    pub(super) servers: BTreeMap<String, Box<dyn Any + Send>>,
}

pub(super) fn below_root(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

pub(super) fn missing(what: String) -> EngineError {
    EngineError::NotFound { what }
}

impl EngineState {
    /// Adds a helper container of ours, as the image's user and without a command.
    pub(super) fn new_helper(&mut self, image: &str, mounts: Vec<Mount>) -> Result<&mut Container> {
        let Some(known) = self.images.get(image).cloned() else {
            return Err(missing(format!("image `{image}`")));
        };
        self.helpers_created += 1;
        let id = format!("helper-{}", self.helpers_created);
        let container = Container {
            id: id.clone(),
            name: id,
            state: ContainerState::Created,
            image: image.to_owned(),
            image_id: known.id,
            environment: BTreeMap::new(),
            user: known.user,
            labels: BTreeMap::from([
                (HELPER_LABEL.to_owned(), "true".to_owned()),
                (OWNER_LABEL.to_owned(), owner()),
            ]),
            mounts,
            ports: Vec::new(),
            addresses: BTreeMap::new(),
            network_mode: "none".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
            started: None,
            finished: None,
            health: None,
            exit_code: 0,
            command: Vec::new(),
        };
        self.containers.push(container);
        Ok(self.containers.last_mut().expect("just added"))
    }

    pub(super) fn container(&self, name: &str) -> Result<&Container> {
        self.containers
            .iter()
            .find(|container| container.id == name || container.name == name)
            .ok_or_else(|| missing(format!("container `{name}`")))
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Result<&mut Container> {
        self.containers
            .iter_mut()
            .find(|container| container.id == name || container.name == name)
            .ok_or_else(|| missing(format!("container `{name}`")))
    }

    /// The index of a holder container; refuses any other container.
    pub(super) fn holder(&self, id: &str, verb: &str) -> Result<usize> {
        let Some(at) = self.containers.iter().position(|container| container.id == id) else {
            return Err(missing(format!("container `{id}`")));
        };
        if self.containers[at].labels.contains_key(HOLDER_LABEL) {
            Ok(at)
        } else {
            Err(EngineError::Refused {
                action: format!("{verb} container `{id}`"),
                source: anyhow::anyhow!("not a holder container of safe-compose"),
            })
        }
    }

    /// What contains the files at a path of a container, and their path in there.
    pub(super) fn owner(container: &Container, path: &Path) -> (FileOwner, PathBuf) {
        let layer = || (FileOwner::Layer(container.id.clone()), below_root(path).to_owned());
        let Some(mount) = container.mount_of(path) else {
            return layer();
        };
        let owner = match &mount.source {
            MountSource::Volume { name, .. } => FileOwner::Volume(name.clone()),
            MountSource::Bind { path } => FileOwner::Directory(path.clone()),
            MountSource::Tmpfs | MountSource::Other => return layer(),
        };
        let rest = path.strip_prefix(&mount.destination).unwrap_or(Path::new(""));
        (owner, mount.subpath.clone().unwrap_or_default().join(rest))
    }

    /// The archive of a path. As in Docker, its root is the last component of the path, or `.` for a path that ends in it.
    pub(super) fn archive(&self, container: &str, path: &Path) -> Result<Vec<u8>> {
        let container = self.container(container)?;
        let (owner, below) = Self::owner(container, path);
        self.archive_of(container, path, (owner, below))
    }

    /// The archive of a directory that was replaced on the host.
    pub(super) fn live_archive(&self, container: &str, path: &Path) -> Result<Vec<u8>> {
        let container = self.container(container)?;
        let owner = FileOwner::Layer(container.id.clone());
        self.archive_of(container, path, (owner, below_root(path).to_owned()))
    }

    fn archive_of(
        &self,
        container: &Container,
        path: &Path,
        (owner, below): (FileOwner, PathBuf),
    ) -> Result<Vec<u8>> {
        let base = match path.as_os_str().to_str() {
            Some(text) if text.ends_with("/.") => Path::new("."),
            _ => Path::new(path.file_name().unwrap_or("/".as_ref())),
        };
        let none = FileMap::new();
        let files = self.files.get(&owner).unwrap_or(&none);
        let inside: Vec<(PathBuf, &Vec<u8>)> = files
            .iter()
            .filter_map(|(file, content)| Some((file.strip_prefix(&below).ok()?.to_owned(), content)))
            .collect();
        let is_mount_point = below.as_os_str().is_empty() && !matches!(owner, FileOwner::Layer(_));
        if inside.is_empty() && !is_mount_point {
            return Err(missing(format!("`{}` in container `{}`", path.display(), container.name)));
        }
        pack(base, &inside).map_err(|error| EngineError::Refused {
            action: format!("read `{}`", path.display()),
            source: error.into(),
        })
    }

    pub(super) fn unpack(&mut self, container: &str, path: &Path, tar: &[u8]) -> std::io::Result<()> {
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
            let (owner, below) = Self::owner(&container, &target);
            self.files.entry(owner).or_default().insert(below, content);
        }
        Ok(())
    }
}
