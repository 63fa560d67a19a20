//! What is kept in memory is gone after any stop: told, not asked about, for whoever mounted memory wanted it so.

use super::super::{Hazard, Scene, gone};
use super::interrupted_service::stops;
use crate::policy::Impact;

pub(in super::super) struct EmptiedMemory;

impl Hazard for EmptiedMemory {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        if !stops(scene) {
            return;
        }
        let cause = format!("`{}` stops the container", scene.subcommand());
        for container in scene.containers_in_reach().filter(|container| container.is_running()) {
            gone::memory(scene, container, &cause, found);
        }
    }
}
