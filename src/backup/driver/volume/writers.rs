//! Who may write to the files of a store, and what that means for a copy of them.

use std::path::PathBuf;

use crate::backup::consistency::Consistency;
use crate::backup::driver::DriverTarget;
use crate::engine::{Container, ContainerState, own_container};
use crate::inventory::{DataLocation, LocationSource};

/// The running containers, of any project, that may write below one of these paths.
pub(super) async fn writers(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
) -> anyhow::Result<Vec<Container>> {
    let (mut volumes, mut directories): (Vec<String>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    let mut in_container = false;
    let touched = |place: &&DataLocation| places.iter().any(|outer| place.target.starts_with(&outer.target));
    for place in target.store.locations.iter().filter(touched) {
        match &place.source {
            LocationSource::Volume { name: Some(name), .. } => volumes.push(name.clone()),
            LocationSource::Bind { path } => directories.push(path.clone()),
            LocationSource::Layer => in_container = true,
            LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs => {}
        }
    }
    let mut found = if volumes.is_empty() && directories.is_empty() {
        Vec::new()
    } else {
        target.engine.running_containers_with(&volumes, &directories).await?
    };
    if in_container
        && let Some(own) = &target.store.container
        && found.iter().all(|known| known.id != own.id)
        && let Some(own) = target.engine.inspect(&own.id).await?
        && own.is_running()
    {
        found.push(own);
    }
    found.retain(|container| own_container() != Some(container.id.as_str()));
    Ok(found)
}

/// What is known of a copy, from the running writers before and after it.
pub(super) fn consistency(before: &[Container], after: &[Container]) -> Consistency {
    let same_run =
        |one: &Container| before.iter().any(|other| (&other.id, &other.started) == (&one.id, &one.started));
    let all_paused = || before.iter().chain(after).all(|one| one.state == ContainerState::Paused);
    if before.is_empty() && after.is_empty() {
        Consistency::Cold
    } else if before.len() == after.len() && after.iter().all(same_run) && all_paused() {
        Consistency::Frozen
    } else {
        Consistency::TornPossible
    }
}

/// The containers that may have written during the copy, for people.
pub(super) fn names(before: &[Container], after: &[Container]) -> String {
    let running = before.iter().chain(after).filter(|one| one.state != ContainerState::Paused);
    let mut names: Vec<String> = running.map(|one| format!("`{}`", one.name)).collect();
    names.sort();
    names.dedup();
    names.join(" and ")
}
