//! A container that is made anew loses what was written into it; its volumes, anonymous ones too, are carried over.

use super::super::gone::{self, Going};
use super::super::{Hazard, Scene, recreation};
use super::interrupted_service::{self, COST};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedContainer;

impl Hazard for RecreatedContainer {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        let recreated = recreation::recreated(scene);
        for container in scene.containers {
            let Some(reason) = recreated.get(&container.id) else { continue };
            let cause = format!("it {reason}");
            gone::container(
                scene,
                container,
                Going { cause: &cause, volumes_too: false, replaced: true },
                found,
            );
            if container.is_running()
                && let Some(store) = scene.store_of(container)
            {
                let subject = Subject::Service { name: store.service.clone() };
                let hard = interrupted_service::is_hard(scene) && !store.data_paths().is_empty();
                let cost = if hard { format!("; it is stopped at once: {COST}") } else { String::new() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone() + &cost));
            }
        }
        rebuilt(scene, found);
    }
}

/// `watch` makes a container anew when a file that belongs to its image changes.
fn rebuilt(scene: &Scene<'_>, found: &mut Vec<Impact>) {
    for (service, rule) in super::overwritten_path::watched(scene) {
        if rule.action != crate::compose::model::WatchAction::Rebuild {
            continue;
        }
        let cause = format!(
            "`{}` makes the container anew whenever `{}` changes",
            scene.subcommand(),
            rule.path.display()
        );
        for container in scene.replicas(&service.name) {
            gone::container(
                scene,
                container,
                Going { cause: &cause, volumes_too: false, replaced: true },
                found,
            );
        }
    }
}
