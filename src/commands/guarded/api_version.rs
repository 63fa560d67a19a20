//! The version of the engine's API that Compose V1 is told to speak.
//!
//! V1 speaks the newest one there is, and makes a container anew by what the engine says under `ContainerConfig` of its
//! image. Engines from 26 on leave that out of their newest versions: V1 stops the container, renames it, and fails
//! with `KeyError: 'ContainerConfig'`, so that the service stays down.

use crate::commands::stack::Stack;
use crate::compose::grammar::Grammar;

/// The last version with `ContainerConfig` (measured, engine 28.5.2).
const LAST: &str = "1.44";
/// The first engine with a later one.
const FIRST_WITHOUT: u32 = 26;

/// The variable for Compose, where it needs one and nobody has set it.
pub(super) fn variable(stack: &Stack<'_>) -> Option<(&'static str, &'static str)> {
    let asked = stack.asked;
    let subcommand = asked.reading.subcommand.as_deref().unwrap_or_default();
    let needed = fails(asked.grammar, subcommand, &stack.identity().version);
    (needed && !stack.project.sets_api_version).then_some(("COMPOSE_API_VERSION", LAST))
}

/// Whether the command cannot make a container anew over the newest API of an engine of this version.
fn fails(grammar: Grammar, subcommand: &str, engine: &str) -> bool {
    let major = engine.split('.').next().and_then(|major| major.parse::<u32>().ok());
    grammar == Grammar::V1
        && matches!(subcommand, "up" | "create")
        && major.is_some_and(|major| major >= FIRST_WITHOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_v1_on_a_newer_engine_fails_and_only_where_it_makes_containers() {
        for engine in ["26.0.0", "28.5.2+dfsg4"] {
            assert!(fails(Grammar::V1, "up", engine) && fails(Grammar::V1, "create", engine));
            assert!(!fails(Grammar::V2, "up", engine), "V2 asks otherwise");
            assert!(!fails(Grammar::V1, "down", engine));
        }
        for engine in ["20.10.24+dfsg1", "25.0.5", "dev", ""] {
            assert!(!fails(Grammar::V1, "up", engine), "{engine}");
        }
    }
}
