//! Everything that the engine has, and the files in it.

use std::any::Any;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::DuplexStream;

use super::archive::pack;
use super::{Call, Question};
use crate::engine::{
    Container, EngineError, HOLDER_LABEL, Image, MountSource, PublishedPort, Result, Scratch, Volume,
};

/// Files by their path below the place that holds them.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

pub(super) type Failure = Arc<dyn Fn() -> EngineError + Send + Sync>;
pub(super) type Program = Arc<dyn Fn(&str, &[&str], DuplexStream) + Send + Sync>;

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keeper {
    Volume(String),
    Directory(PathBuf),
    Layer(String),
}

/// A server that runs in a scratch container, and ends when it is dropped.
pub struct Server {
    pub ports: Vec<PublishedPort>,
    pub running: Box<dyn Any + Send>,
}

pub(super) type Serve = Arc<dyn Fn(&Scratch) -> Server + Send + Sync>;

#[derive(Default)]
pub(super) struct Contents {
    pub(super) containers: Vec<Container>,
    pub(super) volumes: Vec<Volume>,
    pub(super) images: BTreeMap<String, Image>,
    pub(super) files: BTreeMap<Keeper, Files>,
    pub(super) maps_users: bool,
    pub(super) failures: BTreeMap<Question, Failure>,
    pub(super) cut_archives_after: Option<usize>,
    pub(super) program: Option<Program>,
    pub(super) architecture: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) helpers_made: u32,
    pub(super) serve: Option<Serve>,
    /// By the name of the scratch container that each runs in.
    pub(super) servers: BTreeMap<String, Box<dyn Any + Send>>,
}

pub(super) fn below_root(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

pub(super) fn missing(what: String) -> EngineError {
    EngineError::NotFound { what }
}

impl Contents {
    pub(super) fn container(&self, name: &str) -> Result<&Container> {
        self.containers
            .iter()
            .find(|container| container.id == name || container.name == name)
            .ok_or_else(|| missing(format!("container `{name}`")))
    }

    /// Where a holder stands among the containers; any other container is refused.
    pub(super) fn holder(&self, id: &str, verb: &str) -> Result<usize> {
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
    pub(super) fn keeper(container: &Container, path: &Path) -> (Keeper, PathBuf) {
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
    pub(super) fn archive(&self, container: &str, path: &Path) -> Result<Vec<u8>> {
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
            let (keeper, below) = Self::keeper(&container, &target);
            self.files.entry(keeper).or_default().insert(below, content);
        }
        Ok(())
    }
}
