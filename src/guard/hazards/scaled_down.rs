//! Fewer replicas than there are containers: some are removed.

use std::collections::BTreeMap;

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, Role, recreation};
use crate::compose::grammar::Grammar;
use crate::compose::model::Service;
use crate::engine::Container;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct ScaledDown;

impl Hazard for ScaledDown {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let recreated = recreation::recreated(cx);
        for (service, replicas, wanted) in shrinking(cx) {
            let cause =
                format!("`{}` keeps {wanted} of {} containers of the service", cx.command(), replicas.len());
            let removal = Removal { cause: &cause, volumes_too: false, replaced: false };
            let surplus = surplus(&replicas, wanted, &recreated, cx.grammar);
            for container in &surplus {
                container_removal::container(cx, container, removal, found);
            }
            let stopped =
                surplus.iter().any(|container| container.is_running() && cx.store_of(container).is_some());
            if stopped {
                let subject = Subject::Service { name: service.name.clone() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone()));
            }
        }
    }
}

/// The services that have more containers than they will have, and how many they will have.
fn shrinking<'a>(cx: &HazardContext<'a>) -> Vec<(&'a Service, Vec<&'a Container>, usize)> {
    let services = cx.file().into_iter().flat_map(|model| model.services.values());
    services
        .filter_map(|service| {
            let role = cx.role(&service.name)?;
            let replicas = cx.replicas(&service.name);
            let wanted = cx.reading.replicas_of(&service.name).unwrap_or(service.replicas) as usize;
            let left_alone = role == Role::Dependency && cx.reading.scales_named_services_only();
            (replicas.len() > wanted && !left_alone).then_some((service, replicas, wanted))
        })
        .collect()
}

/// Whether some containers of a service are removed and others stay. Their configurations decide which.
pub(in super::super) fn removes_some_replicas(cx: &HazardContext<'_>) -> bool {
    shrinking(cx).iter().any(|(_, _, wanted)| *wanted > 0)
}

/// The containers that may be removed. V2 first removes those that it would otherwise recreate, in no reliable order
/// (measured, 2.40.3: either of two), then the highest numbers.
fn surplus<'a>(
    replicas: &[&'a Container],
    wanted: usize,
    recreated: &BTreeMap<String, String>,
    grammar: Grammar,
) -> Vec<&'a Container> {
    let outdated = |container: &&&Container| grammar == Grammar::V2 && recreated.contains_key(&container.id);
    let mut surplus: Vec<&Container> = replicas.iter().filter(outdated).copied().collect();
    let others = replicas.iter().rev().filter(|container| !outdated(container));
    let missing = (replicas.len() - wanted).saturating_sub(surplus.len());
    surplus.extend(others.take(missing).copied());
    surplus
}
