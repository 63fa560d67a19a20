//! Services of known programs that are about to get their first container, and where they will look for their data.

use super::context::HazardContext;
use super::mount_source::MountedLocation;
use crate::compose::model::Service;
use crate::inventory::known::{self, Keeps, KnownProgram};

/// A service of a known program that has no container yet.
pub(super) struct FirstStart<'a> {
    pub(super) service: &'a Service,
    pub(super) program: &'static KnownProgram,
    /// Where its data will be: more than one place where only the program itself knows its data path.
    pub(super) places: Vec<MountedLocation>,
}

impl<'a> FirstStart<'a> {
    /// Every one that the command creates.
    pub(super) fn all(cx: &HazardContext<'a>) -> Vec<Self> {
        let services = cx.file().into_iter().flat_map(|model| model.services.values());
        services.filter_map(|service| Self::of(cx, service)).collect()
    }

    /// `None` if the command does not create the service, it has a container, or its program is unknown.
    pub(super) fn of(cx: &HazardContext<'_>, service: &'a Service) -> Option<Self> {
        cx.role(&service.name)?;
        let program = known::program(service.image.as_deref()?)?;
        if !cx.replicas(&service.name).is_empty() {
            return None;
        }
        let paths = known::of_service(service, cx.image_of(service));
        let places = paths.iter().map(|path| MountedLocation::of_first(cx, service, path)).collect();
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
