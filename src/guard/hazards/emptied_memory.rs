//! What is kept in memory is gone after any stop: told, not asked about, for whoever mounted memory wanted it so.

use super::super::{Hazard, HazardContext, container_removal};
use super::interrupted_service::stops;
use crate::policy::Impact;

pub(in super::super) struct EmptiedMemory;

impl Hazard for EmptiedMemory {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !stops(cx) {
            return;
        }
        let cause = format!("`{}` stops the container", cx.subcommand());
        for container in cx.containers_in_reach().filter(|container| container.is_running()) {
            container_removal::memory(cx, container, &cause, found);
        }
    }
}
