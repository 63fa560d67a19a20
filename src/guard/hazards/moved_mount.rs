//! The file puts a service's data somewhere else than its container has it: the service starts empty, and the old
//! place stays behind.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::mount_source::{BindSource, Next};
use super::super::{Hashes, Hazard, HazardContext, recreation, volume_subject};
use super::left_over;
use crate::compose::model::{DeclaredSource, Service};
use crate::engine::Container;
use crate::inventory::Store;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct MovedMount;

impl Hazard for MovedMount {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.reading.is_set("no-recreate") {
            return;
        }
        let recreated = recreation::recreated(cx);
        for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
            if cx.role(&service.name).is_none() {
                continue;
            }
            let replicas = cx.replicas(&service.name);
            if replicas.is_empty() {
                left_over::look(cx, service, found);
            }
            for container in replicas {
                // A container whose configuration is the file's is left as it is.
                let stays =
                    matches!(cx.probe.hashes, Hashes::Known(_)) && !recreated.contains_key(&container.id);
                if !stays {
                    compare(cx, service, container, found);
                }
            }
        }
    }
}

/// Every path of a container that holds something, against what the file has there.
fn compare(cx: &HazardContext<'_>, service: &Service, container: &Container, found: &mut Vec<Impact>) {
    for path in paths(cx, container) {
        let before = BindSource::of_container(container, &path);
        let after = BindSource::of_file(cx, service, &path, container, Next::Replaces);
        if before.is(&after) {
            continue;
        }
        let known = cx.is_data(container, &path);
        let (subject, notice) = match &before {
            BindSource::Volume { name, anonymous: true, .. } => (volume_subject(cx, name, true), !known),
            BindSource::Volume { name, .. } => {
                // A program that we do not know may have been told to look elsewhere in the same volume.
                (volume_subject(cx, name, false), !known && is_declared(cx, name))
            }
            // Many a bound path is configuration.
            BindSource::Directory(path) => (Subject::Directory { path: path.display().to_string() }, !known),
            // What is in the container goes with it, whatever is mounted over it afterwards.
            BindSource::Layer | BindSource::Memory | BindSource::NewAnonymous | BindSource::Unknown => {
                continue;
            }
        };
        let reason = format!(
            "`{}` has `{}` in {}; by the file it will be in {}, and the service starts without what it has",
            service.name,
            path.display(),
            before.words(),
            after.words()
        );
        found.push(Impact { notice, ..Impact::new(Effect::Orphan, subject, reason) });
    }
}

/// The paths that matter: where a known program keeps its data, else every mount that can be written.
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

/// Whether anything moves as far as the mounts alone tell: only then is it worth asking Compose for its hashes.
pub(in super::super) fn seems_moved(cx: &HazardContext<'_>) -> bool {
    let mut found = Vec::new();
    MovedMount.look(cx, &mut found);
    !found.is_empty()
}
