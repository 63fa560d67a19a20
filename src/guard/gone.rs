//! What goes when a container is removed.

use super::{Scene, ground, layer_subject, volume_subject};
use crate::engine::{Container, MountSource};
use crate::inventory::PlaceSource;
use crate::policy::{Effect, Impact, Subject};

/// How a container goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Going<'r> {
    /// The cause, as the beginning of a sentence: `` `down` removes the container ``.
    pub cause: &'r str,
    /// Its anonymous volumes are deleted with it.
    pub volumes_too: bool,
    /// Another container takes its place and keeps its anonymous volumes.
    pub replaced: bool,
}

/// Adds what is lost with a container.
pub(super) fn container(scene: &Scene<'_>, container: &Container, going: Going<'_>, found: &mut Vec<Impact>) {
    layer(scene, container, going.cause, found);
    if !going.replaced {
        anonymous_volumes(scene, container, going, found);
    }
    memory(scene, container, going.cause, found);
}

fn layer(scene: &Scene<'_>, container: &Container, cause: &str, found: &mut Vec<Impact>) {
    let known = scene.keeps_data_in_layer(container);
    let place = scene
        .store_of(container)
        .and_then(|store| store.places.iter().find(|place| place.source == PlaceSource::Layer));
    let reason = match place {
        Some(place) => {
            format!(
                "nothing is mounted at `{}`: the data is in the container; {cause}",
                place.target.display()
            )
        }
        None => format!("what it wrote outside of its mounts is in the container; {cause}"),
    };
    found.push(Impact { notice: !known, ..Impact::new(Effect::Destroy, layer_subject(container), reason) });
}

/// Adds what becomes of the anonymous volumes, and of a named one that stands where the file has an anonymous one.
pub(super) fn anonymous_volumes(
    scene: &Scene<'_>,
    container: &Container,
    going: Going<'_>,
    found: &mut Vec<Impact>,
) {
    for mount in &container.mounts {
        let MountSource::Volume { name, anonymous, inherited, .. } = &mount.source else { continue };
        let place = mount.destination.display();
        if !anonymous {
            if ground::hangs_on(scene, container, &mount.destination) {
                let reason = format!(
                    "the file has an anonymous volume at `{place}`, so the next container gets an empty one there; {}",
                    going.cause
                );
                found.push(Impact::new(Effect::Orphan, volume_subject(scene, name, false), reason));
            }
            continue;
        }
        let known = scene.is_data(container, &mount.destination);
        let subject = volume_subject(scene, name, true);
        // One that went through a recreation is mounted by name, and `-v` leaves it behind.
        let impact = if going.volumes_too && !inherited {
            Impact::new(
                Effect::Destroy,
                subject,
                format!("the anonymous volume at `{place}` is deleted with its container; {}", going.cause),
            )
        } else {
            Impact::new(
                Effect::Orphan,
                subject,
                format!(
                    "the anonymous volume at `{place}` stays on disk without a name to find it by, and an empty one takes its place; {}",
                    going.cause
                ),
            )
        };
        found.push(Impact { notice: !known, ..impact });
    }
}

/// Memory is emptied by any stop; whoever mounted it knows.
pub(super) fn memory(scene: &Scene<'_>, container: &Container, cause: &str, found: &mut Vec<Impact>) {
    for mount in container.mounts.iter().filter(|mount| mount.source == MountSource::Tmpfs) {
        found.push(Impact {
            notice: true,
            ..Impact::new(
                Effect::Destroy,
                Subject::Tmpfs {
                    container: container.name.clone(),
                    path: mount.destination.display().to_string(),
                },
                format!("a tmpfs is memory, empty after any stop; {cause}"),
            )
        });
    }
    for name in Scene::mounted(container) {
        let Some(volume) = scene.volume(name) else { continue };
        let in_memory = volume.options.get("type").is_some_and(|kind| kind == "tmpfs");
        // It lives as long as one container has it mounted.
        let held = scene.facts.outsiders.iter().any(|other| other.is_running() && other.mounts_volume(name));
        if in_memory && !held {
            found.push(Impact {
                notice: true,
                ..Impact::new(
                    Effect::Destroy,
                    volume_subject(scene, name, false),
                    format!("the volume is memory, empty when nobody uses it; {cause}"),
                )
            });
        }
    }
}
