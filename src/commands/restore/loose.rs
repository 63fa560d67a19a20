//! Volumes that belong to no store of the project, for example the snapshots of a Qdrant beside its storage. A command that
//! destroys one backs it up as a store of its own, and so it is restored.

use super::assume;
use crate::backup::manifest::ArtifactContents;
use crate::backup::set;
use crate::backup::store::Backup;
use crate::commands::compose::store_of_volume;
use crate::commands::context::ProjectContext;
use crate::commands::newest_backup::id_of_volume;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind, declared_locations};

/// Whether a backup is of a volume that belongs to no store.
pub(super) fn is_of_volume(cx: &ProjectContext<'_>, backup: &Backup) -> bool {
    store_for(cx, backup).is_some()
}

/// The store that such a backup is restored into: the volume as it is, or as the Compose file declares it.
pub(super) fn store_for(cx: &ProjectContext<'_>, backup: &Backup) -> Option<Store> {
    let id = backup.store();
    if backup.manifest.kind != StoreKind::Volume || cx.inventory.stores.iter().any(|store| store.id == id) {
        return None;
    }
    let source = backup.manifest.artifacts.iter().find_map(|artifact| match &artifact.contents {
        ArtifactContents::Files { source, .. } => Some(source),
        _ => None,
    })?;
    let is_source = |place: &DataLocation| place.source.to_string() == *source;
    let is_it = |store: &Store| store.id == id && store.locations.iter().any(is_source);
    let mut existing = cx.volumes.iter().filter(|volume| id_of_volume(volume) == id);
    existing.find_map(|volume| Some(store_of_volume(cx, volume)).filter(is_it)).or_else(|| {
        let model = cx.project.whole_model()?;
        model.services.values().find_map(|service| {
            let mut places = declared_locations(service, StoreKind::Volume, Some(model)).into_iter();
            let place = places.find(|place| is_source(place) && !place.read_only)?;
            Some(Store {
                id: id.to_owned(),
                service: service.name.clone(),
                kind: StoreKind::Volume,
                container: None,
                image: service.image.clone(),
                locations: vec![place],
            })
        })
    })
}

/// Backups of volumes that do not exist any more, from the newest set that has all of these backups.
pub(super) fn missing_beside(cx: &ProjectContext<'_>, backups: &[Backup]) -> Vec<Backup> {
    let has = |set: &[Backup], backup: &Backup| set.iter().any(|one| one.directory == backup.directory);
    let sets = set::list(&cx.root).into_iter().filter_map(|(file, _)| set::read(&cx.root, &file).ok());
    let set = sets.into_iter().find(|set| backups.iter().all(|backup| has(set, backup)));
    let is_missing = |backup: &Backup| {
        let store = store_for(cx, backup);
        store.is_some_and(|store| !store.locations.iter().any(|place| assume::exists_now(cx, place)))
    };
    set.into_iter().flatten().filter(is_missing).collect()
}

/// The same store after the project has changed.
pub(super) fn again(cx: &ProjectContext<'_>, store: &Store) -> Option<Store> {
    let [DataLocation { source: LocationSource::Volume { name: Some(name), .. }, .. }] =
        store.locations.as_slice()
    else {
        return None;
    };
    let volume = cx.volumes.iter().find(|volume| volume.name == *name && id_of_volume(volume) == store.id)?;
    // As it was called in the plan.
    Some(Store { service: store.service.clone(), ..store_of_volume(cx, volume) })
}
