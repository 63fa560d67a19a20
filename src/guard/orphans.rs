//! Orphan containers: containers of the project whose service is not in the file.

use super::context::HazardContext;
use crate::engine::Container;

/// Whether the command removes orphan containers: because of its flag, or of `COMPOSE_REMOVE_ORPHANS`.
pub(super) fn removes(cx: &HazardContext<'_>) -> bool {
    if cx.label_mode || !cx.reading.can_remove_orphans() {
        return false;
    }
    if cx.reading.flags.iter().any(|flag| flag.name == "remove-orphans") {
        return cx.reading.is_set("remove-orphans");
    }
    cx.reading.heeds_orphans_variable() && cx.probe.remove_orphans
}

/// A container whose service is not in the file under any profile; or a one-off container that has exited.
pub(super) fn is_orphan(cx: &HazardContext<'_>, container: &Container) -> bool {
    if cx.label_mode {
        return false;
    }
    if container.is_one_off() {
        return !container.is_running();
    }
    container.service().is_some_and(|service| cx.service(service).is_none())
}

/// Whether `down` removes a container.
pub(super) fn is_removed_by_down(cx: &HazardContext<'_>, container: &Container) -> bool {
    cx.scope().containers().any(|one| one.id == container.id)
        || (cx.label_mode && cx.reading.operands.is_empty())
        || (removes(cx) && is_orphan(cx, container))
}
