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
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let recreated = recreation::recreated(cx);
        for (service, replicas, wanted) in shrinking(cx) {
            let cause = format!(
                "`{}` leaves {wanted} of {} containers of the service",
                cx.subcommand(),
                replicas.len()
            );
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

/// The services that have more containers than they will, and how many they will have.
fn shrinking<'a>(cx: &HazardContext<'a>) -> Vec<(&'a Service, Vec<&'a Container>, usize)> {
    let services = cx.file().into_iter().flat_map(|model| model.services.values());
    services
        .filter_map(|service| {
            let role = cx.role(&service.name)?;
            let replicas = cx.replicas(&service.name);
            let wanted = said(cx, &service.name).unwrap_or(service.replicas) as usize;
            let left_alone = role == Role::Dependency && cx.subcommand() == "scale";
            (replicas.len() > wanted && !left_alone).then_some((service, replicas, wanted))
        })
        .collect()
}

/// Whether some containers of a service go and others stay: which ones, their configurations tell.
pub(in super::super) fn chooses(cx: &HazardContext<'_>) -> bool {
    shrinking(cx).iter().any(|(_, _, wanted)| *wanted > 0)
}

/// The containers that may go. V2 takes those first that it would otherwise make anew, in no order that can be relied on
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

/// The number that the command says: `--scale X=n`, or the word `X=n` of `scale`.
fn said(cx: &HazardContext<'_>, service: &str) -> Option<u32> {
    let words = if cx.subcommand() == "scale" { cx.reading.operands.as_slice() } else { &[] };
    let flags = cx.reading.values("scale");
    words
        .iter()
        .map(String::as_str)
        .chain(flags)
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| *name == service)
        .filter_map(|(_, number)| number.trim().parse().ok())
        .last()
}
