//! A service is about to keep its data at another path of its containers than before, or than its mount is at: a newer
//! image has another data path, or a setting names one. The mount is still there, but the program does not use it.

use std::path::{Path, PathBuf};

use super::super::first_start::{never_started, new_location};
use super::super::mount_source::{MountedLocation, Transition};
use super::super::{Hazard, HazardContext, volume_subject};
use crate::compose::model::{DeclaredSource, MountDeclaration, Service};
use crate::engine::{Container, MountSource};
use crate::inventory::Store;
use crate::inventory::known::{self, FileContents};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct MovedDataPath;

impl Hazard for MovedDataPath {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
            if let Some(container) = never_started(cx, service) {
                created(cx, service, container, found);
                continue;
            }
            let next = known::of_service(service, cx.image_of(service));
            let is_first = cx.creates_first(&service.name);
            if next.is_empty() || !is_first && cx.role(&service.name).is_none() {
                continue;
            }
            let replicas = cx.replicas(&service.name);
            if is_first {
                first(cx, service, &next, found);
            } else if !cx.reading.is_set("no-recreate") {
                for container in replicas {
                    following(cx, service, container, &next, found);
                }
            }
        }
    }
}

/// The path at which a container has its data, if the next one will look at others only.
fn left_path(cx: &HazardContext<'_>, container: &Container, next: &[PathBuf]) -> Option<PathBuf> {
    let paths = cx.store_of(container)?.data_paths();
    // An image that may use several paths has its data where something is mounted.
    let used = paths.into_iter().find(|path| container.mount_of(path).is_some())?;
    (!next.contains(&used)).then_some(used)
}

fn following(
    cx: &HazardContext<'_>,
    service: &Service,
    container: &Container,
    next: &[PathBuf],
    found: &mut Vec<Impact>,
) {
    let Some(path) = left_path(cx, container, next) else { return };
    let before = MountedLocation::of_container(container, &path);
    let place =
        |path: &PathBuf| MountedLocation::of_file(cx, service, path, container, Transition::Recreated);
    let after: Vec<MountedLocation> = next.iter().map(place).collect();
    // The mount may have moved with the path.
    if after.iter().any(|after| after.is_same_as(&before)) {
        return;
    }
    let subject = match &before {
        MountedLocation::Volume { name, anonymous, .. } => volume_subject(cx, name, *anonymous),
        MountedLocation::Directory(path) => Subject::Directory { path: path.display().to_string() },
        // The container layer is lost with its container, whatever the next one uses.
        MountedLocation::NewAnonymous
        | MountedLocation::Memory
        | MountedLocation::Layer
        | MountedLocation::Unknown => return,
    };
    let (Some(new_path), Some(new_place)) = (next.first(), after.first()) else { return };
    let reason = format!(
        "`{}` has its data at `{}`, in {}, but its next container keeps it at `{}`, in {}, and starts without it",
        service.name,
        path.display(),
        before.describe(),
        new_path.display(),
        new_place.describe()
    );
    let notice = !cx.is_data(container, &path);
    found.push(Impact { notice, ..Impact::new(Effect::Orphan, subject, reason) });
}

/// A mount at a path that the program of the service is known to use, but that this image does not.
fn first(cx: &HazardContext<'_>, service: &Service, next: &[PathBuf], found: &mut Vec<Impact>) {
    let overlaps = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    let known = known::every_path_of_service(service);
    let is_unused = |mount: &&MountDeclaration| {
        !mount.read_only
            && known.contains(&mount.target)
            && !next.iter().any(|path| overlaps(path, &mount.target))
    };
    let places = next.iter().map(|path| MountedLocation::of_first(cx, service, path));
    let finds_data = places.into_iter().any(|place| place.may_hold_data(cx));
    for mount in service.mounts.iter().filter(is_unused) {
        let place = match &mount.source {
            DeclaredSource::Named { key, .. } => {
                let Some(name) = cx.volume_of_key(key) else { continue };
                UnusedPlace::volume(cx, name)
            }
            DeclaredSource::Bind { path, .. } => UnusedPlace::directory(cx, path),
            DeclaredSource::Anonymous | DeclaredSource::Tmpfs | DeclaredSource::Other => continue,
        };
        let mounted = format!("which the file mounts at `{}`", mount.target.display());
        found.extend(place.impact(service, next, &mounted, finds_data));
    }
}

/// The same for a container that was created and never started: it has the mounts that it was created with.
fn created(cx: &HazardContext<'_>, service: &Service, container: &Container, found: &mut Vec<Impact>) {
    let Some(next) = cx.store_of(container).map(Store::data_paths) else { return };
    let overlaps = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
    let known = known::every_path_of_image(&container.image);
    let finds_data = next.iter().any(|path| new_location(container, path).may_hold_data(cx));
    for mount in container.mounts.iter().filter(|mount| !mount.read_only) {
        let target = &mount.destination;
        if !known.contains(target) || next.iter().any(|path| overlaps(path, target)) {
            continue;
        }
        let place = match &mount.source {
            MountSource::Volume { name, anonymous: false, .. } => UnusedPlace::volume(cx, name),
            MountSource::Bind { path } => UnusedPlace::directory(cx, path),
            MountSource::Volume { .. } | MountSource::Tmpfs | MountSource::Other => continue,
        };
        let mounted = format!("which its container has at `{}`", target.display());
        found.extend(place.impact(service, &next, &mounted, finds_data));
    }
}

/// A place that is mounted where the program will not look.
struct UnusedPlace {
    subject: Subject,
    /// As part of a reason.
    name: String,
    holds_data: bool,
}

impl UnusedPlace {
    fn volume(cx: &HazardContext<'_>, name: &str) -> Self {
        let empty = cx.probe.volume_contents.get(name) == Some(&FileContents::Empty);
        let holds_data = cx.volume(name).is_some() && !empty;
        Self { subject: volume_subject(cx, name, false), name: format!("volume `{name}`"), holds_data }
    }

    fn directory(cx: &HazardContext<'_>, path: &Path) -> Self {
        let holds_data = matches!(cx.probe.directory_contents.get(path), Some(FileContents::Of(_)));
        let path = path.display().to_string();
        let name = format!("directory `{path}`");
        Self { subject: Subject::Directory { path }, name, holds_data }
    }

    fn impact(self, service: &Service, next: &[PathBuf], mounted: &str, finds_data: bool) -> Option<Impact> {
        let reason = format!(
            "`{}` keeps its data at `{}`, not in {}, {mounted}",
            service.name,
            next.first()?.display(),
            self.name,
        );
        let notice = !self.holds_data || finds_data;
        let mut impact = Impact { notice, ..Impact::new(Effect::Orphan, self.subject, reason) };
        impact.services.insert(service.name.clone());
        Some(impact)
    }
}

/// Whether the next container of a service has its data in the same place, at another path.
pub(super) fn takes_place_along(
    cx: &HazardContext<'_>,
    service: &Service,
    container: &Container,
    place: &MountedLocation,
) -> bool {
    match known::of_service(service, cx.image_of(service)).as_slice() {
        [path] => {
            MountedLocation::of_file(cx, service, path, container, Transition::Recreated).is_same_as(place)
        }
        // Only the program itself knows which of them it uses.
        _ => false,
    }
}
