//! The version of the engine's API for Compose V1.
//!
//! V1 uses the newest version and recreates a container from `ContainerConfig` of its image. If the engine does not
//! report that field, V1 stops and renames the container and fails with `KeyError: 'ContainerConfig'`, so that the service
//! stays down. Older versions of the API still have the field.

use crate::commands::context::ProjectContext;
use crate::compose::grammar::Grammar;
use crate::engine::ContainerConfig;

/// The variable for Compose, if it needs one that is not set.
pub(super) fn variable(cx: &ProjectContext<'_>) -> Option<(&'static str, &'static str)> {
    if cx.command.grammar != Grammar::V1
        || !cx.command.reading.recreates_containers()
        || cx.project.sets_api_version
    {
        return None;
    }
    match cx.identity().container_config() {
        ContainerConfig::UpTo(version) => Some(("COMPOSE_API_VERSION", version)),
        ContainerConfig::Always | ContainerConfig::Never => None,
    }
}
