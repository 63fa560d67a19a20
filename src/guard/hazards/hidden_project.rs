//! The same directory under another project name is another project: everything starts empty beside what there was.
//! A renamed directory is one too, and is known only by what its containers say of where they were made.

use std::path::Path;

use super::super::{Hazard, HazardContext, layer_subject, volume_subject};
use crate::engine::{Container, Volume};
use crate::inventory::{Inventory, LocationSource, is_known_image};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct HiddenProject;

impl Hazard for HiddenProject {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        by_containers(cx, found);
        by_volumes(cx, found);
    }
}

/// Whether a service is about to be made for the first time under this name.
fn is_new(cx: &HazardContext<'_>, service: &str) -> bool {
    cx.role(service).is_some() && cx.replicas(service).is_empty()
}

fn by_containers(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    let project = &cx.inventory.project;
    let theirs =
        Inventory::take(cx.inventory.engine.clone(), project, None, &cx.probe.namesakes, cx.settings);
    for store in theirs.stores.iter().filter(|store| is_new(cx, &store.service)) {
        let Some(container) = &store.container else { continue };
        for place in &store.locations {
            let (subject, named) = match &place.source {
                LocationSource::Volume { name: Some(name), anonymous } => {
                    if cx.volume(name).is_some() {
                        continue;
                    }
                    (volume_subject(cx, name, *anonymous), !anonymous)
                }
                LocationSource::Layer => (layer(container), false),
                // The same directory is mounted under whatever name; one that was renamed has taken its own along.
                LocationSource::Bind { .. }
                | LocationSource::Tmpfs
                | LocationSource::Volume { name: None, .. } => {
                    continue;
                }
            };
            let known = named || store.keeps_data_at(&place.target);
            push(cx, found, subject, &store.service, known, &Other::of(cx, container));
        }
    }
    // Whatever a program is, it may have written into its container.
    for container in cx.probe.namesakes.iter().filter(|container| !container.is_one_off()) {
        if let Some(service) = container.service().filter(|service| is_new(cx, service)) {
            push(cx, found, layer(container), service, false, &Other::of(cx, container));
        }
    }
}

fn layer(container: &Container) -> Subject {
    layer_subject(container)
}

fn by_volumes(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    let Some(model) = cx.file() else { return };
    for volume in &cx.probe.namesake_volumes {
        let Some((key, declared)) = volume.compose_key().and_then(|key| model.volumes.get_key_value(key))
        else {
            continue;
        };
        if declared.external || cx.volume(&declared.name).is_some() || declared.name == volume.name {
            continue;
        }
        let mut users = model.services.values().filter(|service| {
            service.mounts.iter().any(|mount| {
                matches!(&mount.source, crate::compose::model::DeclaredSource::Named { key: named, .. } if named == key)
            })
        });
        if let Some(service) = users.find(|service| is_new(cx, &service.name)) {
            let subject = volume_subject(cx, &volume.name, false);
            let known = service.image.as_deref().is_some_and(is_known_image);
            push(cx, found, subject, &service.name, known, &Other::of_volume(volume));
        }
    }
}

/// The project that has the data, and how sure it is that it is this one's.
struct Other<'a> {
    project: &'a str,
    /// Where it was made, when that is no more.
    lost: Option<&'a Path>,
    /// Nothing but the likeness of its services tells of it, and there is nobody or no way to tell whether it is.
    doubtful: bool,
}

impl<'a> Other<'a> {
    fn of(cx: &HazardContext<'_>, container: &'a Container) -> Self {
        let lost = container.working_dir().filter(|directory| cx.probe.lost_directories.contains(*directory));
        Self {
            project: container.project().unwrap_or("another"),
            lost,
            doubtful: lost.is_some() && (cx.probe.lost_directories.len() > 1 || !cx.probe.terminal),
        }
    }

    fn of_volume(volume: &'a Volume) -> Self {
        let project = volume.labels.get("com.docker.compose.project").map_or("another", String::as_str);
        Self { project, lost: None, doubtful: false }
    }
}

/// A name that was given by hand is meant: it is told, not asked about.
fn push(
    cx: &HazardContext<'_>,
    found: &mut Vec<Impact>,
    subject: Subject,
    service: &str,
    known: bool,
    other: &Other<'_>,
) {
    let from = match other.lost {
        Some(directory) => {
            format!(
                "project `{}`, made in `{}` before that was renamed or removed, has data of",
                other.project,
                directory.display()
            )
        }
        None => format!("project `{}` has the data of this directory's", other.project),
    };
    let mut impact = Impact::new(
        Effect::Orphan,
        subject,
        format!("{from} `{service}`; as project `{}` it starts empty", cx.inventory.project),
    );
    impact.notice = cx.probe.named_by_hand || other.doubtful || !known;
    impact.services.insert(service.to_owned());
    found.push(impact);
}
