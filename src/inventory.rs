//! The data stores of a project: which services hold data, of which kind, and where.

pub mod known;
pub mod version;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::compose::image::Reference;
use crate::compose::model::{DeclaredSource, Model, Service};
use crate::engine::{Container, Identity, Mount, MountSource};
use crate::settings::Settings;

pub use crate::store_kind::{SqlServer, StoreKind};

/// The data stores of a project.
#[derive(Debug)]
pub struct Inventory {
    pub engine: Identity,
    pub project: String,
    pub stores: Vec<Store>,
}

/// The data of one container of a service.
#[derive(Debug, Clone)]
pub struct Store {
    /// The name of the service, with the suffix `-2` and so on for further replicas. Also the name of its backup directory.
    pub id: String,
    pub service: String,
    pub kind: StoreKind,
    /// The container, if it exists.
    pub container: Option<Container>,
    /// The image reference.
    pub image: Option<String>,
    /// Where the data is: the mount of the server's data path, or for plain files every volume and bind mount.
    pub locations: Vec<DataLocation>,
}

impl Store {
    /// Whether its container is running.
    pub fn is_running(&self) -> bool {
        self.container.as_ref().is_some_and(Container::is_running)
    }

    /// The known data paths of its program, one of which is used. Empty for an unknown program, for which every mount may
    /// hold data.
    pub fn data_paths(&self) -> Vec<PathBuf> {
        if let Some(path) = self.kind.data_path() {
            return vec![path.to_owned()];
        }
        let by_image = match &self.container {
            Some(container) => known::of_container(container),
            None => self.image.as_deref().map(known::of_image).unwrap_or_default(),
        };
        if !by_image.is_empty() {
            return by_image;
        }
        let targets = self.locations.iter().map(|location| location.target.clone());
        targets.filter(|target| known::is_data_path(target)).collect()
    }

    /// Whether a path is a known data path of its program, or a parent or child of one.
    pub fn keeps_data_at(&self, path: &Path) -> bool {
        self.data_paths().iter().any(|data| data.starts_with(path) || path.starts_with(data))
    }

    /// Whether it is a server that can be queried for its contents.
    pub fn is_server(&self) -> bool {
        match self.kind {
            StoreKind::Qdrant => true,
            StoreKind::Volume | StoreKind::Sql(_) => false,
        }
    }
}

/// A path in a container that holds data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLocation {
    pub source: LocationSource,
    pub target: PathBuf,
    pub read_only: bool,
}

/// What is mounted at a data location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationSource {
    /// A volume by its name in the engine. An anonymous volume has no name until its container is created.
    Volume {
        name: Option<String>,
        anonymous: bool,
    },
    Bind {
        path: PathBuf,
    },
    Tmpfs,
    /// Nothing is mounted: the data is in the container layer.
    Layer,
}

/// As manifests name it.
impl fmt::Display for LocationSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume { name: Some(name), .. } => write!(f, "volume {name}"),
            Self::Volume { name: None, .. } => f.write_str("anonymous volume"),
            Self::Bind { path } => write!(f, "directory {}", path.display()),
            Self::Tmpfs => f.write_str("tmpfs"),
            Self::Layer => f.write_str("container"),
        }
    }
}

impl LocationSource {
    /// The volume, where the text is what [`fmt::Display`] writes of a named one.
    pub fn volume_in(text: &str) -> Option<&str> {
        text.strip_prefix("volume ")
    }
}

impl Inventory {
    /// Combines the declared services with the existing containers of a project. Either may be missing: with labels only
    /// there is no file, and before the first `up` there are no containers.
    pub fn take(
        engine: Identity,
        project: &str,
        model: Option<&Model>,
        containers: &[Container],
        settings: &Settings,
    ) -> Self {
        let mut stores: Vec<Store> = containers
            .iter()
            .filter(|container| !container.is_one_off())
            .filter_map(|container| Self::from_container(container, settings))
            .collect();
        for service in model.iter().flat_map(|model| model.services.values()) {
            if stores.iter().any(|store| store.service == service.name) {
                continue;
            }
            let Some(kind) = recognise(
                &service.name,
                service.image.as_deref(),
                service.mounts.iter().map(|mount| mount.target.as_path()),
                settings,
            ) else {
                continue;
            };
            stores.push(Store {
                id: service.name.clone(),
                service: service.name.clone(),
                kind,
                container: None,
                image: service.image.clone(),
                locations: declared_locations(service, kind, model),
            });
        }
        stores.sort_by(|one, other| one.id.cmp(&other.id));
        Self { engine, project: project.to_owned(), stores }
    }

