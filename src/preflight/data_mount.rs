//! One data place of one service, with everything the checks need to judge it.

use std::path::{Path, PathBuf};

use super::user::{self, User};
use super::{Input, Start};
use crate::compose::model::{DeclaredSource, MountDeclaration, Service};
use crate::engine::{Container, Engine, Image, MountSource, Volume};
use crate::inventory::{Place, PlaceSource, Store, StoreKind, declared_places};
use crate::secret::Secret;

/// Where Qdrant builds its snapshots: it does not start when it cannot write there.
const QDRANT_SNAPSHOTS: &str = "/qdrant/snapshots";

/// The setting that moves Qdrant's data to another path.
const QDRANT_STORAGE_PATH: &str = "QDRANT__STORAGE__STORAGE_PATH";

#[derive(Debug, Clone)]
pub(super) struct DataMount {
    pub(super) service: String,
    pub(super) kind: StoreKind,
    pub(super) place: Place,
    /// The directory behind the place, where we can look at it.
    pub(super) directory: Option<Directory>,
    pub(super) volume: Option<NamedVolume>,
    /// The user that will write there; `None` when it is not known or its number means another user on the host.
    pub(super) user: Option<User>,
    /// Another place of the service holds its whole data path.
    pub(super) covered: bool,
    /// The server is told to keep its data at another path than the usual one.
    pub(super) moved: bool,
    /// The service runs already.
    pub(super) running: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) absence: Absence,
}

/// What it means when a directory is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// The engine would create it, owned by root.
    Created,
    /// The engine would fail.
    Fails,
    /// It was there when the service ran before.
    Lost,
}

/// A volume by name, as the engine has it and as the file wants it.
#[derive(Debug, Clone)]
pub(super) struct NamedVolume {
    pub(super) name: String,
    pub(super) external: bool,
    pub(super) exists: bool,
    /// The kind of file system that the volume's options mount: `nfs`, `tmpfs`, `none` for a bind.
    pub(super) mounts: Option<String>,
}

impl DataMount {
    /// Whether it is a directory of the engine's host.
    pub(super) fn is_on_host(&self) -> bool {
        matches!(self.place.source, PlaceSource::Bind { .. })
    }

    /// What to call it in a message.
    pub(super) fn name(&self) -> String {
        match (&self.directory, &self.volume, &self.place.source) {
            (_, Some(volume), _) => format!("volume `{}`", volume.name),
            (Some(directory), None, _) => format!("`{}`", directory.path.display()),
            (None, None, PlaceSource::Bind { path }) => format!("`{}`", path.display()),
            (None, None, PlaceSource::Volume { .. } | PlaceSource::Tmpfs | PlaceSource::Layer) => {
                format!("`{}`", self.place.target.display())
            }
        }
    }

    /// Where the data is below the mount: empty unless the mount is above the server's data path.
    pub(super) fn data_below(&self) -> &Path {
        self.kind
            .data_path()
            .and_then(|data| data.strip_prefix(&self.place.target).ok())
            .unwrap_or(Path::new(""))
    }

    /// Whether all of the server's data is below the mount; true for data of no known kind.
    pub(super) fn holds_everything(&self) -> bool {
        self.kind.data_path().is_none_or(|data| data.starts_with(&self.place.target))
    }
}

/// Everything about one service that its places share.
struct ContainerUser<'a> {
    store: &'a Store,
    declared: Option<&'a Service>,
    user: Option<User>,
    moved: bool,
}

