//! The file mounts something else than the container has at a data path: the service starts empty, and the old data
//! stays behind.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::mount_source::{MountedLocation, Transition};
use super::super::{Hashes, Hazard, HazardContext, recreation, volume_subject};
use super::{moved_data_path, unused_volume};
use crate::compose::model::{DeclaredSource, Service};
use crate::engine::Container;
use crate::inventory::Store;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct MovedMount;

impl Hazard for MovedMount {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.reading.is_set("no-recreate") {
            return;
        }
        let recreated = recreation::recreated(cx);
        for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
            if cx.creates_first(&service.name) {
                unused_volume::assess(cx, service, found);
            }
            if cx.role(&service.name).is_none() {
                continue;
            }
            for container in cx.replicas(&service.name) {
                // A container whose configuration matches the file is left alone.
                let stays =
                    matches!(cx.probe.hashes, Hashes::Known(_)) && !recreated.contains_key(&container.id);
                if !stays {
                    compare(cx, service, container, found);
                }
            }
        }
    }
}

/// Compares each path of a container that may hold data with what the file mounts there.
fn compare(cx: &HazardContext<'_>, service: &Service, container: &Container, found: &mut Vec<Impact>) {
    for path in paths(cx, container) {
        let before = MountedLocation::of_container(container, &path);
        let after = MountedLocation::of_file(cx, service, &path, container, Transition::Recreated);
        let is_kept =
            before.is_same_as(&after) || moved_data_path::takes_place_along(cx, service, container, &before);
        if is_kept {
            continue;
        }
        let known = cx.is_data(container, &path);
        let (subject, notice) = match &before {
            MountedLocation::Volume { name, anonymous: true, .. } => (volume_subject(cx, name, true), !known),
            MountedLocation::Volume { name, .. } => {
                // An unknown program may be configured to use another path of the same volume.
                (volume_subject(cx, name, false), !known && is_declared(cx, name))
            }
            // Many bind mounts are configuration.
            MountedLocation::Directory(path) => {
                (Subject::Directory { path: path.display().to_string() }, !known)
            }
            // The container layer is removed with its container, whatever is mounted over it afterwards.
            MountedLocation::Layer
            | MountedLocation::Memory
            | MountedLocation::NewAnonymous
            | MountedLocation::Unknown => {
                continue;
            }
        };
        let reason = format!(
            "`{}` keeps `{}` in {}, but the file now mounts {}, so the service starts without its data",
            service.name,
            path.display(),
            before.describe(),
            match &after {
                MountedLocation::Layer => "nothing there".to_owned(),
                MountedLocation::Volume { .. }
                | MountedLocation::Directory(_)
                | MountedLocation::NewAnonymous
                | MountedLocation::Memory
                | MountedLocation::Unknown => after.describe(),
            }
        );
        found.push(Impact { notice, ..Impact::new(Effect::Orphan, subject, reason) });
    }
}

/// The paths that matter: where a known program keeps its data, otherwise every writable mount.
fn paths(cx: &HazardContext<'_>, container: &Container) -> BTreeSet<PathBuf> {
    let data = cx.store_of(container).map(Store::data_paths).unwrap_or_default();
    let covered: BTreeSet<PathBuf> =
        data.iter().filter(|path| container.mount_of(path).is_some()).cloned().collect();
    let mounts = container
        .mounts
        .iter()
        .filter(|mount| !mount.read_only)
        .map(|mount| mount.destination.clone())
        .filter(|destination| !covered.iter().any(|path| path.starts_with(destination)));
    let mounts: Vec<PathBuf> = mounts.collect();
    covered.into_iter().chain(mounts).collect()
}

fn is_declared(cx: &HazardContext<'_>, volume: &str) -> bool {
    let services = cx.file().into_iter().flat_map(|model| model.services.values());
    services.flat_map(|service| &service.mounts).any(|mount| {
        matches!(&mount.source, DeclaredSource::Named { key, .. } if cx.volume_of_key(key) == Some(volume))
    })
}

/// Whether any mount moves according to the mounts alone. Only then is it worth asking Compose for its hashes.
pub(in super::super) fn may_move_mounts(cx: &HazardContext<'_>) -> bool {
    let mut found = Vec::new();
    MovedMount.assess(cx, &mut found);
    !found.is_empty()
}
