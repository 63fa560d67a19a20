//! Which data the settings declare disposable.

use super::context::ProjectContext;
use crate::engine::Volume;
use crate::inventory::LocationSource;

/// Whether the settings declare a volume disposable.
pub(super) fn is_disposable(cx: &ProjectContext<'_>, source: &LocationSource) -> bool {
    let LocationSource::Volume { name: Some(name), .. } = source else { return false };
    let labelled = cx.volumes.iter().find(|volume| volume.name == *name).and_then(Volume::compose_key);
    let declared = cx.project.whole_model().into_iter().flat_map(|model| &model.volumes);
    let by_file = declared.filter(|(_, volume)| volume.name == *name).map(|(key, _)| key.as_str());
    labelled
        .into_iter()
        .chain(by_file)
        .any(|key| cx.settings.volumes.get(key).is_some_and(|volume| volume.disposable))
}
