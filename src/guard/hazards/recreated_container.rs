//! A recreated container loses its layer; its volumes, anonymous ones too, are kept.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, recreation};
use super::interrupted_service::KILL_COST;
use crate::compose::actions::StopMode;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedContainer;

impl Hazard for RecreatedContainer {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
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
                let cost = match cx.reading.recreation_stop_mode() {
                    StopMode::Immediate if !store.data_paths().is_empty() => {
                        format!("; it is killed: {KILL_COST}")
                    }
                    StopMode::Immediate | StopMode::Graceful => String::new(),
                };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone() + &cost));
            }
        }
        rebuilt(cx, found);
    }
}

/// `watch` rebuilds an image and recreates its containers when a source file changes.
fn rebuilt(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    for (service, rule) in super::overwritten_path::watch_rules(cx) {
        if rule.action != crate::compose::model::WatchAction::Rebuild {
            continue;
        }
        let cause =
            format!("`{}` recreates the container whenever `{}` changes", cx.command(), rule.path.display());
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
