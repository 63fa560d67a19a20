//! Everything that the hazards are assessed from, gathered beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::layer_contents::NotableLayer;
use super::scope::{Role, Scope};
use crate::compose::actions::MountOrigin;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::Reading;
use crate::compose::model::{Model, Service};
use crate::engine::{Container, Image, MountSource, ReplacedMount, Volume};
use crate::inventory::known::FileContents;
use crate::inventory::{Inventory, LocationSource, Store, known};
use crate::policy::Subject;
use crate::settings::Settings;

/// One command, and the project it would act on.
pub struct HazardContext<'a> {
    pub grammar: Grammar,
    pub reading: &'a Reading,
    /// Compose reads no file and finds the project by its labels.
    pub label_mode: bool,
    /// The file with the profiles that this command activates.
    pub model: Option<&'a Model>,
    /// The file with every profile.
    pub whole_model: Option<&'a Model>,
    pub inventory: &'a Inventory,
    /// Every container of the project.
    pub containers: &'a [Container],
    /// Every volume that carries the project's label, every declared one that exists, and every mounted one.
    pub volumes: &'a [Volume],
    /// Volumes that a holder container keeps in use, so that no engine removes them.
    pub protected: BTreeSet<String>,
    pub settings: &'a Settings,
    /// The user declared the entire project disposable.
    pub disposable: bool,
    /// What only some commands need.
    pub probe: &'a Probe,
}

/// What is found out for some commands only. The default is that of a healthy project.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact")]
pub struct Probe {
    pub hashes: Hashes,
    /// Images of the engine, by the reference in the file or in a container; `None` for one that does not exist.
    pub images: BTreeMap<String, Option<Image>>,
    /// Containers of no or another project that mount a volume of this one.
    pub foreign_users: Vec<Container>,
    /// Containers of services that are not in this file, but in the file that they were created from, by id: two files in
    /// one directory are one project.
    pub declared_elsewhere: BTreeSet<String>,
    /// Containers that were created from several files, one of which this command reads too, by id.
    pub sharing_files: BTreeSet<String>,
    /// Directories that a running container has and that their paths on the host no longer lead to, by container id.
    pub replaced_mounts: BTreeMap<String, Vec<ReplacedMount>>,
    /// Containers that were created from this project's directory under another project name, from a sibling directory
    /// that no longer exists, or from a Compose file above or below it that no longer exists.
    pub related_containers: Vec<Container>,
    /// Those missing directories: with more than one, none is more likely to be this project's former name.
    pub missing_directories: BTreeSet<PathBuf>,
    /// Compose files above or below this directory that no longer exist, by the project that was created from them.
    pub moved_files: BTreeMap<String, PathBuf>,
    /// Volumes of those projects, and of projects with a name that this one may have had.
    pub related_volumes: Vec<Volume>,
    /// What is in the volumes and directories that a service is about to use for the first time, and in the volumes that
    /// nothing mounts; as far as this machine can see it.
    pub volume_contents: BTreeMap<String, FileContents>,
    pub directory_contents: BTreeMap<PathBuf, FileContents>,
    /// Layers that are worth a warning, by container id.
    pub layers: BTreeMap<String, NotableLayer>,
    /// Where the data of services without a container was, by service.
    pub former_places: BTreeMap<String, Vec<FormerPlace>>,
    /// Another directory, with a Compose file of its own, that the project's containers were created from.
    pub other_directory: Option<PathBuf>,
    /// The project name is set in the command or in the environment.
    pub explicit_name: bool,
    /// `COMPOSE_REMOVE_ORPHANS` is on.
    pub remove_orphans: bool,
    /// There is a terminal, so Compose shows its own prompts.
    pub terminal: bool,
    /// `cp` copies a directory or a tar stream.
    pub copies_directory: bool,
    /// The path that `cp` writes to, by container id, where symbolic links lead elsewhere.
    pub copy_targets: BTreeMap<String, PathBuf>,
    /// The version of the Compose that will run, where it matters.
    pub version: Option<(u32, u32)>,
    /// What this Compose accepts and safe-compose does not know: ``flag `--new` ``.
    pub unknown_feature: Option<String>,
    /// Variables that the file uses and that are not set.
    pub unset_variables: Vec<String>,
}

/// Where a service had its data when it last had a container, as far as anything tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerPlace {
    pub subject: Subject,
    /// What tells, as the beginning of a sentence: `` `docker-compose.override.yml`, which is not read, mounts``.
    pub evidence: String,
}

/// The configuration hashes of the services, from Compose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hashes {
    /// No data depends on them.
    #[default]
    NotAsked,
    /// Compose did not print them: any container may be recreated.
    Unknown,
    /// By service.
    Known(BTreeMap<String, String>),
}

impl<'a> HazardContext<'a> {
    /// The subcommand's name, for reasons.
    pub fn command(&self) -> &str {
        self.reading.name()
    }

