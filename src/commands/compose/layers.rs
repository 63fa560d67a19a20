//! What containers that are removed or recreated have written outside of their mounts. Nothing is asked about containers
//! that stay as they are.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::hazard_context::hazard_context;
use crate::commands::context::ProjectContext;
use crate::engine::Container;
use crate::guard::{self, NotableLayer, Probe};

/// How long it may take: the engine reads the files of each layer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Looks at the layers. What the engine does not report in time stays unknown.
pub(super) async fn gather(cx: &ProjectContext<'_>, probe: &mut Probe) {
    let newest_file = newest_file(cx);
    let may_have_changed = |container: &Container| {
        !cx.identity().local || differs(cx, container) || is_older(container, newest_file)
    };
    let guard = hazard_context(cx, probe);
    let asked = guard::layers_at_risk(&guard, &may_have_changed).into_iter().map(|container| async move {
        let layer = tokio::time::timeout(TIMEOUT, cx.engine.layer(&container.id)).await;
        let layer = layer.ok().and_then(Result::ok)?;
        Some((container.id.clone(), NotableLayer::of(container, &layer)?))
    });
    let found: Vec<_> = join_all(asked).await;
    probe.layers = found.into_iter().flatten().collect();
}

/// When the newest of the files was written that decide how containers are configured.
fn newest_file(cx: &ProjectContext<'_>) -> Option<Timestamp> {
    let dotenv = cx.project.directory.join(".env");
    let files = cx.project.files.iter().chain([&dotenv]);
    files.filter_map(|file| file.metadata().ok()?.modified().ok()?.try_into().ok()).max()
}

/// Whether a container was created before a file was written.
fn is_older(container: &Container, newest_file: Option<Timestamp>) -> bool {
    let created: Option<Timestamp> = container.created.parse().ok();
    created.zip(newest_file).is_none_or(|(created, file)| created <= file)
}

/// Whether a container has another image or another environment than the file says: an `env_file` or a variable of the
/// shell may have changed, and the file has not.
fn differs(cx: &ProjectContext<'_>, container: &Container) -> bool {
    let model = cx.project.whole_model();
    let Some(service) = model.and_then(|model| model.services.get(container.service()?)) else {
        return false;
    };
    let other_image = service.image.as_ref().is_some_and(|image| *image != container.image);
    let other_variable = service.environment.iter().any(|(name, value)| {
        container.environment.get(name).is_none_or(|known| known != value) && !value.expose().is_empty()
    });
    other_image || other_variable
}
