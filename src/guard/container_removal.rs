//! What goes when a container is removed.

use super::{HazardContext, layer_subject, mount_source, volume_subject};
use crate::engine::{Container, MountSource};
use crate::inventory::LocationSource;
use crate::policy::{Effect, Impact, Subject};

/// How a container goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removal<'r> {
    /// The cause, as the beginning of a sentence: `` `down` removes the container ``.
    pub cause: &'r str,
    /// Its anonymous volumes are deleted with it.
    pub volumes_too: bool,
    /// Another container takes its place and keeps its anonymous volumes.
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
    let place = cx
        .store_of(container)
        .and_then(|store| store.locations.iter().find(|place| place.source == LocationSource::Layer));
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
    cx: &HazardContext<'_>,
    container: &Container,
    removal: Removal<'_>,
    found: &mut Vec<Impact>,
) {
    for mount in &container.mounts {
        let MountSource::Volume { name, anonymous, inherited, .. } = &mount.source else { continue };
        let place = mount.destination.display();
        if !anonymous {
            if mount_source::hangs_on(cx, container, &mount.destination) {
                let reason = format!(
                    "the file has an anonymous volume at `{place}`, so the next container gets an empty one there; {}",
                    removal.cause
                );
                found.push(Impact::new(Effect::Orphan, volume_subject(cx, name, false), reason));
            }
            continue;
        }
        let known = cx.is_data(container, &mount.destination);
        let subject = volume_subject(cx, name, true);
        // One that went through a recreation is mounted by name, and `-v` leaves it behind.
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
                    "the anonymous volume at `{place}` stays on disk without a name to find it by, and an empty one takes its place; {}",
                    removal.cause
                ),
            )
        };
        found.push(Impact { notice: !known, ..impact });
    }
}

/// Memory is emptied by any stop; whoever mounted it knows.
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
                format!("a tmpfs is memory, empty after any stop; {cause}"),
            )
        });
    }
    for name in HazardContext::mounted(container) {
        let Some(volume) = cx.volume(name) else { continue };
        let in_memory = volume.options.get("type").is_some_and(|kind| kind == "tmpfs");
        // It lives as long as one container has it mounted.
        let held = cx.probe.outsiders.iter().any(|other| other.is_running() && other.mounts_volume(name));
        if in_memory && !held {
            found.push(Impact {
                notice: true,
                ..Impact::new(
                    Effect::Destroy,
                    volume_subject(cx, name, false),
                    format!("the volume is memory, empty when nobody uses it; {cause}"),
                )
            });
        }
    }
}
