//! What a command would do to data: every door by which Compose loses it, one file each under `hazards`.
//!
//! Pure: it works on a [`HazardContext`] that was gathered before. A prediction is never better than what really happens.

mod container_removal;
mod context;
mod hazards;
mod mount_source;
mod orphans;
mod recreation;
mod volume_drift;

use std::path::PathBuf;

use crate::compose::invocation::Reading;
use crate::compose::model::DeclaredSource;
use crate::engine::Container;
use crate::inventory::is_known_image;
use crate::policy::{Assessment, Effect, Impact, Subject};

pub use context::{Hashes, HazardContext, Probe, Role};
pub use volume_drift::differs as differs_from_definition;

/// A door by which Compose loses data.
trait Hazard: Sync {
    /// Adds what the command does through this door.
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>);
}

/// Works out what the command does to each piece of data. A piece that several doors lead to is listed once, with the
/// worst effect on it; of two alike, the one that has to be decided on or told.
pub fn assess(cx: &HazardContext<'_>) -> Assessment {
    let mut found = Vec::new();
    // A rehearsal, a plea for help and words that are refused do nothing.
    if cx.reading.may_act() {
        for hazard in hazards::HAZARDS {
            hazard.look(cx, &mut found);
        }
    }
    let mut impacts: Vec<Impact> = Vec::new();
    for mut impact in found {
        impact.services.extend(cx.services_on(&impact.subject));
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
    // What is only stopped is never asked about.
    let matters = if impact.effect == Effect::Interrupt { impact.notice } else { !impact.notice };
    (impact.effect, matters)
}

/// A volume as the subject of an impact.
fn volume_subject(cx: &HazardContext<'_>, name: &str, anonymous: bool) -> Subject {
    let elsewhere = || cx.probe.namesake_volumes.iter().find(|volume| volume.name == name);
    let created = cx.volume(name).or_else(elsewhere).and_then(|volume| volume.created.clone());
    Subject::Volume { name: name.to_owned(), created, anonymous }
}

/// A container's own layer as the subject of an impact.
fn layer_subject(container: &Container) -> Subject {
    Subject::Layer { container: container.name.clone(), created: Some(container.created.clone()) }
}

/// Whether one effect is at least as bad as another says it is: the rule that predictions are held to.
pub fn covers(predicted: Effect, happened: Effect) -> bool {
    predicted >= happened
}

/// Whether the command can be judged only with the hashes that Compose makes of the configurations: data that a new
/// container would not have is at stake.
pub fn needs_hashes(cx: &HazardContext<'_>) -> bool {
    let at_stake = cx.containers.iter().any(|container| {
        let made = container.service().is_some_and(|service| cx.role(service).is_some());
        let at_stake = cx.keeps_data_in_layer(container) || hazards::fails_to_recreate(cx);
        made && !container.is_one_off() && at_stake
    });
    at_stake || hazards::seems_moved(cx) || hazards::chooses(cx)
}

/// The service and the path in its containers that `cp` writes to: links on the way there matter.
pub fn copy_target(reading: &Reading) -> Option<(&str, PathBuf)> {
    hazards::copy_target(reading)
}

/// Whether the command can be judged only with the version of the Compose that will run.
pub fn needs_version(cx: &HazardContext<'_>) -> bool {
    recreation::depends_on_version(cx)
}

/// The volumes for which it matters who else mounts them: the engine deletes none that is mounted.
pub fn contested<'a>(cx: &HazardContext<'a>) -> Vec<&'a str> {
    let all = cx.subcommand() == "down" && cx.reading.is_set("volumes");
    if all {
        cx.volumes.iter().map(|volume| volume.name.as_str()).collect()
    } else {
        volume_drift::recreated(cx)
    }
}

/// Whether a service is about to be made for the first time, so that its data may be elsewhere.
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
        (new_volume || known) && cx.role(&service.name).is_some() && cx.replicas(&service.name).is_empty()
    })
}

/// Whether Compose itself would ask about volumes whose definition has changed.
pub fn asks_about_volumes(cx: &HazardContext<'_>) -> bool {
    !cx.reading.is_set("yes") && !volume_drift::offered(cx).is_empty()
}
