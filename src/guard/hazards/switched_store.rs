//! Another profile or another file replaces one database by another: the new one starts empty, and the old one keeps its
//! data, which nothing uses any more.

use super::super::first_start::FirstStart;
use super::super::mount_source::MountedLocation;
use super::super::{Hazard, HazardContext, volume_subject};
use crate::compose::model::Service;
use crate::engine::Container;
use crate::inventory::known::{self, FileContents, Keeps};
use crate::inventory::{DataLocation, LocationSource};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct SwitchedStore;

impl Hazard for SwitchedStore {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        // Whoever names services leaves the others alone on purpose.
        if !cx.reading.named_services().is_empty() {
            return;
        }
        let starts_empty =
            |first: &FirstStart<'_>| first.program.keeps == Keeps::Records && first.is_empty(cx);
        let Some(new) = FirstStart::all(cx).into_iter().find(starts_empty) else { return };
        for container in cx.containers.iter().filter(|container| is_left_alone(cx, container, new.service)) {
            let Some(old) = container.service() else { continue };
            let state = if container.is_running() { "keeps running" } else { "is stopped" };
            let places = cx.store_of(container).into_iter().flat_map(|store| &store.locations);
            for subject in places.filter_map(|place| subject_of(cx, place)) {
                let reason = format!(
                    "`{old}`, which this command leaves alone, {state} and has data here; `{}` starts empty",
                    new.service.name
                );
                found.push(told(subject, old, reason));
            }
        }
        let services = cx.file().into_iter().flat_map(|model| model.services.values());
        for old in services.filter(|service| is_inactive(cx, service, new.service)) {
            for path in known::of_service(old, cx.image_of(old)) {
                let place = MountedLocation::of_first(cx, old, &path);
                let Some(subject) = occupied(cx, &place) else { continue };
                let reason = format!(
                    "the data of `{}`, whose profile is not active, is not used; `{}` starts empty",
                    old.name, new.service.name
                );
                found.push(told(subject, &old.name, reason));
            }
        }
    }
}

/// Switching may be intended, and the old data stays where it is.
fn told(subject: Subject, service: &str, reason: String) -> Impact {
    let mut impact = Impact { notice: true, ..Impact::new(Effect::Orphan, subject, reason) };
    impact.services.insert(service.to_owned());
    impact
}

fn is_database(image: Option<&str>) -> bool {
    image.and_then(known::program).is_some_and(|program| program.keeps == Keeps::Records)
}

/// A container of a database that the command neither updates nor removes. That of another stack in the same directory
/// has nothing to do with this one.
fn is_left_alone(cx: &HazardContext<'_>, container: &Container, new: &Service) -> bool {
    let old = container.service().and_then(|service| cx.service(service));
    let is_of_role =
        container.service().is_none_or(|service| cx.role(service).is_some() || cx.starts_as_created(service));
    !container.is_one_off()
        && old.is_none_or(|old| are_alternatives(old, new))
        && !is_of_role
        && is_database(Some(&container.image))
        && (!cx.probe.declared_elsewhere.contains(&container.id)
            || cx.probe.sharing_files.contains(&container.id))
}

/// A database of the file without a container, in a profile that is not active.
fn is_inactive(cx: &HazardContext<'_>, service: &Service, new: &Service) -> bool {
    are_alternatives(service, new)
        && cx.role(&service.name).is_none()
        && !cx.starts_as_created(&service.name)
        && is_database(service.image.as_deref())
        && cx.replicas(&service.name).is_empty()
}

/// Whether profiles choose between two services.
fn are_alternatives(old: &Service, new: &Service) -> bool {
    !old.profiles.is_empty() && !new.profiles.is_empty()
}

fn subject_of(cx: &HazardContext<'_>, place: &DataLocation) -> Option<Subject> {
    match &place.source {
        LocationSource::Volume { name: Some(name), anonymous } => Some(volume_subject(cx, name, *anonymous)),
        LocationSource::Bind { path } => Some(Subject::Directory { path: path.display().to_string() }),
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => None,
    }
}

/// A place that is known to have files.
fn occupied(cx: &HazardContext<'_>, place: &MountedLocation) -> Option<Subject> {
    match place {
        MountedLocation::Volume { name, anonymous: false, .. } => {
            let empty = cx.probe.volume_contents.get(name) == Some(&FileContents::Empty);
            (cx.volume(name).is_some() && !empty).then(|| volume_subject(cx, name, false))
        }
        MountedLocation::Directory(path) => {
            let has_files = matches!(cx.probe.directory_contents.get(path), Some(FileContents::Of(_)));
            has_files.then(|| Subject::Directory { path: path.display().to_string() })
        }
        MountedLocation::Volume { .. }
        | MountedLocation::NewAnonymous
        | MountedLocation::Memory
        | MountedLocation::Layer
        | MountedLocation::Unknown => None,
    }
}
