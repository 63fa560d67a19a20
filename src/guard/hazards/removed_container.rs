//! A container that is removed takes along what was written into it, and leaves its anonymous volumes behind.

use super::super::gone::{self, Going};
use super::super::{Hazard, Scene};
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RemovedContainer;

impl Hazard for RemovedContainer {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        let subcommand = scene.subcommand();
        if subcommand == "wait" && !scene.reading.is_set("down-project") {
            return;
        }
        let cause = match subcommand {
            "wait" => "`wait --down-project` removes every container of the project".to_owned(),
            _ => format!("`{subcommand}` removes the container"),
        };
        // `wait` takes no `--volumes`.
        let going = Going { cause: &cause, volumes_too: scene.reading.is_set("volumes"), replaced: false };
        for container in scene.containers_in_reach().filter(|container| is_removed(scene, container)) {
            gone::container(scene, container, going, found);
        }
    }
}

/// `down` removes every container in reach; `rm` the stopped ones, and with `--stop` the others too.
fn is_removed(scene: &Scene<'_>, container: &Container) -> bool {
    match scene.subcommand() {
        "down" | "wait" => true,
        "rm" => !container.is_running() || scene.reading.is_set("stop"),
        _ => false,
    }
}
