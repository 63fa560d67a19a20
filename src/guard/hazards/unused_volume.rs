//! A service is created for the first time while its project has a volume that no service mounts. No container shows
//! where its data was, but it is probably in that volume, whose key has changed.

use std::path::Path;

use super::super::first_start::FirstStart;
use super::super::{HazardContext, volume_subject};
use crate::compose::model::{DeclaredSource, Model, Service, VolumeDeclaration};
use crate::engine::Volume;
use crate::inventory::is_known_image;
use crate::inventory::known::FileContents;
use crate::policy::{Effect, Impact};

pub(super) fn assess(cx: &HazardContext<'_>, service: &Service, found: &mut Vec<Impact>) {
    let mut named = false;
    for mount in &service.mounts {
        let DeclaredSource::Named { key, .. } = &mount.source else { continue };
        named = true;
        let Some(declared) = cx.file().and_then(|model| model.volumes.get(key)) else { continue };
        if declared.external || cx.volume(&declared.name).is_some() {
            continue;
        }
        for volume in unused(cx) {
            let same_key = volume.compose_key() == Some(key);
            let known = same_key || keeps_data_at(cx, service, &mount.target);
            let start = format!("with a new, empty volume `{}`", declared.name);
            // A volume that the file still declares may have another purpose.
            push(cx, service, volume, &start, known && !is_declared(cx, volume), found);
        }
    }
    let known = cx.is_declared(Some(&service.name)) || service.image.as_deref().is_some_and(is_known_image);
    let first = FirstStart::of(cx, service);
    // Another mount of a known program, such as that of its backups, does not have its data.
    let named = first.as_ref().map_or(named, FirstStart::is_in_named_volume);
    if known && !named {
        for volume in unused(cx) {
            let counts = match (&first, cx.probe.volume_contents.get(&volume.name)) {
                (_, Some(FileContents::Empty)) => continue,
                (Some(first), Some(contents)) if contents.is_of_another(first.program) => continue,
                (Some(first), contents) if first.keeps_data() && first.is_empty(cx) => {
                    // Where nobody can look into it, somebody has to be there who knows.
                    contents.map_or(cx.probe.terminal, |contents| contents.may_be_of(first.program))
                }
                (Some(_) | None, _) => false,
            };
            let start = first
                .as_ref()
                .map_or("without a volume".to_owned(), |first| format!("in {}", first.describe_place()));
            push(cx, service, volume, &start, counts, found);
        }
    }
}

fn push(
    cx: &HazardContext<'_>,
    service: &Service,
    volume: &Volume,
    start: &str,
    counts: bool,
    found: &mut Vec<Impact>,
) {
    let reason = format!(
        "`{}` starts {start}, and nothing in the file mounts `{}` of this project any more",
        service.name, volume.name
    );
    let subject = volume_subject(cx, &volume.name, false);
    let mut impact = Impact { notice: !counts, ..Impact::new(Effect::Orphan, subject, reason) };
    impact.services.insert(service.name.clone());
    found.push(impact);
}

/// The volumes of this project that neither a container nor the file mounts.
fn unused<'s>(cx: &'s HazardContext<'_>) -> impl Iterator<Item = &'s Volume> {
    cx.volumes.iter().filter(|volume| {
        let project = volume.labels.get("com.docker.compose.project");
        project.is_some_and(|project| *project == cx.inventory.project)
            && cx.file().is_some_and(|model| {
                let external =
                    |declared: &VolumeDeclaration| declared.external && declared.name == volume.name;
                !is_mounted(model, &volume.name) && !model.volumes.values().any(external)
            })
            && !cx.containers.iter().any(|container| container.mounts_volume(&volume.name))
    })
}

fn is_mounted(model: &Model, volume: &str) -> bool {
    model.services.values().flat_map(|service| &service.mounts).any(|mount| match &mount.source {
        DeclaredSource::Named { key, .. } => {
            model.volumes.get(key).is_some_and(|declared| declared.name == volume)
        }
        DeclaredSource::Anonymous
        | DeclaredSource::Bind { .. }
        | DeclaredSource::Tmpfs
        | DeclaredSource::Other => false,
    })
}

fn is_declared(cx: &HazardContext<'_>, volume: &Volume) -> bool {
    cx.file().is_some_and(|model| model.volumes.values().any(|declared| declared.name == volume.name))
}

fn keeps_data_at(cx: &HazardContext<'_>, service: &Service, target: &Path) -> bool {
    cx.is_declared(Some(&service.name))
        || cx
            .inventory
            .stores
            .iter()
            .any(|store| store.service == service.name && store.keeps_data_at(target))
}
