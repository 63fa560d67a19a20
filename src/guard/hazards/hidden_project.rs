//! The same directory under another project name is another project: everything starts empty beside what there was.

use super::super::{Hazard, Scene, volume_subject};
use crate::engine::Volume;
use crate::inventory::{Inventory, PlaceSource, is_known_image};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct HiddenProject;

impl Hazard for HiddenProject {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        by_containers(scene, found);
        by_volumes(scene, found);
    }
}

/// Whether a service is about to be made for the first time under this name.
fn is_new(scene: &Scene<'_>, service: &str) -> bool {
    scene.role(service).is_some() && scene.replicas(service).is_empty()
}

fn by_containers(scene: &Scene<'_>, found: &mut Vec<Impact>) {
    let project = &scene.inventory.project;
    let theirs = Inventory::take(
        scene.inventory.engine.clone(),
        project,
        None,
        &scene.facts.namesakes,
        scene.settings,
    );
    for store in theirs.stores.iter().filter(|store| is_new(scene, &store.service)) {
        let other = store.container.as_ref().and_then(|container| container.project()).unwrap_or("another");
        for place in &store.places {
            let (subject, named) = match &place.source {
                PlaceSource::Volume { name: Some(name), anonymous } => {
                    if scene.volume(name).is_some() {
                        continue;
                    }
                    let created = scene
                        .facts
                        .namesake_volumes
                        .iter()
                        .find(|volume| volume.name == *name)
                        .and_then(|volume| volume.created.clone());
                    let subject = Subject::Volume { name: name.clone(), created, anonymous: *anonymous };
                    (subject, !anonymous)
                }
                PlaceSource::Layer => {
                    let name = store.container.as_ref().map(|container| container.name.clone());
                    (Subject::Layer { container: name.unwrap_or_default() }, false)
                }
                // The same directory is mounted under whatever name.
                PlaceSource::Bind { .. } | PlaceSource::Tmpfs | PlaceSource::Volume { name: None, .. } => {
                    continue;
                }
            };
            let known = named || store.keeps_data_at(&place.target);
            push(scene, found, subject, &store.service, known, other);
        }
    }
}

fn by_volumes(scene: &Scene<'_>, found: &mut Vec<Impact>) {
    let Some(model) = scene.file() else { return };
    for volume in &scene.facts.namesake_volumes {
        let Some((key, declared)) = volume.compose_key().and_then(|key| model.volumes.get_key_value(key))
        else {
            continue;
        };
        if declared.external || scene.volume(&declared.name).is_some() || declared.name == volume.name {
            continue;
        }
        let mut users = model.services.values().filter(|service| {
            service.mounts.iter().any(|mount| {
                matches!(&mount.source, crate::compose::model::DeclaredSource::Named { key: named, .. } if named == key)
            })
        });
        if let Some(service) = users.find(|service| is_new(scene, &service.name)) {
            let subject = volume_subject(scene, &volume.name, false);
            let known = service.image.as_deref().is_some_and(is_known_image);
            push(scene, found, subject, &service.name, known, project_of(volume));
        }
    }
}

fn project_of(volume: &Volume) -> &str {
    volume.labels.get("com.docker.compose.project").map_or("another", String::as_str)
}

/// A name that was given by hand is meant: it is told, not asked about.
fn push(
    scene: &Scene<'_>,
    found: &mut Vec<Impact>,
    subject: Subject,
    service: &str,
    known: bool,
    other: &str,
) {
    let mut impact = Impact::new(
        Effect::Orphan,
        subject,
        format!(
            "project `{other}` has the data of this directory's `{service}`; as project `{}` it starts empty",
            scene.inventory.project
        ),
    );
    impact.notice = scene.facts.named_by_hand || !known;
    impact.services.insert(service.to_owned());
    found.push(impact);
}