/// The places of every service in scope.
pub(super) async fn resolve(input: Input<'_>) -> Vec<DataMount> {
    let in_scope =
        |store: &&Store| input.services.is_none_or(|services| services.contains(store.service.as_str()));
    // A question that is not answered counts as yes: then users are not judged.
    let maps_users = input.engine.maps_users().await.unwrap_or(true);
    let mut mounts = Vec::new();
    for store in input.inventory.stores.iter().filter(in_scope) {
        let declared = match input.start {
            Start::AsDeclared => input.model.and_then(|model| model.services.get(&store.service)),
            Start::AsCreated => None,
        };
        let image = image_of(store, declared, input.engine).await;
        let container = store.container.as_ref();
        let words = match (declared, container) {
            (Some(service), _) => {
                service.user.clone().or_else(|| image.as_ref().map(|image| image.user.clone()))
            }
            (None, Some(container)) => Some(container.user.clone()),
            (None, None) => None,
        };
        let user = match words {
            Some(words) if !maps_users => user::resolve(&words, container, input.engine).await,
            _ => None,
        };
        let occupant =
            ContainerUser { store, declared, user, moved: is_moved(store, image.as_ref(), container) };
        let places = occupant.places(input);
        let covered = places.iter().any(|place| {
            store.kind.data_path().is_some_and(|data| data.starts_with(&place.target))
                && place.source != PlaceSource::Layer
        });
        for place in places {
            mounts.push(occupant.mount(place, covered, input).await);
        }
    }
    mounts
}

async fn image_of(store: &Store, declared: Option<&Service>, engine: &dyn Engine) -> Option<Image> {
    let reference = declared.and_then(|service| service.image.as_ref()).or(store.image.as_ref())?;
    engine.image(reference).await.ok().flatten()
}

fn is_moved(store: &Store, image: Option<&Image>, container: Option<&Container>) -> bool {
    let differs = |value: &str| store.kind.data_path().is_some_and(|usual| Path::new(value) != usual);
    let in_container = container.and_then(|container| container.environment.get(QDRANT_STORAGE_PATH));
    let in_image = image.and_then(|image| image.environment.get(QDRANT_STORAGE_PATH));
    in_container.map(Secret::expose).or(in_image.map(String::as_str)).is_some_and(differs)
}

impl ContainerUser<'_> {
    fn places(&self, input: Input<'_>) -> Vec<Place> {
        let Some(service) = self.declared else {
            return self.store.places.clone();
        };
        let mut places = declared_places(service, self.store.kind, input.model);
        if self.store.kind == StoreKind::Qdrant {
            places.extend(
                service.mounts.iter().filter(|mount| mount.target == Path::new(QDRANT_SNAPSHOTS)).filter_map(
                    |mount| match &mount.source {
                        DeclaredSource::Bind { path, .. } => Some(Place {
                            source: PlaceSource::Bind { path: path.clone() },
                            target: mount.target.clone(),
                            read_only: mount.read_only,
                        }),
                        DeclaredSource::Named { .. }
                        | DeclaredSource::Anonymous
                        | DeclaredSource::Tmpfs
                        | DeclaredSource::Other => None,
                    },
                ),
            );
        }
        places
    }

    async fn mount(&self, place: Place, covered: bool, input: Input<'_>) -> DataMount {
        let mount = self
            .declared
            .and_then(|service| service.mounts.iter().find(|mount| mount.target == place.target));
        let (directory, volume) = match &place.source {
            PlaceSource::Bind { path } => (Some(self.bound(path, mount)), None),
            PlaceSource::Volume { name: Some(name), anonymous: false } => {
                let (directory, volume) = self.volume(name, &place.target, mount, input).await;
                (directory, Some(volume))
            }
            PlaceSource::Volume { .. } | PlaceSource::Tmpfs | PlaceSource::Layer => (None, None),
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
            place,
        }
    }

    fn bound(&self, path: &Path, mount: Option<&MountDeclaration>) -> Directory {
        let lived = self.store.container.as_ref().is_some_and(|container| {
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
        let absence = match (lived, creates) {
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
        // An engine that does not answer has not said that the volume is missing.
        let asked = input.engine.volume(name).await;
        let exists = !matches!(asked, Ok(None));
        let found: Option<Volume> = asked.ok().flatten();
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
            // Mounted only while it is used: what is there now is not what the service will see.
            _ => None,
        };
        let volume = NamedVolume {
            name: name.to_owned(),
            external: declared.is_some_and(|declared| declared.external),
            exists,
            mounts: option("type").filter(|_| !is_bind).map(str::to_owned),
        };
        (directory, volume)
    }
}

/// Without the slash that joining with nothing leaves behind.
fn below(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}
