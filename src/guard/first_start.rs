//! Services of known programs that are about to start for the first time, and where they will look for their data: in a new
//! container, or in one that was created and never started.

use std::path::Path;

use super::context::HazardContext;
use super::mount_source::MountedLocation;
use crate::compose::model::Service;
use crate::engine::{Container, MountSource};
use crate::inventory::known::{self, Keeps, KnownProgram};

/// A service of a known program that has no container yet, or only one that was never started.
pub(super) struct FirstStart<'a> {
    pub(super) service: &'a Service,
    pub(super) program: &'static KnownProgram,
    /// Where its data will be: more than one place where only the program itself knows its data path.
    pub(super) places: Vec<MountedLocation>,
}

impl<'a> FirstStart<'a> {
    /// Every one that the command creates or starts.
    pub(super) fn all(cx: &HazardContext<'a>) -> Vec<Self> {
        let services = cx.file().into_iter().flat_map(|model| model.services.values());
        services
            .filter_map(|service| Self::of(cx, service).or_else(|| Self::of_created(cx, service)))
            .collect()
    }

    /// `None` if the command does not create the service, it has a container, or its program is unknown.
    pub(super) fn of(cx: &HazardContext<'_>, service: &'a Service) -> Option<Self> {
        let program = known::program(service.image.as_deref()?)?;
        if !cx.creates_first(&service.name) {
            return None;
        }
        let paths = known::of_service(service, cx.image_of(service));
        let places = paths.iter().map(|path| MountedLocation::of_first(cx, service, path)).collect();
        Some(Self { service, program, places })
    }

    /// The same for a service whose container the command starts for the first time. The container has the mounts that it
    /// was created with, whatever the file says now.
    fn of_created(cx: &HazardContext<'_>, service: &'a Service) -> Option<Self> {
        let container = never_started(cx, service)?;
        let program = known::program(&container.image)?;
        let paths = cx.store_of(container)?.data_paths();
        let places = paths.iter().map(|path| new_location(container, path)).collect();
        Some(Self { service, program, places })
    }

    /// Whether it finds no data, wherever it looks.
    pub(super) fn is_empty(&self, cx: &HazardContext<'_>) -> bool {
        !self.places.iter().any(|place| place.may_hold_data(cx))
    }

    pub(super) fn is_in_named_volume(&self) -> bool {
        let is_named =
            |place: &MountedLocation| matches!(place, MountedLocation::Volume { anonymous: false, .. });
        self.places.iter().any(is_named)
    }

    /// Whether its data is worth a question: a cache is not asked about.
    pub(super) fn keeps_data(&self) -> bool {
        match self.program.keeps {
            Keeps::Records | Keeps::Files => true,
            Keeps::State => self.program.name() != "rabbitmq",
            Keeps::Cache => false,
        }
    }

    /// Where it starts, as part of a reason.
    pub(super) fn describe_place(&self) -> String {
        let certain = self.places.iter().find(|place| !matches!(place, MountedLocation::Layer));
        certain.unwrap_or(&MountedLocation::Layer).describe()
    }
}

/// The container of a service that the command starts, if no container of the service was ever started.
pub(super) fn never_started<'a>(cx: &HazardContext<'a>, service: &Service) -> Option<&'a Container> {
    let replicas = cx.replicas(&service.name);
    let is_new = |container: &&Container| container.started.is_none() && !container.is_running();
    if !cx.starts_as_created(&service.name) || !replicas.iter().all(is_new) {
        return None;
    }
    replicas.first().copied()
}

/// Where a container that was never started has its files. The engine created its anonymous volumes with it.
pub(super) fn new_location(container: &Container, path: &Path) -> MountedLocation {
    match container.mount_of(path).map(|mount| &mount.source) {
        Some(MountSource::Volume { anonymous: true, inherited: false, .. }) => MountedLocation::NewAnonymous,
        _ => MountedLocation::of_container(container, path),
    }
}
