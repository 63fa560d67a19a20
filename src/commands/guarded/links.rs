//! Where `cp` really writes: links in the container on the way to the path that was typed.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::commands::context::ProjectContext;
use crate::engine::{Engine, EngineError};
use crate::guard;

/// No sound path has more links; what has is left to the engine to refuse.
const MOST_LINKS: usize = 40;

/// By container, the path that is written to, where it is not the one that was typed.
pub(super) async fn copy_targets(cx: &ProjectContext<'_>) -> Result<BTreeMap<String, PathBuf>, EngineError> {
    let mut targets = BTreeMap::new();
    let Some((service, typed)) = guard::copy_target(&cx.command.reading) else { return Ok(targets) };
    for container in cx.containers.iter().filter(|container| container.service() == Some(service)) {
        let target = followed(cx.engine.as_ref(), &container.id, &typed).await?;
        if target != typed {
            targets.insert(container.id.clone(), target);
        }
    }
    Ok(targets)
}

/// Follows every link on the way, and the last one too.
async fn followed(engine: &dyn Engine, container: &str, path: &Path) -> Result<PathBuf, EngineError> {
    let mut way = PathBuf::from("/");
    let mut links = 0;
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        way.push(name);
        if links < MOST_LINKS
            && let Some(target) = engine.link_target(container, &way).await?
        {
            // The engine has followed it to its end.
            way = target;
            links += 1;
        }
    }
    Ok(way)
}
