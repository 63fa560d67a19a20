//! Checks that no other server has the data of a service that is about to start.
//!
//! A database expects that nobody else writes its files. Its lock does not prevent a second server on the same files: it
//! is a process id, or a file lock, and neither works across containers.

use std::path::{Path, PathBuf};

use super::finding::{CheckFinding, CheckSeverity};
use super::{Input, Start};
use crate::engine::Container;
use crate::inventory::known::{self, Keeps, KnownProgram};
use crate::inventory::{DataLocation, Inventory, LocationSource, Store, declared_locations};
use crate::settings::Settings;

/// Where a server keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ServerFiles {
    /// A directory in a volume.
    Volume(String, PathBuf),
    Directory(PathBuf),
}

/// A server and its files.
struct Server {
    program: &'static KnownProgram,
    files: Vec<ServerFiles>,
}

/// The findings about servers that already run on the same files.
pub(super) async fn check(input: Input<'_>) -> Vec<CheckFinding> {
    let mut starting: Vec<(&Store, Server)> = Vec::new();
    for store in input.inventory.stores.iter().filter(|store| !store.is_running()) {
        if input.starts(&store.service)
            && let Some(server) = about_to_start(store, input)
        {
            starting.push((store, server));
        }
    }
    let files = starting.iter().flat_map(|(_, server)| &server.files);
    let (mut volumes, mut directories) = (Vec::new(), Vec::new());
    for files in files {
        match files {
            ServerFiles::Volume(name, _) => volumes.push(name.clone()),
            ServerFiles::Directory(path) => directories.push(path.clone()),
        }
    }
    if volumes.is_empty() && directories.is_empty() {
        return Vec::new();
    }
    let running = match input.engine.running_containers_with(&volumes, &directories).await {
        Ok(running) => running,
        Err(error) => {
            let what = "other containers with the same data could not be listed";
            let found = starting.iter().map(|(store, _)| {
                CheckFinding::new(CheckSeverity::Warn, &store.service, what, error.to_string())
            });
            return found.collect();
        }
    };
    let mut findings = Vec::new();
    for (store, server) in &starting {
        let other = running.iter().filter(|container| !is_same_service(container, input, store)).find_map(
            |container| {
                let shared = server.shares_with(&running_server(container, input)?)?;
                Some((container, shared))
            },
        );
        if let Some((container, shared)) = other {
            findings.push(finding(store, container, &shared));
        }
    }
    findings
}

fn is_same_service(container: &Container, input: Input<'_>, store: &Store) -> bool {
    let project = container.project() == Some(input.inventory.project.as_str());
    // A container that `run` created is rarely a server: mostly it has a client, or a shell.
    container.is_one_off() || (project && container.service() == Some(store.service.as_str()))
}

fn finding(store: &Store, other: &Container, shared: &ServerFiles) -> CheckFinding {
    let place = match shared {
        ServerFiles::Volume(name, _) => format!("volume `{name}`"),
        ServerFiles::Directory(path) => format!("`{}`", path.display()),
    };
    let owner = other.project().map_or_else(String::new, |project| format!(" of project `{project}`"));
    CheckFinding::new(
        CheckSeverity::Stop,
        &store.service,
        format!("{place} is in use by container `{}`{owner}, which is running", other.name),
        "two servers on the same files corrupt them; stop that container first, or give this service its own data",
    )
}

fn about_to_start(store: &Store, input: Input<'_>) -> Option<Server> {
    let declared = match input.start {
        Start::AsDeclared => input.model.and_then(|model| model.services.get(&store.service)),
        Start::AsCreated => None,
    };
    let image = declared.and_then(|service| service.image.as_deref()).or(store.image.as_deref())?;
    let locations = match declared {
        Some(service) => declared_locations(service, store.kind, input.model),
        None => store.locations.clone(),
    };
    Server::of(image, &store.data_paths(), &locations, input.inventory.engine.local)
}

fn running_server(container: &Container, input: Input<'_>) -> Option<Server> {
    let engine = input.inventory.engine.clone();
    // A container that Compose did not create has no service.
    let mut container = container.clone();
    container.labels.entry("com.docker.compose.service".to_owned()).or_default();
    let one = Inventory::take(engine, "", None, &[container], &Settings::default());
    let store = one.stores.first()?;
    Server::of(store.image.as_deref()?, &store.data_paths(), &store.locations, one.engine.local)
}

impl Server {
    fn of(image: &str, data: &[PathBuf], locations: &[DataLocation], local: bool) -> Option<Self> {
        let program = known::program(image).filter(|program| match program.keeps {
            Keeps::Records | Keeps::Cache => true,
            // Several processes may share the files of an application; a broker rarely runs alone.
            Keeps::Files | Keeps::State => false,
        })?;
        let writable = locations.iter().filter(|location| !location.read_only);
        let files: Vec<ServerFiles> =
            writable.filter_map(|location| files_of(location, data, local)).collect();
        (!files.is_empty()).then_some(Self { program, files })
    }

    /// The files that both would write.
    fn shares_with(&self, other: &Self) -> Option<ServerFiles> {
        let both_databases = self.program.keeps == Keeps::Records && other.program.keeps == Keeps::Records;
        if !both_databases && !std::ptr::eq(self.program, other.program) {
            return None;
        }
        let shared = self.files.iter().find(|own| other.files.iter().any(|files| own.overlap(files)));
        shared.cloned()
    }
}

/// The files of a server at one of its mounts; `None` if its data is not there.
fn files_of(location: &DataLocation, data: &[PathBuf], local: bool) -> Option<ServerFiles> {
    let target = &location.target;
    // A mount at the data path or below it has nothing but data. A parent may have other things beside it.
    let inside = data.iter().any(|path| target.starts_with(path));
    let below =
        if inside { Path::new("") } else { data.iter().find_map(|path| path.strip_prefix(target).ok())? };
    let join = |base: &Path| if below.as_os_str().is_empty() { base.to_owned() } else { base.join(below) };
    match &location.source {
        LocationSource::Volume { name: Some(name), .. } => {
            Some(ServerFiles::Volume(name.clone(), below.to_owned()))
        }
        LocationSource::Bind { path } => {
            let resolved = path.canonicalize().ok().filter(|_| local);
            Some(ServerFiles::Directory(join(resolved.as_deref().unwrap_or(path))))
        }
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => None,
    }
}

impl ServerFiles {
    /// Whether one is the other, or contains it: a setting may select a directory in the mount.
    fn overlap(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Volume(one, path), Self::Volume(two, below)) => one == two && overlap(path, below),
            (Self::Directory(path), Self::Directory(below)) => overlap(path, below),
            (Self::Volume(..), Self::Directory(_)) | (Self::Directory(_), Self::Volume(..)) => false,
        }
    }
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
