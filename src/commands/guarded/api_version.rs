//! The version of the engine's API that Compose V1 is told to speak.
//!
//! V1 speaks the newest one there is, and makes a container anew by what the engine says under `ContainerConfig` of its
//! image. Where that is left out, V1 stops the container, renames it, and fails with `KeyError: 'ContainerConfig'`, so
//! that the service stays down.

use crate::commands::context::ProjectContext;
use crate::compose::grammar::Grammar;
use crate::engine::ContainerConfig;

/// The variable for Compose, where it needs one and nobody has set it.
pub(super) fn variable(cx: &ProjectContext<'_>) -> Option<(&'static str, &'static str)> {
    let recreates = matches!(cx.command.reading.subcommand.as_deref(), Some("up" | "create"));
    if cx.command.grammar != Grammar::V1 || !recreates || cx.project.sets_api_version {
        return None;
    }
    match cx.identity().container_config() {
        ContainerConfig::UpTo(version) => Some(("COMPOSE_API_VERSION", version)),
        ContainerConfig::Always | ContainerConfig::Never => None,
    }
}
