//! The file puts a service's data somewhere else than its container has it: the service starts empty, and the old
//! place stays behind.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::ground::{Ground, Next};
use super::super::{Hashes, Hazard, Scene, recreation, volume_subject};
use super::left_over;
use crate::compose::model::{DeclaredSource, Service};
use crate::engine::Container;
use crate::inventory::Store;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct MovedMount;

impl Hazard for MovedMount {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        if scene.reading.is_set("no-recreate") {
            return;
        }
        let recreated = recreation::recreated(scene);
        for service in scene.file().into_iter().flat_map(|model| model.services.values()) {
            if scene.role(&service.name).is_none() {
                continue;
            }
            let replicas = scene.replicas(&service.name);
            if replicas.is_empty() {
                left_over::look(scene, service, found);
            }
            for container in replicas {
                // A container whose configuration is the file's is left as it is.
                let stays =
                    matches!(scene.facts.hashes, Hashes::Known(_)) && !recreated.contains_key(&container.id);
                if !stays {
                    compare(scene, service, container, found);
                }
            }
        }
    }
}

/// Every path of a container that holds something, against what the file has there.
fn compare(scene: &Scene<'_>, service: &Service, container: &Container, found: &mut Vec<Impact>) {
    for path in paths(scene, container) {
        let before = Ground::of_container(container, &path);
        let after = Ground::of_file(scene, service, &path, container, Next::Replaces);
        if before.is(&after) {
            continue;
        }
        let known = scene.is_data(container, &path);
        let (subject, notice) = match &before {
            Ground::Volume { name, anonymous: true, .. } => (volume_subject(scene, name, true), !known),
            Ground::Volume { name, .. } => {
                // A program that we do not know may have been told to look elsewhere in the same volume.
                (volume_subject(scene, name, false), !known && is_declared(scene, name))
            }
            // Many a bound path is configuration.
            Ground::Directory(path) => (Subject::Directory { path: path.display().to_string() }, !known),
            // What is in the container goes with it, whatever is mounted over it afterwards.
            Ground::Layer | Ground::Memory | Ground::NewAnonymous | Ground::Unknown => continue,
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
fn paths(scene: &Scene<'_>, container: &Container) -> BTreeSet<PathBuf> {
    let data = scene.store_of(container).map(Store::data_paths).unwrap_or_default();
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

fn is_declared(scene: &Scene<'_>, volume: &str) -> bool {
    let services = scene.file().into_iter().flat_map(|model| model.services.values());
    services.flat_map(|service| &service.mounts).any(|mount| {
        matches!(&mount.source, DeclaredSource::Named { key, .. } if scene.volume_of_key(key) == Some(volume))
    })
}

/// Whether anything moves as far as the mounts alone tell: only then is it worth asking Compose for its hashes.
pub(in super::super) fn seems_moved(scene: &Scene<'_>) -> bool {
    let mut found = Vec::new();
    MovedMount.look(scene, &mut found);
    !found.is_empty()
}
