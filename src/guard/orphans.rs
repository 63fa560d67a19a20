//! Containers of the project that belong to no service of the file.

use super::context::HazardContext;
use crate::compose::grammar::Grammar;
use crate::engine::Container;

/// Whether the command removes orphans: by its flag, else by `COMPOSE_REMOVE_ORPHANS`, which `run` passes over and
/// `kill` only kills by (measured, V2).
pub(super) fn removes(cx: &HazardContext<'_>) -> bool {
    let subcommand = cx.subcommand();
    if cx.label_mode || !["up", "create", "run", "down"].contains(&subcommand) {
        return false;
    }
    if cx.reading.flags.iter().any(|flag| flag.name == "remove-orphans") {
        return cx.reading.is_set("remove-orphans");
    }
    cx.grammar == Grammar::V2 && subcommand != "run" && cx.probe.remove_orphans
}

/// A service that the file does not have, with whatever profile; or a one-off container that has ended.
pub(super) fn is_orphan(cx: &HazardContext<'_>, container: &Container) -> bool {
    if cx.label_mode {
        return false;
    }
    if container.is_one_off() {
        return !container.is_running();
    }
    container.service().is_some_and(|service| cx.service(service).is_none())
}

/// Whether a container is there no more after a `down`.
pub(super) fn goes_down(cx: &HazardContext<'_>, container: &Container) -> bool {
    cx.containers_in_reach().any(|one| one.id == container.id)
        || (cx.label_mode && cx.reading.operands.is_empty())
        || (removes(cx) && is_orphan(cx, container))
}
