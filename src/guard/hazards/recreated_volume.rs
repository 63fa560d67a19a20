//! A volume whose definition in the file has changed: `up -y` and `create -y` delete it and create an empty one.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, volume_drift, volume_subject};
use crate::engine::Container;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedVolume;

impl Hazard for RecreatedVolume {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let recreated = volume_drift::recreated(cx);
        for name in volume_drift::offered(cx) {
            let subject = volume_subject(cx, name, false);
            let command = cx.command();
            if !recreated.contains(&name) {
                found.push(offer(cx, subject));
                continue;
            }
            let impact = match remaining_user(cx, name) {
                _ if cx.protected.contains(name) => {
                    Impact::new(Effect::None, subject, "its definition has changed, but it is protected")
                }
                Some(user) => Impact::new(
                    Effect::None,
                    subject,
                    format!("its definition has changed, but container `{}` stays and mounts it", user.name),
                ),
                None => Impact::new(
                    Effect::Destroy,
                    subject,
                    format!(
                        "its definition in the file has changed, and `{command} --yes` deletes it and creates an empty one"
                    ),
                ),
            };
            found.push(impact);
            // Its containers are removed first, whether or not the volume can be deleted then.
            let cause = format!("`{command} --yes` removes the container to recreate volume `{name}`");
            let removal = Removal { cause: &cause, volumes_too: false, replaced: false };
            for container in users(cx, name) {
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
}

/// Without `--yes` Compose asks if there is a terminal; its default answer is no.
fn offer(cx: &HazardContext<'_>, subject: Subject) -> Impact {
    if cx.probe.terminal {
        Impact {
            notice: true,
            ..Impact::new(
                Effect::Destroy,
                subject,
                "its definition in the file has changed: Compose will ask whether to delete it; answer `n` to keep the data",
            )
        }
    } else {
        Impact::new(
            Effect::None,
            subject,
            "its definition in the file has changed; without `--yes` and a terminal Compose leaves it unchanged",
        )
    }
}

/// The containers that Compose removes first: those of the services that the command acts on.
fn users<'a>(cx: &'a HazardContext<'_>, volume: &'a str) -> impl Iterator<Item = &'a Container> {
    cx.containers.iter().filter(move |container| {
        container.mounts_volume(volume)
            && !container.is_one_off()
            && container.service().is_some_and(|service| cx.role(service).is_some())
    })
}

/// A container that still mounts the volume afterwards, so that the engine does not delete it.
fn remaining_user<'a>(cx: &'a HazardContext<'_>, volume: &'a str) -> Option<&'a Container> {
    let removed: Vec<&str> = users(cx, volume).map(|container| container.id.as_str()).collect();
    cx.containers
        .iter()
        .chain(&cx.probe.foreign_users)
        .find(|container| container.mounts_volume(volume) && !removed.contains(&container.id.as_str()))
}
