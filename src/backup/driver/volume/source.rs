//! Where the archives of a backup come from: the path in the container, or the directory that a running container still has.

use anyhow::Context as _;

use super::helper_container::HelperContainer;
use crate::backup::driver::DriverTarget;
use crate::engine::{ByteStream, EngineError, ReplacedMount};
use crate::inventory::{DataLocation, LocationSource};

/// Where the archives of a backup come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) helper: &'a HelperContainer,
    pub(super) replaced: &'a [ReplacedMount],
}

/// Whether the running container has something else at this place, or below it, than its path on the host leads to.
pub(super) fn is_replaced(replaced: &[ReplacedMount], place: &DataLocation) -> bool {
    replaced.iter().any(|mount| mount.destination.starts_with(&place.target))
}

impl Source<'_> {
    pub(super) async fn open(
        &self,
        target: DriverTarget<'_>,
        place: &DataLocation,
    ) -> anyhow::Result<Option<ByteStream>> {
        if !is_replaced(self.replaced, place) {
            return open(target, self.helper, place).await;
        }
        let stream = target.engine.read_live_directory(&self.helper.container, &place.target).await;
        stream.map(Some).with_context(|| {
            format!(
                "the running container has another directory at `{}` than the path on the host leads to now",
                place.target.display()
            )
        })
    }
}

/// The directories that the store's running container has and that their paths on the host no longer lead to. None where
/// that cannot be told, which `status` reports.
pub(super) async fn replaced(target: DriverTarget<'_>) -> Vec<ReplacedMount> {
    match &target.store.container {
        Some(container) => target.engine.replaced_mounts(container).await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// The archive of a directory; `None` if the container does not have the path yet.
pub(super) async fn open(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    place: &DataLocation,
) -> anyhow::Result<Option<ByteStream>> {
    match target.engine.read_archive(&helper.container, &place.target).await {
        Ok(stream) => Ok(Some(stream)),
        Err(EngineError::NotFound { .. }) if place.source == LocationSource::Layer => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", place.target.display())),
    }
}
