//! What has to be backed up before a command, and what has a current backup already.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::assess::keeps_data_in;
use crate::backup::consistency::Consistency;
use crate::backup::driver::volume;
use crate::backup::manifest::Proof;
use crate::backup::store::{Backup, Verified};
use crate::commands::backup_kind;
use crate::commands::context::ProjectContext;
use crate::commands::newest_backup::id_of_volume;
use crate::commands::versions::{self, VersionStep};
use crate::engine::{MountSource, Volume};
use crate::inventory::{DataLocation, LocationSource, Store};
use crate::policy::{Assessment, Effect, Impact, Subject};
use crate::progress::Silent;
use crate::settings::RequiredProof;
use crate::store_kind::StoreKind;

/// What has to be backed up before a command may run, and what has a current backup.
#[derive(Debug, Default)]
pub(super) struct BackupPlan {
    /// To be backed up.
    pub stores: Vec<Store>,
    /// Verified backups of stores that are unchanged since.
    pub current: Vec<(Store, Verified)>,
    /// Complete backups of servers that are only stopped and are unchanged since.
    pub current_of_stopped: Vec<(Store, Backup)>,
    /// Data that will be destroyed and cannot be backed up.
    pub impossible: Vec<Subject>,
    /// Whether nothing was written since a backup, by its directory: the nodes of a cluster share one.
    unchanged: BTreeMap<PathBuf, bool>,
}

/// Decides what has to be backed up: every running database that the command stops, if the settings want that, and all data
/// that it would destroy or leave behind, or that another version of its server would convert.
pub(super) async fn make(
    cx: &ProjectContext<'_>,
    plan: &Assessment,
    versions: &[VersionStep],
) -> anyhow::Result<BackupPlan> {
    let mut backups = BackupPlan::default();
    for step in versions.iter().filter(|step| step.converts() && versions::is_backed_up(cx, &step.store)) {
        save(cx, &step.store, &mut backups).await?;
    }
    for impact in &plan.impacts {
        match impact.effect {
            Effect::Interrupt if !impact.disposable => {
                let stopped =
                    cx.inventory.stores.iter().filter(|store| impact.services.contains(&store.service));
                for store in stopped.filter_map(|store| backup_kind::before_stop(cx, store)) {
                    match unchanged_since(cx, &store, &mut backups).await {
                        Some(backup) => backups.current_of_stopped.push((store, backup)),
                        None => add(&mut backups.stores, store),
                    }
                }
            }
            Effect::Destroy | Effect::Orphan if impact.counts() => lost(cx, impact, &mut backups).await?,
            // Compose will ask, and a single `y` deletes the volume.
            Effect::Destroy if is_offered(cx, impact) => lost(cx, impact, &mut backups).await?,
            Effect::Destroy | Effect::Orphan | Effect::Interrupt | Effect::None => {}
        }
    }
    Ok(backups)
}

/// Whether it is a volume that Compose itself offers to delete.
fn is_offered(cx: &ProjectContext<'_>, impact: &Impact) -> bool {
    let asks = cx.command.reading.creates_containers();
    let named = matches!(&impact.subject, Subject::Volume { anonymous: false, .. });
    asks && named && impact.notice && !impact.disposable
}

async fn lost(cx: &ProjectContext<'_>, impact: &Impact, backups: &mut BackupPlan) -> anyhow::Result<()> {
    let mut any = false;
    for store in cx.inventory.stores.iter().filter(|store| keeps_data_in(store, &impact.subject)) {
        any = true;
        if backups.current.iter().any(|(known, _)| known.id == store.id) {
            continue;
        }
        save(cx, store, backups).await?;
    }
    // The data of another project stays where it is.
    if !any
        && let Subject::Volume { name, .. } = &impact.subject
        && let Some(volume) = cx.volumes.iter().find(|volume| volume.name == *name)
    {
        add(&mut backups.stores, store_of_volume(cx, volume));
        any = true;
    }
    if !any && impact.effect == Effect::Destroy {
        backups.impossible.push(impact.subject.clone());
    }
    Ok(())
}

