//! A volume whose definition in the file has changed: `up -y` and `create -y` delete it and make an empty one.

use super::super::gone::{self, Going};
use super::super::{Hazard, Scene, diverged, volume_subject};
use crate::engine::Container;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RecreatedVolume;

impl Hazard for RecreatedVolume {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        let recreated = diverged::recreated(scene);
        for name in diverged::offered(scene) {
            let subject = volume_subject(scene, name, false);
            let subcommand = scene.subcommand();
            if !recreated.contains(&name) {
                found.push(offer(scene, subject));
                continue;
            }
            let impact = match holder(scene, name) {
                _ if scene.protected.contains(name) => {
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
            let going = Going { cause: &cause, volumes_too: false, replaced: false };
            for container in users(scene, name) {
                gone::container(scene, container, going, found);
                if container.is_running()
                    && let Some(store) = scene.store_of(container)
                {
                    let subject = Subject::Service { name: store.service.clone() };
                    found.push(Impact::new(Effect::Interrupt, subject, cause.clone()));
                }
            }
        }
    }
}

/// Without `--yes` Compose asks, where it can; its answer is no by itself.
fn offer(scene: &Scene<'_>, subject: Subject) -> Impact {
    if scene.facts.terminal {
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
fn users<'a>(scene: &'a Scene<'_>, volume: &'a str) -> impl Iterator<Item = &'a Container> {
    scene.containers.iter().filter(move |container| {
        container.mounts_volume(volume)
            && !container.is_one_off()
            && container.service().is_some_and(|service| scene.role(service).is_some())
    })
}

fn holder<'a>(scene: &'a Scene<'_>, volume: &'a str) -> Option<&'a Container> {
    let gone: Vec<&str> = users(scene, volume).map(|container| container.id.as_str()).collect();
    scene
        .containers
        .iter()
        .chain(&scene.facts.outsiders)
        .find(|container| container.mounts_volume(volume) && !gone.contains(&container.id.as_str()))
}
