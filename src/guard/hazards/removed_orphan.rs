//! `--remove-orphans`, or its variable, removes the containers of services that are no longer in the file.

use super::super::gone::{self, Going};
use super::super::{Hazard, Scene, orphans};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RemovedOrphan;

impl Hazard for RemovedOrphan {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        if !orphans::removes(scene) {
            return;
        }
        let said = scene.reading.is_set("remove-orphans");
        let by = if said { "`--remove-orphans`" } else { "`COMPOSE_REMOVE_ORPHANS`" };
        let cause = format!("{by} removes the container, whose service is not in the file");
        // Their volumes stay even under `down --volumes` (measured).
        let going = Going { cause: &cause, volumes_too: false, replaced: false };
        for container in scene.containers.iter().filter(|container| orphans::is_orphan(scene, container)) {
            gone::container(scene, container, going, found);
            if container.is_running()
                && let Some(store) = scene.store_of(container)
            {
                let subject = Subject::Service { name: store.service.clone() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone()));
            }
        }
    }
}
