//! Where `cp` really writes: symbolic links in the container on the way to the typed path.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::commands::context::ProjectContext;
use crate::engine::{Engine, EngineError};
use crate::guard;

/// The limit of Linux; the engine refuses a path with more.
const MAX_LINKS: usize = 40;

/// The path that is written to, by container id, where it differs from the typed one.
pub(super) async fn copy_targets(cx: &ProjectContext<'_>) -> Result<BTreeMap<String, PathBuf>, EngineError> {
    let mut targets = BTreeMap::new();
    let Some((service, typed)) = guard::copy_target(&cx.command.reading) else { return Ok(targets) };
    for container in cx.containers.iter().filter(|container| container.service() == Some(service)) {
        let target = resolve(cx.engine.as_ref(), &container.id, &typed).await?;
        if target != typed {
            targets.insert(container.id.clone(), target);
        }
    }
    Ok(targets)
}

/// Follows every link on the way, and the last one too.
async fn resolve(engine: &dyn Engine, container: &str, path: &Path) -> Result<PathBuf, EngineError> {
    let mut resolved = PathBuf::from("/");
    let mut links = 0;
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        resolved.push(name);
        if links < MAX_LINKS
            && let Some(target) = engine.link_target(container, &resolved).await?
        {
            // The engine follows a link to its end.
            resolved = target;
            links += 1;
        }
    }
    Ok(resolved)
}
