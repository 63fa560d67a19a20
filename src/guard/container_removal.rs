//! What is lost when a container is removed.

use super::layer_contents::NotableLayer;
use super::{HazardContext, layer_subject, mount_source, volume_subject};
use crate::engine::{Container, MountSource};
use crate::inventory::LocationSource;
use crate::policy::{Effect, Impact, Subject};

/// How a container is removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removal<'r> {
    /// The cause, as a clause: `` `down` removes the container ``.
    pub cause: &'r str,
    /// Its anonymous volumes are deleted with it.
    pub volumes_too: bool,
    /// Another container replaces it and keeps its anonymous volumes.
    pub replaced: bool,
}

/// Adds what is lost with a container.
pub(super) fn container(
    cx: &HazardContext<'_>,
    container: &Container,
    removal: Removal<'_>,
    found: &mut Vec<Impact>,
) {
    layer(cx, container, removal.cause, found);
    if !removal.replaced {
        anonymous_volumes(cx, container, removal, found);
    }
    memory(cx, container, removal.cause, found);
}

fn layer(cx: &HazardContext<'_>, container: &Container, cause: &str, found: &mut Vec<Impact>) {
    let known = cx.keeps_data_in_layer(container);
    let contents = cx.probe.layers.get(&container.id).map(NotableLayer::describe);
    let place = cx
        .store_of(container)
        .and_then(|store| store.locations.iter().find(|place| place.source == LocationSource::Layer));
    let reason = match place {
        Some(place) => {
            format!(
                "no volume is mounted at `{}`, so the data is in the container; {cause}",
                place.target.display()
            )
        }
        None if contents.is_some() => {
            format!("files written outside its mounts are lost with the container; {cause}")
        }
        None => format!("files written outside its mounts are in the container; {cause}"),
    };
    if !known && let (Some(place), Some(service)) = (place, container.service()) {
        // A cache is not asked about. Its loss is still worth a line, unlike that of the layer of any other program.
        let reason =
            format!("nothing is mounted at `{}`, so its data is lost; {cause}", place.target.display());
        let subject = Subject::Service { name: service.to_owned() };
        found.push(Impact { notice: true, ..Impact::new(Effect::Interrupt, subject, reason) });
    }
    let subject = layer_subject(container);
    found.push(Impact { notice: !known, contents, ..Impact::new(Effect::Destroy, subject, reason) });
}

/// Adds what happens to the anonymous volumes, and to a named one that is mounted where the file has an anonymous one.
pub(super) fn anonymous_volumes(
    cx: &HazardContext<'_>,
    container: &Container,
    removal: Removal<'_>,
    found: &mut Vec<Impact>,
) {
    for mount in &container.mounts {
        let MountSource::Volume { name, anonymous, inherited, .. } = &mount.source else { continue };
        let place = mount.destination.display();
        if !anonymous {
            if mount_source::is_inherited_only(cx, container, &mount.destination) {
                let reason = format!(
                    "the file has an anonymous volume at `{place}`, so the next container gets an empty one; {}",
                    removal.cause
                );
                found.push(Impact::new(Effect::Orphan, volume_subject(cx, name, false), reason));
            }
            continue;
        }
        let known = cx.is_data(container, &mount.destination);
        let subject = volume_subject(cx, name, true);
        // After a recreation an anonymous volume is mounted by name, and `-v` leaves it behind.
        let impact = if removal.volumes_too && !inherited {
            Impact::new(
                Effect::Destroy,
                subject,
                format!("the anonymous volume at `{place}` is deleted with its container; {}", removal.cause),
            )
        } else {
            Impact::new(
                Effect::Orphan,
                subject,
                format!(
                    "the anonymous volume at `{place}` stays on disk but is hard to find, and the service gets an empty one; {}",
                    removal.cause
                ),
            )
        };
        found.push(Impact { notice: !known, ..impact });
    }
}

/// Adds the data that is kept in memory, which any stop empties.
pub(super) fn memory(cx: &HazardContext<'_>, container: &Container, cause: &str, found: &mut Vec<Impact>) {
    for mount in container.mounts.iter().filter(|mount| mount.source == MountSource::Tmpfs) {
        found.push(Impact {
            notice: true,
            ..Impact::new(
                Effect::Destroy,
                Subject::Tmpfs {
                    container: container.name.clone(),
                    path: mount.destination.display().to_string(),
                },
                format!("a tmpfs is kept in memory and is empty after a stop; {cause}"),
            )
        });
    }
    for name in HazardContext::mounted(container) {
        let Some(volume) = cx.volume(name) else { continue };
        let in_memory = volume.options.get("type").is_some_and(|kind| kind == "tmpfs");
        // It keeps its contents as long as one running container mounts it.
        let held = cx.probe.foreign_users.iter().any(|other| other.is_running() && other.mounts_volume(name));
        if in_memory && !held {
            found.push(Impact {
                notice: true,
                ..Impact::new(
                    Effect::Destroy,
                    volume_subject(cx, name, false),
                    format!("the volume is kept in memory and is empty when no container uses it; {cause}"),
                )
            });
        }
    }
}
