//! Predicts what a command would do to data: one file under `hazards` for each way in which Compose loses it.
//!
//! Pure: it works on a [`HazardContext`] that was gathered beforehand. A prediction is never milder than what happens.

mod container_removal;
mod context;
mod first_start;
mod hazards;
mod layer_contents;
mod mount_source;
mod orphans;
mod recreation;
mod scope;
mod volume_drift;

use std::path::PathBuf;

use crate::compose::invocation::Reading;
use crate::compose::model::{DeclaredSource, Service};
use crate::engine::{Container, Volume};
use crate::inventory::is_known_image;
use crate::policy::{Assessment, Effect, Impact, Subject};

pub use context::{FormerPlace, Hashes, HazardContext, Probe};
pub use layer_contents::NotableLayer;
pub use scope::{Role, Scope};

/// A way in which Compose loses data.
trait Hazard: Sync {
    /// Adds what the command does to data in this way.
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>);
}

/// Predicts what the command does to each piece of data. A piece that several hazards affect is listed once, with the
/// worst effect; of two equal effects, with the one that has to be confirmed or reported.
pub fn assess(cx: &HazardContext<'_>) -> Assessment {
    let mut found = Vec::new();
    // A dry run, `--help` and arguments that Compose refuses do nothing.
    if cx.reading.may_act() {
        for hazard in hazards::HAZARDS {
            hazard.assess(cx, &mut found);
        }
    }
    let mut impacts: Vec<Impact> = Vec::new();
    for mut impact in found {
        impact.services.extend(cx.services_on(&impact.subject));
        impact.identity = identity(cx, &impact.subject);
        impact.disposable = impact.disposable || cx.is_disposable(&impact.subject, &impact.services);
        match impacts.iter_mut().find(|known| known.subject == impact.subject) {
            Some(known) if rank(known) < rank(&impact) => *known = impact,
            Some(_) => {}
            None => impacts.push(impact),
        }
    }
    impacts.sort_by(|one, other| (other.effect, &one.subject).cmp(&(one.effect, &other.subject)));
    Assessment {
        engine: cx.inventory.engine.unique_description(),
        project: cx.inventory.project.clone(),
        impacts,
    }
}

fn rank(impact: &Impact) -> (Effect, bool) {
    // An interruption is never asked about.
    let matters = if impact.effect == Effect::Interrupt { impact.notice } else { !impact.notice };
    (impact.effect, matters)
}

/// A volume as the subject of an impact.
fn volume_subject(cx: &HazardContext<'_>, name: &str, anonymous: bool) -> Subject {
    let created = known_volume(cx, name).and_then(|volume| volume.created.clone());
    Subject::Volume { name: name.to_owned(), created, anonymous }
}

fn known_volume<'a>(cx: &HazardContext<'a>, name: &str) -> Option<&'a Volume> {
    cx.volume(name).or_else(|| cx.probe.related_volumes.iter().find(|volume| volume.name == name))
}

fn identity(cx: &HazardContext<'_>, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Volume { name, .. } => Some(known_volume(cx, name)?.identity.as_ref()?.line()),
        Subject::Directory { .. }
        | Subject::Layer { .. }
        | Subject::Tmpfs { .. }
        | Subject::Collection { .. }
        | Subject::Image { .. }
        | Subject::Service { .. } => None,
    }
}

/// A container's own layer as the subject of an impact.
fn layer_subject(container: &Container) -> Subject {
    Subject::Layer { container: container.name.clone(), created: Some(container.created.clone()) }
}

/// Whether the assessment needs Compose's configuration hashes: data is at risk that a new container would not have.
pub fn needs_hashes(cx: &HazardContext<'_>) -> bool {
    let at_risk = cx.containers.iter().any(|container| {
        let updated = container.service().is_some_and(|service| cx.role(service).is_some());
        let at_risk = cx.keeps_data_in_layer(container) || hazards::fails_to_recreate(cx);
        updated && !container.is_one_off() && at_risk
    }) || cx.containers.iter().any(|container| {
        let updated = container.service().is_some_and(|service| cx.role(service).is_some());
        updated && cx.probe.layers.contains_key(&container.id)
    });
    let is_replaced = |container: &Container| cx.probe.replaced_mounts.contains_key(&container.id);
    at_risk
        || cx.containers.iter().any(is_replaced)
        || hazards::may_move_mounts(cx)
        || hazards::removes_some_replicas(cx)
}

/// The containers that the command removes or may recreate, and whose layer is not known to hold data: only of those it
/// matters what else they have written. `may_have_changed` tells whether the configuration of a container may differ from
/// that in the file.
pub fn layers_at_risk<'a>(
    cx: &HazardContext<'a>,
    may_have_changed: &dyn Fn(&Container) -> bool,
) -> Vec<&'a Container> {
    let recreated = recreation::recreated(cx);
    let impacts = assess(cx).impacts;
    let is_lost = |container: &Container| {
        let is_layer = |subject: &Subject| matches!(subject, Subject::Layer { container: name, .. } if *name == container.name);
        impacts.iter().any(|impact| is_layer(&impact.subject))
    };
    let is_updated = |container: &Container| {
        container.service().is_some_and(|service| cx.role(service).is_some())
            && !cx.reading.is_set("no-recreate")
            && (recreated.contains_key(&container.id) || may_have_changed(container))
    };
    let containers = cx.containers.iter().filter(|container| !cx.keeps_data_in_layer(container));
    containers.filter(|container| is_lost(container) || is_updated(container)).collect()
}

/// The service, and the path in its containers that `cp` writes to; symbolic links may lead it elsewhere.
pub fn copy_target(reading: &Reading) -> Option<(&str, PathBuf)> {
    hazards::copy_target(reading)
}

/// Whether the assessment needs the version of the Compose that will run.
pub fn needs_version(cx: &HazardContext<'_>) -> bool {
    recreation::depends_on_version(cx)
}

/// The volumes for which it matters who else mounts them: the engine does not delete a mounted volume.
pub fn volumes_to_delete<'a>(cx: &HazardContext<'a>) -> Vec<&'a str> {
    if cx.reading.deletes_volumes() {
        cx.volumes.iter().map(|volume| volume.name.as_str()).collect()
    } else {
        volume_drift::recreated(cx)
    }
}

/// Whether a service is about to be created or started for the first time, so that its data may be elsewhere.
pub fn creates_new(cx: &HazardContext<'_>) -> bool {
    let services = cx.file().into_iter().flat_map(|model| model.services.values());
    services.into_iter().any(|service| {
        let new_volume = service.mounts.iter().any(|mount| match &mount.source {
            DeclaredSource::Named { key, .. } => {
                cx.volume_of_key(key).is_some_and(|name| cx.volume(name).is_none())
            }
            DeclaredSource::Anonymous
            | DeclaredSource::Tmpfs
            | DeclaredSource::Bind { .. }
            | DeclaredSource::Other => false,
        });
        let known = service.image.as_deref().is_some_and(is_known_image);
        (new_volume || known) && cx.creates_first(&service.name)
    }) || !first_starts(cx).is_empty()
}

/// The services of known programs that the command starts for the first time.
pub fn first_starts<'a>(cx: &HazardContext<'a>) -> Vec<&'a Service> {
    first_start::FirstStart::all(cx).into_iter().map(|first| first.service).collect()
}

/// Whether Compose itself would ask about volumes whose definition has changed.
pub fn asks_about_volumes(cx: &HazardContext<'_>) -> bool {
    !cx.reading.is_set("yes") && !volume_drift::offered(cx).is_empty()
}
