//! Everything that the hazards look at, gathered before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compose::grammar::Grammar;
use crate::compose::invocation::Reading;
use crate::compose::model::{Model, Service};
use crate::engine::{Container, Image, MountSource, Volume};
use crate::inventory::{Inventory, LocationSource, Store};
use crate::policy::Subject;
use crate::settings::Settings;

/// One command, and the project it would act on.
pub struct HazardContext<'a> {
    pub grammar: Grammar,
    pub reading: &'a Reading,
    /// The project is known by its labels only: Compose will not read a file.
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
    /// Volumes that a holder of ours keeps in use, so that no engine removes them.
    pub protected: BTreeSet<String>,
    pub settings: &'a Settings,
    /// The whole project may be thrown away.
    pub disposable: bool,
    /// What only some commands need to know.
    pub probe: &'a Probe,
}

/// What has to be found out for some commands only. The default is what is true of a project that nothing is wrong
/// with.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each thing that is so or not")]
pub struct Probe {
    pub hashes: Hashes,
    /// Images of the engine by the reference that the file or a container has for them. One that was looked for and is
    /// not there is `None`.
    pub images: BTreeMap<String, Option<Image>>,
    /// Containers outside of the project that mount one of its volumes.
    pub outsiders: Vec<Container>,
    /// Containers that were made from this project's directory under another project's name, or from a directory
    /// beside it that is not there any more.
    pub namesakes: Vec<Container>,
    /// Those directories: where there is more than one, none of them is more likely to be this one's old name.
    pub lost_directories: BTreeSet<PathBuf>,
    /// Volumes of those projects, and of the one that this directory would have without another name being given.
    pub namesake_volumes: Vec<Volume>,
    /// Another directory, with a Compose file of its own, that the project's containers were made from.
    pub other_directory: Option<PathBuf>,
    /// The project's name was given by hand, in the command or in the environment.
    pub named_by_hand: bool,
    /// `COMPOSE_REMOVE_ORPHANS` is on.
    pub remove_orphans: bool,
    /// Somebody is at a terminal, so Compose asks its own questions.
    pub terminal: bool,
    /// What `cp` copies is a directory or a stream of one.
    pub copies_directory: bool,
    /// Where `cp` really writes in a container, by its id, when links lead elsewhere.
    pub copy_targets: BTreeMap<String, PathBuf>,
    /// The version of the Compose that will run, where it matters.
    pub version: Option<(u32, u32)>,
    /// A flag that this Compose takes and we do not know.
    pub unknown_flag: Option<String>,
    /// Variables that the file uses and nobody has set.
    pub unset_variables: Vec<String>,
}

/// What Compose says of the services' configurations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hashes {
    /// Nothing that could be lost depends on them.
    #[default]
    NotAsked,
    /// Compose did not say: any container may be made anew.
    Unknown,
    /// By service.
    Known(BTreeMap<String, String>),
}

/// What a starting command is to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It was named, or nothing was.
    Named,
    /// Something that was named depends on it.
    Dependency,
}

impl<'a> HazardContext<'a> {
    pub fn subcommand(&self) -> &str {
        self.reading.subcommand.as_deref().unwrap_or_default()
    }

