//! A container that is made anew loses what was written into it; its volumes, anonymous ones too, are carried over.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, recreation};
use super::interrupted_service::{self, COST};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedContainer;

impl Hazard for RecreatedContainer {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let recreated = recreation::recreated(cx);
        for container in cx.containers {
            let Some(reason) = recreated.get(&container.id) else { continue };
            let cause = format!("it {reason}");
            container_removal::container(
                cx,
                container,
                Removal { cause: &cause, volumes_too: false, replaced: true },
                found,
            );
            if container.is_running()
                && let Some(store) = cx.store_of(container)
            {
                let subject = Subject::Service { name: store.service.clone() };
                let hard = interrupted_service::is_hard(cx) && !store.data_paths().is_empty();
                let cost = if hard { format!("; it is stopped at once: {COST}") } else { String::new() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone() + &cost));
            }
        }
        rebuilt(cx, found);
    }
}

/// `watch` makes a container anew when a file that belongs to its image changes.
fn rebuilt(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    for (service, rule) in super::overwritten_path::watched(cx) {
        if rule.action != crate::compose::model::WatchAction::Rebuild {
            continue;
        }
        let cause = format!(
            "`{}` makes the container anew whenever `{}` changes",
            cx.subcommand(),
            rule.path.display()
        );
        for container in cx.replicas(&service.name) {
            container_removal::container(
                cx,
                container,
                Removal { cause: &cause, volumes_too: false, replaced: true },
                found,
            );
        }
    }
}