    fn from_container(container: &Container, settings: &Settings) -> Option<Store> {
        let service = container.service()?;
        let kind = recognise(
            service,
            Some(&container.image),
            container.mounts.iter().map(|mount| mount.destination.as_path()),
            settings,
        )
        .or_else(|| (!known::of_container(container).is_empty()).then_some(StoreKind::Volume))?;
        let locations: Vec<DataLocation> = container
            .mounts
            .iter()
            .filter(|mount| holds_data(kind, &mount.destination))
            .filter_map(location_of)
            .collect();
        let locations = or_known_layer(container, or_layer(kind, locations));
        let number = container.number();
        Some(Store {
            id: if number == 1 { service.to_owned() } else { format!("{service}-{number}") },
            service: service.to_owned(),
            kind,
            image: Some(container.image.clone()),
            container: Some(container.clone()),
            locations,
        })
    }

    /// The stores of the named services, or all if no service is named.
    pub fn of_services<'a>(&'a self, services: &'a [String]) -> impl Iterator<Item = &'a Store> {
        self.stores.iter().filter(move |store| services.is_empty() || services.contains(&store.service))
    }
}

/// Whether the image is of a program that is known to hold data.
pub fn is_known_image(image: &str) -> bool {
    !known::of_image(image).is_empty()
}

/// The data locations of a service in the Compose file.
pub fn declared_locations(service: &Service, kind: StoreKind, model: Option<&Model>) -> Vec<DataLocation> {
    let locations = service
        .mounts
        .iter()
        .filter(|mount| holds_data(kind, &mount.target))
        .filter_map(|mount| {
            let source = match &mount.source {
                DeclaredSource::Named { key, .. } => LocationSource::Volume {
                    name: model
                        .and_then(|model| model.volumes.get(key))
                        .map(|declared| declared.name.clone()),
                    anonymous: false,
                },
                DeclaredSource::Anonymous => LocationSource::Volume { name: None, anonymous: true },
                DeclaredSource::Bind { path, .. } => LocationSource::Bind { path: path.clone() },
                DeclaredSource::Tmpfs => LocationSource::Tmpfs,
                DeclaredSource::Other => return None,
            };
            Some(DataLocation { source, target: mount.target.clone(), read_only: mount.read_only })
        })
        .collect();
    or_layer(kind, locations)
}

fn location_of(mount: &Mount) -> Option<DataLocation> {
    let source = match &mount.source {
        MountSource::Volume { name, anonymous, .. } => {
            LocationSource::Volume { name: Some(name.clone()), anonymous: *anonymous }
        }
        MountSource::Bind { path } => LocationSource::Bind { path: path.clone() },
        MountSource::Tmpfs => LocationSource::Tmpfs,
        MountSource::Other => return None,
    };
    Some(DataLocation { source, target: mount.destination.clone(), read_only: mount.read_only })
}

/// Adds the container layer if nothing is mounted at the data path of a server.
fn or_layer(kind: StoreKind, locations: Vec<DataLocation>) -> Vec<DataLocation> {
    match kind.data_path() {
        Some(path) if locations.is_empty() => {
            vec![DataLocation { source: LocationSource::Layer, target: path.to_owned(), read_only: false }]
        }
        _ => locations,
    }
}

/// Adds the container layer if nothing is mounted at the data paths of a known program.
fn or_known_layer(container: &Container, mut locations: Vec<DataLocation>) -> Vec<DataLocation> {
    let paths = known::of_container(container);
    let mounted = paths.iter().any(|path| {
        locations
            .iter()
            .any(|location| path.starts_with(&location.target) || location.target.starts_with(path))
    });
    if !mounted && let Some(path) = paths.into_iter().next() {
        locations.push(DataLocation { source: LocationSource::Layer, target: path, read_only: false });
    }
    locations
}

/// Whether a mount can hold data of this kind: it is the data path, or a parent or child of it.
fn holds_data(kind: StoreKind, target: &Path) -> bool {
    kind.data_path().is_none_or(|path| path.starts_with(target) || target.starts_with(path))
}

/// The kind of data that a service holds: from the settings, else from its image or data path, else plain files if it has
/// mounts. `None` if it holds no data.
fn recognise<'a>(
    service: &str,
    image: Option<&str>,
    targets: impl Iterator<Item = &'a Path>,
    settings: &Settings,
) -> Option<StoreKind> {
    if let Some(kind) = settings.services.get(service).and_then(|settings| settings.kind) {
        return Some(match kind {
            // Its files are watched; its tools are for backups only.
            StoreKind::Sql(_) => StoreKind::Volume,
            kind => kind,
        });
    }
    if image.is_some_and(|image| Reference::parse(image).name().contains("qdrant")) {
        return Some(StoreKind::Qdrant);
    }
    let mut has_mounts = false;
    for target in targets {
        if StoreKind::Qdrant.data_path() == Some(target) {
            return Some(StoreKind::Qdrant);
        }
        has_mounts = true;
    }
    has_mounts.then_some(StoreKind::Volume)
}