    pub fn scope(&self) -> Scope<'a> {
        Scope {
            reading: self.reading,
            label_mode: self.label_mode,
            model: self.model,
            whole_model: self.whole_model,
            containers: self.containers,
        }
    }

    /// What a command that creates containers does with a service; see [`Scope::role`].
    pub fn role(&self, service: &str) -> Option<Role> {
        self.scope().role(service)
    }

    /// Whether the command creates the first container of a service, or one with `run` that is like it.
    pub fn creates_first(&self, service: &str) -> bool {
        let runs = self.reading.runs_service_itself() && self.reading.named_services() == [service];
        (runs || self.role(service).is_some()) && self.replicas(service).is_empty()
    }

    /// Whether the command starts the existing containers of a service as they are.
    pub fn starts_as_created(&self, service: &str) -> bool {
        self.reading.starts_services()
            && self.reading.mount_origin() == MountOrigin::Containers
            && match self.scope().started() {
                Some(services) => services.contains(service),
                None => self.model.is_none_or(|model| model.services.contains_key(service)),
            }
    }

    /// The file with every profile, or as much of it as is known.
    pub fn file(&self) -> Option<&'a Model> {
        self.whole_model.or(self.model)
    }

    pub fn service(&self, name: &str) -> Option<&'a Service> {
        self.file().and_then(|model| model.services.get(name))
    }

    /// The image of a service, if the engine has it and was asked for it.
    pub fn image_of(&self, service: &Service) -> Option<&'a Image> {
        self.probe.images.get(service.image.as_deref()?)?.as_ref()
    }

    /// A service's own containers, the lowest number first.
    pub fn replicas(&self, service: &str) -> Vec<&'a Container> {
        let mut replicas: Vec<&Container> = self
            .containers
            .iter()
            .filter(|container| !container.is_one_off() && container.service() == Some(service))
            .collect();
        replicas.sort_by_key(|container| container.number());
        replicas
    }

    /// The store whose container this is.
    pub fn store_of(&self, container: &Container) -> Option<&'a Store> {
        self.inventory
            .stores
            .iter()
            .find(|store| store.container.as_ref().is_some_and(|known| known.id == container.id))
    }

    /// Whether a path of a container holds data: of a known program, or because the settings say so.
    pub fn is_data(&self, container: &Container, path: &Path) -> bool {
        self.is_declared(container.service())
            || (!known::is_transient(container)
                && self.store_of(container).is_some_and(|store| store.keeps_data_at(path)))
    }

    /// Whether the settings say that a service keeps data.
    pub fn is_declared(&self, service: Option<&str>) -> bool {
        service
            .and_then(|service| self.settings.services.get(service))
            .is_some_and(|settings| settings.kind.is_some())
    }

    /// Whether the container layer holds data.
    pub fn keeps_data_in_layer(&self, container: &Container) -> bool {
        let is_declared = self.is_declared(container.service());
        if known::is_transient(container) && !is_declared {
            return false;
        }
        let bare = container.mounts.is_empty() && is_declared;
        bare || self
            .store_of(container)
            .is_some_and(|store| store.locations.iter().any(|place| place.source == LocationSource::Layer))
    }

    /// The volumes that a container mounts, by name.
    pub fn mounted(container: &Container) -> impl Iterator<Item = &str> {
        container.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } => Some(name.as_str()),
            MountSource::Bind { .. } | MountSource::Tmpfs | MountSource::Other => None,
        })
    }

    pub fn volume(&self, name: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }

    /// The name of the volume behind a key of the file.
    pub fn volume_of_key(&self, key: &str) -> Option<&'a str> {
        self.file().and_then(|model| model.volumes.get(key)).map(|declared| declared.name.as_str())
    }

    /// The services whose data this is.
    pub fn services_on(&self, subject: &Subject) -> BTreeSet<String> {
        match subject {
            Subject::Volume { name, .. } => self.services_of_volume(name),
            Subject::Directory { path } => self
                .inventory
                .stores
                .iter()
                .filter(|store| {
                    store.locations.iter().any(|place| {
                        matches!(&place.source, LocationSource::Bind { path: bound } if bound.as_os_str() == path.as_str())
                    })
                })
                .map(|store| store.service.clone())
                .collect(),
            Subject::Layer { container, .. } | Subject::Tmpfs { container, .. } => self
                .containers
                .iter()
                .filter(|known| known.name == *container)
                .filter_map(|known| known.service().map(str::to_owned))
                .collect(),
            Subject::Image { name, .. } => self
                .containers
                .iter()
                .filter(|container| container.image == *name)
                .filter_map(|container| container.service().map(str::to_owned))
                .collect(),
            Subject::Collection { service, .. } | Subject::Service { name: service } => {
                BTreeSet::from([service.clone()])
            }
        }
    }

    fn services_of_volume(&self, volume: &str) -> BTreeSet<String> {
        let mounted = self.containers.iter().filter(|container| container.mounts_volume(volume));
        let mut services: BTreeSet<String> =
            mounted.filter_map(|container| container.service().map(str::to_owned)).collect();
        for store in &self.inventory.stores {
            let declares = store.locations.iter().any(|place| {
                matches!(&place.source, LocationSource::Volume { name: Some(name), .. } if name == volume)
            });
            if declares {
                services.insert(store.service.clone());
            }
        }
        services
    }

    /// Whether the settings declare this data disposable: its volume, or every service that uses it.
    pub fn is_disposable(&self, subject: &Subject, services: &BTreeSet<String>) -> bool {
        let disposable =
            |name: &String| self.settings.services.get(name).is_some_and(|service| service.disposable);
        if self.disposable || (!services.is_empty() && services.iter().all(disposable)) {
            return true;
        }
        let Subject::Volume { name, .. } = subject else { return false };
        let by_label = self.volume(name).and_then(Volume::compose_key);
        let by_file = self
            .file()
            .and_then(|model| model.volumes.iter().find(|(_, declared)| declared.name == *name))
            .map(|(key, _)| key.as_str());
        [by_label, by_file]
            .into_iter()
            .flatten()
            .any(|key| self.settings.volumes.get(key).is_some_and(|volume| volume.disposable))
    }
}
