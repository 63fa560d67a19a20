//! A data mount of a service, with everything that the checks need.

use std::path::{Path, PathBuf};

use super::user::{self, ContainerUser};
use super::{Input, Start};
use crate::compose::model::{DeclaredSource, MountDeclaration, Service};
use crate::engine::{Container, Engine, Image, MountSource, Volume};
use crate::inventory::known::{self, Keeps, KnownProgram};
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind, declared_locations};
use crate::qdrant;
use crate::secret::Secret;

/// A mount of a service that holds data, or a data path without a mount.
#[derive(Debug, Clone)]
pub(super) struct DataMount {
    pub(super) service: String,
    pub(super) kind: StoreKind,
    pub(super) location: DataLocation,
    /// The directory on this machine, if it is accessible.
    pub(super) directory: Option<Directory>,
    pub(super) volume: Option<NamedVolume>,
    /// The user that the container runs as; `None` if unknown, or if the engine maps its id to another user.
    pub(super) user: Option<ContainerUser>,
    /// Whether another mount of the service contains the complete data path.
    pub(super) covered: bool,
    /// Whether the server is configured to use another data path.
    pub(super) moved: bool,
    /// Whether the service is running.
    pub(super) running: bool,
    /// The server that keeps its data in this mount, if it is that of a known program other than Qdrant.
    pub(super) server: Option<KnownServer>,
}

/// A known program whose server is started, and needs to write to a mount.
#[derive(Debug, Clone)]
pub(super) struct KnownServer {
    pub(super) program: &'static KnownProgram,
    /// Where its data may be, relative to the mount. Only the program knows which it uses.
    pub(super) data: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) absence: Absence,
}

/// What happens if the directory does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// The engine creates it, owned by root.
    Created,
    /// The engine fails to start the container.
    Fails,
    /// It existed when the service ran before, so its data is missing.
    Lost,
}

/// A named volume, in the engine and in the Compose file.
#[derive(Debug, Clone)]
pub(super) struct NamedVolume {
    pub(super) name: String,
    pub(super) external: bool,
    pub(super) exists: bool,
    /// The file system type in the options of the volume: `nfs`, `tmpfs`.
    pub(super) filesystem: Option<String>,
}

impl DataMount {
    /// Whether it is a bind mount.
    pub(super) fn is_on_host(&self) -> bool {
        matches!(self.location.source, LocationSource::Bind { .. })
    }

    /// The name in messages.
    pub(super) fn name(&self) -> String {
        match (&self.directory, &self.volume, &self.location.source) {
            (_, Some(volume), _) => format!("volume `{}`", volume.name),
            (Some(directory), None, _) => format!("`{}`", directory.path.display()),
            (None, None, LocationSource::Bind { path }) => format!("`{}`", path.display()),
            (None, None, LocationSource::Volume { .. } | LocationSource::Tmpfs | LocationSource::Layer) => {
                format!("`{}`", self.location.target.display())
            }
        }
    }

    /// The data path relative to the mount: empty unless the mount is a parent of the data path.
    pub(super) fn data_below(&self) -> &Path {
        self.kind
            .data_path()
            .and_then(|data| data.strip_prefix(&self.location.target).ok())
            .unwrap_or(Path::new(""))
    }

    /// Whether the mount contains all data of the server; true for plain files.
    pub(super) fn holds_everything(&self) -> bool {
        self.kind.data_path().is_none_or(|data| data.starts_with(&self.location.target))
    }
}

/// Resolves the data mounts of one service.
struct MountResolver<'a> {
    store: &'a Store,
    declared: Option<&'a Service>,
    user: Option<ContainerUser>,
    moved: bool,
    server: Option<KnownServer>,
}

