//! The backup of a store whose files are in the backup of another store already.

use super::{dump, places};
use crate::backup::driver::{DriverTarget, Dump};
use crate::backup::manifest::Proof;
use crate::backup::store::{Backup, Staging};
use crate::inventory::{LocationSource, Store};

/// Links every archive of another store's backup, if it has exactly the files of this store at the same paths.
pub(super) async fn link(
    target: DriverTarget<'_>,
    other: &Store,
    backup: &Backup,
    into: &mut Staging,
) -> anyhow::Result<Option<Dump>> {
    let chosen = dump::existing(target, places::choose(target.store, None)).await?;
    if !places::are_those_of(&chosen.places, &backup.manifest)
        || !has_entire_volumes(target.store)
        || !has_entire_volumes(other)
    {
        return Ok(None);
    }
    let mut artifacts = Vec::new();
    for artifact in &backup.manifest.artifacts {
        artifacts.push(into.link_from(backup, &artifact.path)?);
    }
    Ok(Some(Dump {
        server: None,
        fingerprint: backup.manifest.fingerprint.clone(),
        manual_restore: dump::by_hand(target, &artifacts),
        artifacts,
        proof: Proof::Readable,
        consistency: backup.manifest.consistency,
        tree: backup.manifest.tree.clone(),
        sqlite: backup.manifest.sqlite.clone(),
        remarks: chosen.remarks,
    }))
}

/// Whether everything is in volumes that the container mounts as a whole: two parts of a volume look alike, and what is in
/// a container is in no other one.
fn has_entire_volumes(store: &Store) -> bool {
    let is_volume = |source: &LocationSource| match source {
        LocationSource::Volume { name: Some(_), .. } => true,
        LocationSource::Volume { name: None, .. }
        | LocationSource::Bind { .. }
        | LocationSource::Tmpfs
        | LocationSource::Layer => false,
    };
    store.locations.iter().all(|place| is_volume(&place.source))
        && store
            .container
            .as_ref()
            .is_some_and(|container| container.mounts.iter().all(|mount| mount.subpath.is_none()))
}