    /// The file with every profile, or what there is of it.
    pub fn file(&self) -> Option<&'a Model> {
        self.whole_model.or(self.model)
    }

    pub fn service(&self, name: &str) -> Option<&'a Service> {
        self.file().and_then(|model| model.services.get(name))
    }

    /// Whether a command that stops or removes acts on a service. Naming none means all of them.
    pub fn acts_on(&self, service: &str) -> bool {
        // `wait --down-project` is a `down` of everything, inactive profiles too (measured).
        if self.subcommand() == "wait" {
            return true;
        }
        let named = &self.reading.operands;
        if !named.is_empty() {
            return named.iter().any(|name| name == service)
                || (self.label_mode && self.subcommand() == "down" && self.depends_on_named(service));
        }
        // A container whose service is in no active profile is left alone by a plain `down` (measured); one whose
        // service is not in the file at all is an orphan.
        match (self.label_mode, self.grammar, self.model) {
            (true, _, _) | (_, _, None) => true,
            (false, Grammar::V1, Some(_)) => self.service(service).is_some(),
            (false, Grammar::V2, Some(model)) => model.services.contains_key(service),
        }
    }

    /// What a command that makes containers is to a service; `None` when it leaves it alone.
    pub fn role(&self, service: &str) -> Option<Role> {
        let makes = match self.subcommand() {
            "up" | "create" | "run" | "scale" => true,
            "watch" => !self.reading.is_set("no-up"),
            _ => false,
        };
        if !makes || self.label_mode {
            return None;
        }
        let named: Vec<&str> = match self.subcommand() {
            "scale" => {
                self.reading.operands.iter().map(|word| word.split('=').next().unwrap_or(word)).collect()
            }
            "run" => self.reading.operands.iter().take(1).map(String::as_str).collect(),
            _ => self.reading.operands.iter().map(String::as_str).collect(),
        };
        if named.is_empty() {
            let active = self.model.is_none_or(|model| model.services.contains_key(service));
            return active.then_some(Role::Named);
        }
        if named.contains(&service) {
            // `run` makes a container of its own beside those of the service.
            return (self.subcommand() != "run").then_some(Role::Named);
        }
        let follows = !self.reading.is_set("no-deps");
        (follows && self.closure(named).contains(service)).then_some(Role::Dependency)
    }

    /// Services with everything they depend on.
    pub fn closure<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
        let mut open: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            if reached.insert(name.clone())
                && let Some(service) = self.service(&name)
            {
                open.extend(service.depends_on.iter().cloned());
            }
        }
        reached
    }

    /// The containers of the services it acts on. One-off containers belong to no service, except for V1's `down`.
    pub fn containers_in_reach(&self) -> impl Iterator<Item = &'a Container> + '_ {
        let one_offs_too = self.grammar == Grammar::V1 && self.subcommand() == "down";
        self.containers.iter().filter(move |container| {
            (one_offs_too || !container.is_one_off())
                && container.service().is_some_and(|service| self.acts_on(service))
        })
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

    /// The store that a container is the body of.
    pub fn store_of(&self, container: &Container) -> Option<&'a Store> {
        self.inventory
            .stores
            .iter()
            .find(|store| store.container.as_ref().is_some_and(|known| known.id == container.id))
    }

    /// Whether what a container keeps at a path is data: of a program that we know, or because the settings say so.
    pub fn is_data(&self, container: &Container, path: &Path) -> bool {
        self.is_declared(container.service())
            || self.store_of(container).is_some_and(|store| store.keeps_data_at(path))
    }

    /// Whether the settings say that a service keeps data.
    pub fn is_declared(&self, service: Option<&str>) -> bool {
        service
            .and_then(|service| self.settings.services.get(service))
            .is_some_and(|settings| settings.kind.is_some())
    }

    /// Whether what a container writes outside of its mounts is data.
    pub fn keeps_data_in_layer(&self, container: &Container) -> bool {
        let bare = container.mounts.is_empty() && self.is_declared(container.service());
        bare || self
            .store_of(container)
            .is_some_and(|store| store.locations.iter().any(|place| place.source == LocationSource::Layer))
    }

    /// The named volumes of a container that it can write.
    pub fn mounted(container: &Container) -> impl Iterator<Item = &str> {
        container.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } => Some(name.as_str()),
            MountSource::Bind { .. } | MountSource::Tmpfs | MountSource::Other => None,
        })
    }

    pub fn volume(&self, name: &str) -> Option<&'a Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }

    /// Without a file, `down SERVICE` removes the services that depend on it too, by the labels (measured, 2.40.3).
    fn depends_on_named(&self, service: &str) -> bool {
        let mut reached: BTreeSet<&str> = self.reading.operands.iter().map(String::as_str).collect();
        loop {
            let next = self.containers.iter().find_map(|container| {
                let dependent = container.service().filter(|name| !reached.contains(name))?;
                let needs = container.labels.get("com.docker.compose.depends_on")?;
                let needs_reached =
                    needs.split(',').any(|one| reached.contains(one.split(':').next().unwrap_or(one)));
                needs_reached.then_some(dependent)
            });
            match next {
                Some(name) => reached.insert(name),
                None => return reached.contains(service),
            };
        }
    }

    /// The name of the volume behind a key of the file.
    pub fn volume_of_key(&self, key: &str) -> Option<&'a str> {
        self.file().and_then(|model| model.volumes.get(key)).map(|declared| declared.name.as_str())
    }

    /// The services that keep data in a place.
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

    /// Whether the settings give this piece of data up: its volume, or every service that keeps data in it.
    pub fn is_disposable(&self, subject: &Subject, services: &BTreeSet<String>) -> bool {
        let given_up =
            |name: &String| self.settings.services.get(name).is_some_and(|service| service.disposable);
        if self.disposable || (!services.is_empty() && services.iter().all(given_up)) {
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
