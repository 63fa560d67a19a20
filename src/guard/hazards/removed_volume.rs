//! `down --volumes` deletes the project's named volumes.

use std::collections::BTreeSet;

use super::super::{Hazard, HazardContext, orphans, volume_subject};
use crate::compose::grammar::Grammar;
use crate::compose::model::{DeclaredSource, Model};
use crate::engine::Container;
use crate::policy::{Effect, Impact};

pub(in super::super) struct RemovedVolume;

impl Hazard for RemovedVolume {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !cx.reading.deletes_volumes() {
            return;
        }
        let deleted = deleted_volumes(cx);
        for volume in cx.volumes.iter().filter(|volume| deleted.contains(volume.name.as_str())) {
            let subject = volume_subject(cx, &volume.name, false);
            let impact = if cx.protected.contains(&volume.name) {
                Impact::new(Effect::None, subject, protected_reason(cx.grammar))
            } else if let Some(user) = remaining_user(cx, &volume.name) {
                let reason = format!("container `{}` stays and mounts it, so the engine keeps it", user.name);
                Impact::new(Effect::None, subject, reason)
            } else {
                let owner = volume.labels.get("com.docker.compose.project");
                let foreign = owner.filter(|owner| **owner != cx.inventory.project);
                let whose = foreign.map(|owner| format!(", which project `{owner}` created"));
                let reason = format!("`down --volumes` deletes the volume{}", whose.unwrap_or_default());
                Impact::new(Effect::Destroy, subject, reason)
            };
            found.push(impact);
        }
    }
}

/// What Compose does with a volume that a holder container keeps in use (measured).
fn protected_reason(grammar: Grammar) -> &'static str {
    match grammar {
        Grammar::V1 => {
            "it is protected: the engine does not delete it, and this Compose stops there with exit code 1"
        }
        Grammar::V2 => {
            "it is protected: the engine does not delete it, and Compose continues without reporting a failure"
        }
    }
}

/// A container that remains and mounts the volume, running or not, so that the engine refuses to delete it.
fn remaining_user<'a>(cx: &HazardContext<'a>, volume: &str) -> Option<&'a Container> {
    let staying = cx.containers.iter().filter(|container| !orphans::is_removed_by_down(cx, container));
    staying.chain(&cx.probe.foreign_users).find(|container| container.mounts_volume(volume))
}

/// Names of the volumes that Compose would try to delete.
///
/// With a file, newer versions delete the volumes of the services in active profiles; if services are named, those of
/// these services and their dependencies. Without a file, with `--all-resources`, in V1, and in an older V2 when services
/// are named, every volume is deleted that has the project's label or is declared. External volumes are kept if there is
/// a file.
fn deleted_volumes<'a>(cx: &HazardContext<'a>) -> BTreeSet<&'a str> {
    let named = &cx.reading.operands;
    let every =
        cx.label_mode || cx.model.is_none() || cx.reading.globals.all_resources || cx.grammar == Grammar::V1;
    if !every && named.is_empty() {
        return declared(cx.model).collect();
    }
    // Measured: 2.30.3, 2.40.3 and 5.0.0-rc.2.
    if !every && matches!(cx.probe.version, Some((2, 30 | 40) | (5, 0))) {
        return of_services(cx, named);
    }
    let external: BTreeSet<&str> = if cx.label_mode {
        BTreeSet::new()
    } else {
        let volumes = cx.file().into_iter().flat_map(|model| model.volumes.values());
        volumes.filter(|volume| volume.external).map(|volume| volume.name.as_str()).collect()
    };
    let labelled = cx
        .volumes
        .iter()
        .filter(|volume| {
            volume.labels.get("com.docker.compose.project").is_some_and(|name| *name == cx.inventory.project)
        })
        .map(|volume| volume.name.as_str())
        .filter(|name| !external.contains(name));
    labelled.chain(declared(cx.whole_model)).collect()
}

fn declared(model: Option<&Model>) -> impl Iterator<Item = &str> {
    model
        .into_iter()
        .flat_map(|model| model.volumes.values())
        .filter(|volume| !volume.external)
        .map(|volume| volume.name.as_str())
}

/// The volumes of some services and of everything that they depend on.
fn of_services<'a>(cx: &HazardContext<'a>, named: &[String]) -> BTreeSet<&'a str> {
    let services = cx.scope().with_dependencies(named.iter().map(String::as_str));
    let Some(model) = cx.file() else { return BTreeSet::new() };
    services
        .iter()
        .filter_map(|service| model.services.get(service))
        .flat_map(|service| &service.mounts)
        .filter_map(|mount| match &mount.source {
            DeclaredSource::Named { key, .. } => model.volumes.get(key),
            DeclaredSource::Anonymous
            | DeclaredSource::Bind { .. }
            | DeclaredSource::Tmpfs
            | DeclaredSource::Other => None,
        })
        .filter(|volume| !volume.external)
        .map(|volume| volume.name.as_str())
        .collect()
}
