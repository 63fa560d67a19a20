//! `--remove-orphans`, or its variable, removes the containers of services that are not in the file any more.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, orphans};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RemovedOrphan;

impl Hazard for RemovedOrphan {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !orphans::removes(cx) {
            return;
        }
        let by_flag = cx.reading.is_set("remove-orphans");
        let by = if by_flag { "`--remove-orphans`" } else { "`COMPOSE_REMOVE_ORPHANS`" };
        let cause = format!("{by} removes the container, whose service is not in the file");
        // Their volumes stay even with `down --volumes` (measured).
        let removal = Removal { cause: &cause, volumes_too: false, replaced: false };
        for container in cx.containers.iter().filter(|container| orphans::is_orphan(cx, container)) {
            container_removal::container(cx, container, removal, found);
            if container.is_running()
                && let Some(store) = cx.store_of(container)
            {
                let subject = Subject::Service { name: store.service.clone() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone()));
            }
        }
    }
}