/// Backs up all data of a store, unless it has a current backup.
async fn save(cx: &ProjectContext<'_>, store: &Store, backups: &mut BackupPlan) -> anyhow::Result<()> {
    if store.is_server() && store.is_running() {
        let unchanged = unchanged_since(cx, store, backups).await;
        match unchanged.and_then(|backup| backup.check_showing(&cx.ui().meter()).ok()) {
            Some(backup) => backups.current.push((store.clone(), backup)),
            None => add(&mut backups.stores, store.clone()),
        }
        return Ok(());
    }
    // A stopped server cannot be asked, but its files can be copied.
    let files = Store { kind: StoreKind::Volume, ..store.clone() };
    match of_same_files(cx, &files).await? {
        Some(backup) => backups.current.push((files, backup)),
        None => add(&mut backups.stores, files),
    }
    Ok(())
}

/// The newest backup of a running server, if it proves that nothing was written since. Its files exist and have the right
/// sizes; they are not read.
async fn unchanged_since(cx: &ProjectContext<'_>, store: &Store, backups: &mut BackupPlan) -> Option<Backup> {
    if store.kind == StoreKind::Volume || !store.is_running() {
        return None;
    }
    let backup = cx.root.newest_of(&store.id, store.kind).ok().flatten()?;
    backup.is_complete().ok()?;
    if !backup.manifest.consistency.is_sound() {
        return None;
    }
    if cx.settings.backup.proof == RequiredProof::Restored && backup.proof() < Proof::Restored {
        return None;
    }
    let unchanged = match backups.unchanged.get(&backup.directory) {
        Some(known) => *known,
        None => proves_unchanged(cx, store, &backup).await,
    };
    backups.unchanged.insert(backup.directory.clone(), unchanged);
    unchanged.then_some(backup)
}

async fn proves_unchanged(cx: &ProjectContext<'_>, store: &Store, backup: &Backup) -> bool {
    let proof = store.kind.driver().is_unchanged_since(cx.target(store, &Silent), backup).await;
    proof.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::debug!(service = store.service, error, "backing up because it is not proven unchanged");
        false
    })
}

/// The newest backup of a store that nothing writes to, if its files are exactly those that were copied then: the same
/// names, sizes, times and inodes. When something last ran proves nothing.
async fn of_same_files(cx: &ProjectContext<'_>, store: &Store) -> anyhow::Result<Option<Verified>> {
    let newest = cx.root.newest_of(&store.id, StoreKind::Volume).ok().flatten();
    let Some(backup) = newest else { return Ok(None) };
    if backup.manifest.consistency != Consistency::Cold || backup.manifest.tree.is_none() {
        return Ok(None);
    }
    let target = cx.target(store, &Silent);
    if !volume::writers(target).await?.is_empty() || volume::tree(target).await != backup.manifest.tree {
        return Ok(None);
    }
    Ok(backup.check_showing(&cx.ui().meter()).ok())
}

fn add(stores: &mut Vec<Store>, store: Store) {
    if stores.iter().all(|known| known.id != store.id) {
        stores.push(store);
    }
}

/// A volume of no known store, as a store of its own.
pub(in crate::commands) fn store_of_volume(cx: &ProjectContext<'_>, volume: &Volume) -> Store {
    let mounted = cx.containers.iter().find_map(|container| {
        container.mounts.iter().find_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } if *name == volume.name => {
                Some((container, mount.destination.clone()))
            }
            _ => None,
        })
    });
    let key = volume.compose_key().unwrap_or(&volume.name);
    let container = mounted.as_ref().map(|(container, _)| (*container).clone());
    let image = container
        .as_ref()
        .map(|container| container.image.clone())
        .or_else(|| cx.containers.first().map(|container| container.image.clone()))
        .or_else(|| {
            let model = cx.project.whole_model()?;
            model.services.values().find_map(|service| service.image.clone())
        });
    Store {
        id: id_of_volume(volume),
        service: mounted
            .as_ref()
            .and_then(|(container, _)| container.service())
            .map_or_else(|| format!("volume {key}"), |service| format!("{service} (volume {key})")),
        kind: StoreKind::Volume,
        container,
        image,
        locations: vec![DataLocation {
            source: LocationSource::Volume { name: Some(volume.name.clone()), anonymous: false },
            target: mounted.map_or_else(|| PathBuf::from("/data"), |(_, target)| target),
            read_only: false,
        }],
    }
}
