//! A volume whose definition in the file has changed: `up -y` and `create -y` delete it and make an empty one.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, volume_drift, volume_subject};
use crate::engine::Container;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedVolume;

impl Hazard for RecreatedVolume {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let recreated = volume_drift::recreated(cx);
        for name in volume_drift::offered(cx) {
            let subject = volume_subject(cx, name, false);
            let subcommand = cx.subcommand();
            if !recreated.contains(&name) {
                found.push(offer(cx, subject));
                continue;
            }
            let impact = match holder(cx, name) {
                _ if cx.protected.contains(name) => {
                    Impact::new(Effect::None, subject, "its definition has changed, but it is protected")
                }
                Some(holder) => Impact::new(
                    Effect::None,
                    subject,
                    format!(
                        "its definition has changed, but container `{}` stays and mounts it",
                        holder.name
                    ),
                ),
                None => Impact::new(
                    Effect::Destroy,
                    subject,
                    format!(
                        "its definition in the file has changed, and `{subcommand} --yes` deletes it and makes an empty one"
                    ),
                ),
            };
            found.push(impact);
            // Its containers are removed first, whether the volume can then be deleted or not.
            let cause = format!("`{subcommand} --yes` removes the container to make volume `{name}` anew");
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

/// Without `--yes` Compose asks, where it can; its answer is no by itself.
fn offer(cx: &HazardContext<'_>, subject: Subject) -> Impact {
    if cx.probe.terminal {
        Impact {
            notice: true,
            ..Impact::new(
                Effect::Destroy,
                subject,
                "its definition in the file has changed: Compose is about to ask whether to delete it; answer `n` to keep the data",
            )
        }
    } else {
        Impact::new(
            Effect::None,
            subject,
            "its definition in the file has changed; without `--yes` it stays as it is, for Compose's question is given no answer",
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

fn holder<'a>(cx: &'a HazardContext<'_>, volume: &'a str) -> Option<&'a Container> {
    let gone: Vec<&str> = users(cx, volume).map(|container| container.id.as_str()).collect();
    cx.containers
        .iter()
        .chain(&cx.probe.outsiders)
        .find(|container| container.mounts_volume(volume) && !gone.contains(&container.id.as_str()))
}