/// The data mounts of all services in scope.
pub(super) async fn resolve(input: Input<'_>) -> Vec<DataMount> {
    let in_scope = |store: &&Store| input.starts(&store.service);
    // An error counts as yes: then permissions are not checked.
    let maps_users = input.engine.maps_users().await.unwrap_or(true);
    let mut mounts = Vec::new();
    for store in input.inventory.stores.iter().filter(in_scope) {
        let declared = match input.start {
            Start::AsDeclared => input.model.and_then(|model| model.services.get(&store.service)),
            Start::AsCreated => None,
        };
        let image = image_of(store, declared, input.engine).await;
        let container = store.container.as_ref();
        let spec = match (declared, container) {
            (Some(service), _) => {
                service.user.clone().or_else(|| image.as_ref().map(|image| image.user.clone()))
            }
            (None, Some(container)) => Some(container.user.clone()),
            (None, None) => None,
        };
        let user = match spec {
            Some(spec) if !maps_users => user::resolve(&spec, container, input.engine).await,
            _ => None,
        };
        let resolver = MountResolver {
            store,
            declared,
            user,
            moved: has_other_data_path(store, image.as_ref(), container),
            server: known_server(store, declared, image.as_ref()),
        };
        let locations = resolver.locations(input);
        let covered = locations.iter().any(|location| {
            store.kind.data_path().is_some_and(|data| data.starts_with(&location.target))
                && location.source != LocationSource::Layer
        });
        for location in locations {
            mounts.push(resolver.mount(location, covered, input).await);
        }
    }
    mounts
}

async fn image_of(store: &Store, declared: Option<&Service>, engine: &dyn Engine) -> Option<Image> {
    let reference = declared.and_then(|service| service.image.as_ref()).or(store.image.as_ref())?;
    engine.image(reference).await.ok().flatten()
}

/// The known server that a service starts, with its absolute data paths.
fn known_server(store: &Store, declared: Option<&Service>, image: Option<&Image>) -> Option<KnownServer> {
    if store.kind != StoreKind::Volume {
        return None;
    }
    let reference = declared.and_then(|service| service.image.as_deref()).or(store.image.as_deref())?;
    let program = known::program(reference)?;
    let (command, mut data) = match (declared, &store.container) {
        (Some(service), _) => (&service.command, known::of_service(service, image)),
        (None, Some(container)) => (&container.command, store.data_paths()),
        (None, None) => return None,
    };
    match program.keeps {
        Keeps::Cache if known::keeps_in_memory(command) => return None,
        Keeps::Records | Keeps::State | Keeps::Cache => {}
        // An application may only read the files at its other paths.
        Keeps::Files => data.truncate(1),
    }
    program.is_served_by(command).then_some(KnownServer { program, data })
}

fn has_other_data_path(store: &Store, image: Option<&Image>, container: Option<&Container>) -> bool {
    let differs = |value: &str| store.kind.data_path().is_some_and(|usual| Path::new(value) != usual);
    let in_container =
        container.and_then(|container| container.environment.get(qdrant::STORAGE_PATH_VARIABLE));
    let in_image = image.and_then(|image| image.environment.get(qdrant::STORAGE_PATH_VARIABLE));
    in_container.map(Secret::expose).or(in_image.map(String::as_str)).is_some_and(differs)
}

