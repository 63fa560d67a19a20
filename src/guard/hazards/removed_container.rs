//! A container that is removed takes along what was written into it, and leaves its anonymous volumes behind.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext};
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RemovedContainer;

impl Hazard for RemovedContainer {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let subcommand = cx.subcommand();
        if subcommand == "wait" && !cx.reading.is_set("down-project") {
            return;
        }
        let cause = match subcommand {
            "wait" => "`wait --down-project` removes every container of the project".to_owned(),
            _ => format!("`{subcommand}` removes the container"),
        };
        // `wait` takes no `--volumes`.
        let removal = Removal { cause: &cause, volumes_too: cx.reading.is_set("volumes"), replaced: false };
        for container in cx.containers_in_reach().filter(|container| is_removed(cx, container)) {
            container_removal::container(cx, container, removal, found);
        }
    }
}

/// `down` removes every container in reach; `rm` the stopped ones, and with `--stop` the others too.
fn is_removed(cx: &HazardContext<'_>, container: &Container) -> bool {
    match cx.subcommand() {
        "down" | "wait" => true,
        "rm" => !container.is_running() || cx.reading.is_set("stop"),
        _ => false,
    }
}
