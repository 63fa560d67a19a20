//! Containers of the project that belong to no service of the file.

use super::scene::Scene;
use crate::compose::grammar::Grammar;
use crate::engine::Container;

/// Whether the command removes orphans: by its flag, else by `COMPOSE_REMOVE_ORPHANS`, which `run` passes over and
/// `kill` only kills by (measured, V2).
pub(super) fn removes(scene: &Scene<'_>) -> bool {
    let subcommand = scene.subcommand();
    if scene.label_mode || !["up", "create", "run", "down"].contains(&subcommand) {
        return false;
    }
    if scene.reading.flags.iter().any(|flag| flag.name == "remove-orphans") {
        return scene.reading.is_set("remove-orphans");
    }
    scene.grammar == Grammar::V2 && subcommand != "run" && scene.facts.remove_orphans
}

/// A service that the file does not have, with whatever profile; or a one-off container that has ended.
pub(super) fn is_orphan(scene: &Scene<'_>, container: &Container) -> bool {
    if scene.label_mode {
        return false;
    }
    if container.is_one_off() {
        return !container.is_running();
    }
    container.service().is_some_and(|service| scene.service(service).is_none())
}

/// Whether a container is there no more after a `down`.
pub(super) fn goes_down(scene: &Scene<'_>, container: &Container) -> bool {
    scene.containers_in_reach().any(|one| one.id == container.id)
        || (scene.label_mode && scene.reading.operands.is_empty())
        || (removes(scene) && is_orphan(scene, container))
}
