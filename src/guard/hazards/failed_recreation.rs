//! Compose V1 stops and renames a container, and then fails to create the next one if the engine does not report
//! `ContainerConfig` of its image: no data is lost, but the service stays down.

use super::super::{Hazard, HazardContext, recreation};
use crate::compose::grammar::Grammar;
use crate::engine::ContainerConfig;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct FailedRecreation;

impl Hazard for FailedRecreation {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !fails(cx) {
            return;
        }
        let recreated = recreation::recreated(cx);
        for container in cx.containers.iter().filter(|container| container.is_running()) {
            let (Some(reason), Some(service)) = (recreated.get(&container.id), container.service()) else {
                continue;
            };
            let subject = Subject::Service { name: service.to_owned() };
            let reason = format!(
                "it {reason}, and on this engine Compose V1 stops and renames it, then fails with `ContainerConfig`: it \
                 keeps its data and stays down until Compose V2 runs `up`"
            );
            found.push(Impact { notice: true, ..Impact::new(Effect::Interrupt, subject, reason) });
        }
    }
}

/// Whether the command fails at every container that it would recreate.
pub(in super::super) fn fails(cx: &HazardContext<'_>) -> bool {
    cx.grammar == Grammar::V1
        && cx.reading.recreates_containers()
        && cx.inventory.engine.container_config() == ContainerConfig::Never
}
