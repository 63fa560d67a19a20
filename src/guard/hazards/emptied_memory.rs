//! Data in memory is lost at any stop. It is reported without a question: whoever mounts a tmpfs expects it.

use super::super::{Hazard, HazardContext, container_removal};
use crate::policy::Impact;

pub(in super::super) struct EmptiedMemory;

impl Hazard for EmptiedMemory {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.reading.stop_mode().is_none() {
            return;
        }
        let cause = format!("`{}` stops the container", cx.command());
        for container in cx.scope().containers().filter(|container| container.is_running()) {
            container_removal::memory(cx, container, &cause, found);
        }
    }
}