impl MountResolver<'_> {
    fn locations(&self, input: Input<'_>) -> Vec<DataLocation> {
        let Some(service) = self.declared else {
            return self.store.locations.clone();
        };
        let mut locations = declared_locations(service, self.store.kind, input.model);
        if self.store.kind == StoreKind::Qdrant {
            locations.extend(
                service
                    .mounts
                    .iter()
                    .filter(|mount| mount.target == Path::new(qdrant::SNAPSHOTS_PATH))
                    .filter_map(|mount| match &mount.source {
                        DeclaredSource::Bind { path, .. } => Some(DataLocation {
                            source: LocationSource::Bind { path: path.clone() },
                            target: mount.target.clone(),
                            read_only: mount.read_only,
                        }),
                        DeclaredSource::Named { .. }
                        | DeclaredSource::Anonymous
                        | DeclaredSource::Tmpfs
                        | DeclaredSource::Other => None,
                    }),
            );
        }
        locations
    }

    async fn mount(&self, location: DataLocation, covered: bool, input: Input<'_>) -> DataMount {
        let mount = self
            .declared
            .and_then(|service| service.mounts.iter().find(|mount| mount.target == location.target));
        let (directory, volume) = match &location.source {
            LocationSource::Bind { path } => (Some(self.bind_directory(path, mount)), None),
            LocationSource::Volume { name: Some(name), anonymous: false } => {
                let (directory, volume) = self.volume(name, &location.target, mount, input).await;
                (directory, Some(volume))
            }
            LocationSource::Volume { .. } | LocationSource::Tmpfs | LocationSource::Layer => (None, None),
        };
        DataMount {
            service: self.store.service.clone(),
            kind: self.store.kind,
            directory: directory.filter(|_| input.inventory.engine.local),
            volume,
            user: self.user,
            covered,
            moved: self.moved,
            running: self.store.is_running(),
            server: self.server_at(&location.target),
            location,
        }
    }

    /// The server, if its data is at the target of a mount or below it. What is mounted below its data may be read only.
    fn server_at(&self, target: &Path) -> Option<KnownServer> {
        let server = self.server.as_ref()?;
        let data: Vec<PathBuf> =
            server.data.iter().filter_map(|path| Some(path.strip_prefix(target).ok()?.to_owned())).collect();
        (!data.is_empty()).then_some(KnownServer { data, ..*server })
    }

    fn bind_directory(&self, path: &Path, mount: Option<&MountDeclaration>) -> Directory {
        let has_run = self.store.container.as_ref().is_some_and(|container| {
            container.started.is_some()
                && container
                    .mounts
                    .iter()
                    .any(|mount| matches!(&mount.source, MountSource::Bind { path: used } if used == path))
        });
        let creates = match mount.map(|mount| &mount.source) {
            Some(DeclaredSource::Bind { create_host_path, .. }) => *create_host_path,
            _ => true,
        };
        let absence = match (has_run, creates) {
            (true, _) => Absence::Lost,
            (false, true) => Absence::Created,
            (false, false) => Absence::Fails,
        };
        Directory { path: path.to_owned(), absence }
    }

    async fn volume(
        &self,
        name: &str,
        target: &Path,
        mount: Option<&MountDeclaration>,
        input: Input<'_>,
    ) -> (Option<Directory>, NamedVolume) {
        let declared = input
            .model
            .and_then(|model| model.volumes.values().find(|volume| volume.name == name))
            .filter(|_| self.declared.is_some());
        // A failed request does not mean that the volume is missing.
        let response = input.engine.volume(name).await;
        let exists = !matches!(response, Ok(None));
        let found: Option<Volume> = response.ok().flatten();
        let options =
            found.as_ref().map(|volume| &volume.options).or(declared.map(|declared| &declared.driver_opts));
        let driver = found
            .as_ref()
            .map(|volume| volume.driver.as_str())
            .or(declared.and_then(|declared| declared.driver.as_deref()))
            .unwrap_or("local");
        let option = |key: &str| options.and_then(|options| options.get(key)).map(String::as_str);
        let subpath = match (mount.map(|mount| &mount.source), self.declared, &self.store.container) {
            (Some(DeclaredSource::Named { subpath, .. }), _, _) => subpath.clone(),
            (_, None, Some(container)) => container.mount_of(target).and_then(|mount| mount.subpath.clone()),
            _ => None,
        }
        .unwrap_or_default();
        let is_bind = option("o").is_some_and(|o| o.split(',').any(|word| word == "bind" || word == "rbind"));
        let directory = match (driver, option("device")) {
            ("local", Some(device)) if is_bind => Some(Directory {
                path: below(Path::new(device), &subpath),
                absence: if found.is_some() { Absence::Lost } else { Absence::Fails },
            }),
            ("local", None) => {
                found.as_ref().filter(|volume| !volume.mountpoint.as_os_str().is_empty()).map(|volume| {
                    Directory { path: below(&volume.mountpoint, &subpath), absence: Absence::Lost }
                })
            }
            // Mounted only while in use: the directory now is not what the service sees.
            _ => None,
        };
        let volume = NamedVolume {
            name: name.to_owned(),
            external: declared.is_some_and(|declared| declared.external),
            exists,
            filesystem: option("type").filter(|_| !is_bind).map(str::to_owned),
        };
        (directory, volume)
    }
}

/// Joins two paths without a trailing slash if the second is empty.
fn below(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}
