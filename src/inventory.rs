//! Which services of a project hold data, of which kind, and where.

pub mod known;

use std::path::{Path, PathBuf};

use crate::compose::image::Reference;
use crate::compose::model::{DeclaredSource, Model, Service};
use crate::engine::{Container, Identity, Mount, MountSource};
use crate::settings::Settings;

/// A kind of data store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    Qdrant,
    /// Data of a kind we have no words for: copied as files.
    Volume,
}

impl StoreKind {
    /// Where the server keeps its data unless told otherwise.
    pub fn data_path(self) -> Option<&'static Path> {
        match self {
            Self::Qdrant => Some(Path::new("/qdrant/storage")),
            Self::Volume => None,
        }
    }
}

/// What is known about a project's data.
#[derive(Debug)]
pub struct Inventory {
    pub engine: Identity,
    pub project: String,
    pub stores: Vec<Store>,
}

/// The data of one container of a service.
#[derive(Debug, Clone)]
pub struct Store {
    /// The service, with `-2` and so on behind it for further replicas: also the name of its backup directory.
    pub id: String,
    pub service: String,
    pub kind: StoreKind,
    /// The container, where there is one.
    pub container: Option<Container>,
    /// The image, by reference.
    pub image: Option<String>,
    /// The mounts that hold data: the one at the server's data path, or for a plain volume store every volume and
    /// bind that can be written.
    pub locations: Vec<DataLocation>,
}

impl Store {
    /// Whether its server could be asked.
    pub fn is_running(&self) -> bool {
        self.container.as_ref().is_some_and(Container::is_running)
    }

    /// The paths where its program is known to keep data: one of them is used. Empty for a program that we do not
    /// know, whose mounts hold whatever they hold.
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
        let targets = self.locations.iter().map(|place| place.target.clone());
        targets.filter(|target| known::tells(target)).collect()
    }

    /// Whether a path is where its program is known to keep data: at a data path, above or below it.
    pub fn keeps_data_at(&self, path: &Path) -> bool {
        self.data_paths().iter().any(|data| data.starts_with(path) || path.starts_with(data))
    }

    /// Whether it is a server that can be asked what it holds.
    pub fn is_server(&self) -> bool {
        match self.kind {
            StoreKind::Qdrant => true,
            StoreKind::Volume => false,
        }
    }
}

/// One place that holds data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLocation {
    pub source: LocationSource,
    pub target: PathBuf,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationSource {
    /// A volume by its name on the engine; anonymous ones have no name before their container is made.
    Volume {
        name: Option<String>,
        anonymous: bool,
    },
    Bind {
        path: PathBuf,
    },
    Tmpfs,
    /// Nothing is mounted there: the data is in the container itself.
    Layer,
}

impl Inventory {
    /// Puts together what the file declares and what the engine has. Either may be missing: label mode has no file,
    /// and before the first `up` there are no containers. `model` and `containers` are of one project.
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
            .filter_map(place_of)
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

    /// The stores of some services, or of all when none is named.
    pub fn of_services<'a>(&'a self, services: &'a [String]) -> impl Iterator<Item = &'a Store> {
        self.stores.iter().filter(move |store| services.is_empty() || services.contains(&store.service))
    }
}

/// Whether an image is of a program that is known to keep data.
pub fn is_known_image(image: &str) -> bool {
    !known::of_image(image).is_empty()
}

/// The places where a service of a kind keeps its data, by the file alone.
pub fn declared_locations(service: &Service, kind: StoreKind, model: Option<&Model>) -> Vec<DataLocation> {
    let places = service
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
    or_layer(kind, places)
}

fn place_of(mount: &Mount) -> Option<DataLocation> {
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

/// A server of a known kind keeps its data at one path; without a mount there it is in the container itself.
fn or_layer(kind: StoreKind, places: Vec<DataLocation>) -> Vec<DataLocation> {
    match kind.data_path() {
        Some(path) if places.is_empty() => {
            vec![DataLocation { source: LocationSource::Layer, target: path.to_owned(), read_only: false }]
        }
        _ => places,
    }
}

/// A program that we know, none of whose data paths is on a mount, keeps its data in its container.
fn or_known_layer(container: &Container, mut places: Vec<DataLocation>) -> Vec<DataLocation> {
    let paths = known::of_container(container);
    let mounted = paths.iter().any(|path| {
        places.iter().any(|place| path.starts_with(&place.target) || place.target.starts_with(path))
    });
    if !mounted && let Some(path) = paths.into_iter().next() {
        places.push(DataLocation { source: LocationSource::Layer, target: path, read_only: false });
    }
    places
}

/// A mount at the data path, or above it.
fn holds_data(kind: StoreKind, target: &Path) -> bool {
    kind.data_path().is_none_or(|path| path.starts_with(target) || target.starts_with(path))
}

/// The kind of data a service holds: what the settings say, else what its image or its data path says, else plain
/// files when it mounts a volume. `None` when it holds none.
fn recognise<'a>(
    service: &str,
    image: Option<&str>,
    targets: impl Iterator<Item = &'a Path>,
    settings: &Settings,
) -> Option<StoreKind> {
    if let Some(kind) = settings.services.get(service).and_then(|settings| settings.kind) {
        return Some(kind);
    }
    if image.is_some_and(|image| Reference::parse(image).name().contains("qdrant")) {
        return Some(StoreKind::Qdrant);
    }
    let mut any = false;
    for target in targets {
        if StoreKind::Qdrant.data_path() == Some(target) {
            return Some(StoreKind::Qdrant);
        }
        any = true;
    }
    any.then_some(StoreKind::Volume)
}
