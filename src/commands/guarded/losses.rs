//! The data that a command would take away: what is known about it, and how it is saved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::backup::baseline::Note;
use crate::backup::manifest::Proof;
use crate::backup::store::{Backup, Verified};
use crate::commands::context::ProjectContext;
use crate::commands::{baselines, format};
use crate::engine::MountSource;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind};
use crate::policy::{Assessment, Effect, Impact, NewestBackup, Subject};
use crate::progress::Silent;
use crate::settings::RequiredProof;

/// Fills in what each piece at stake holds, how big it is, and its newest backup. What cannot be found out stays
/// unknown: nothing is decided by it.
pub(super) async fn describe(cx: &ProjectContext<'_>, plan: &mut Assessment) {
    // The engine walks every volume to tell their sizes, so it is asked only about what matters.
    if plan.impacts.iter().all(|impact| impact.effect < Effect::Orphan || impact.notice) {
        return;
    }
    let sizes = cx.engine.volume_sizes().await.unwrap_or_default();
    for impact in plan.impacts.iter_mut().filter(|impact| impact.effect >= Effect::Orphan) {
        if let Subject::Volume { name, .. } = &impact.subject {
            impact.bytes = sizes.get(name).copied();
            if impact.bytes == Some(0) {
                impact.contents = Some("nothing".to_owned());
            }
        }
        for store in cx.inventory.stores.iter().filter(|store| holds(store, &impact.subject)) {
            if let Some(contents) = contents(cx, store).await {
                impact.contents = Some(contents);
            }
        }
        for service in &impact.services {
            let newest = cx.root.latest(service).ok().flatten();
            if let Some(backup) = newest
                && impact.newest_backup.as_ref().is_none_or(|known| known.created < backup.manifest.created)
            {
                impact.newest_backup =
                    Some(NewestBackup { name: backup.name(), created: backup.manifest.created });
            }
        }
    }
}

/// Whether a store keeps its data in the place an impact falls on.
pub(super) fn holds(store: &Store, lost: &Subject) -> bool {
    let in_container =
        |container: &String| store.container.as_ref().is_some_and(|known| known.name == *container);
    store.locations.iter().any(|place| match (&place.source, lost) {
        (LocationSource::Volume { name: Some(name), .. }, Subject::Volume { name: lost, .. }) => name == lost,
        (LocationSource::Bind { path }, Subject::Directory { path: lost }) => {
            path.as_os_str() == lost.as_str()
        }
        (LocationSource::Layer, Subject::Layer { container, .. })
        | (LocationSource::Tmpfs, Subject::Tmpfs { container, .. }) => in_container(container),
        _ => false,
    })
}

async fn contents(cx: &ProjectContext<'_>, store: &Store) -> Option<String> {
    if !store.is_server() {
        return None;
    }
    if store.is_running() {
        let target = cx.target(store, &Silent);
        if let Ok(fingerprint) = store.kind.driver().fingerprint(target).await {
            return Some(format::contents(&fingerprint));
        }
    }
    let record = baselines::read(cx, store).ok().flatten()?;
    record.fingerprint.as_ref().map(format::contents)
}

/// What has to be copied before a command may run, and what is safe already.
#[derive(Debug, Default)]
pub(super) struct ToSave {
    pub stores: Vec<Store>,
    /// Backups of stores that nobody has touched since, read back and found whole.
    pub safe: Vec<(Store, Verified)>,
    /// Backups of servers that are only stopped and that nobody has written to since: their files are there.
    pub kept: Vec<(Store, Backup)>,
    /// What will be gone without a copy: there is no way to make one.
    pub unsaved: Vec<Subject>,
    /// Whether nobody has written since a backup, by its directory: the nodes of a cluster have one, and prove it
    /// together.
    unchanged: BTreeMap<PathBuf, bool>,
}

/// Works out what has to be saved: every running server that the command stops, where the settings ask for that, and
/// everything that it would destroy or leave behind.
pub(super) async fn to_save(
    cx: &ProjectContext<'_>,
    plan: &Assessment,
    before_stop: bool,
) -> anyhow::Result<ToSave> {
    let mut save = ToSave::default();
    for impact in &plan.impacts {
        match impact.effect {
            Effect::Interrupt if before_stop && !impact.disposable => {
                let stopped = cx.inventory.stores.iter().filter(|store| {
                    store.is_server() && impact.services.contains(&store.service) && store.is_running()
                });
                for store in stopped {
                    match unchanged_since(cx, store, &mut save).await {
                        Some(backup) => save.kept.push((store.clone(), backup)),
                        None => add(&mut save.stores, store.clone()),
                    }
                }
            }
            Effect::Destroy | Effect::Orphan if impact.counts() => lost(cx, impact, &mut save).await?,
            // Compose is about to ask, and a single `y` deletes the volume.
            Effect::Destroy if is_on_offer(cx, impact) => lost(cx, impact, &mut save).await?,
            Effect::Destroy | Effect::Orphan | Effect::Interrupt | Effect::None => {}
        }
    }
    Ok(save)
}

/// A volume that `up` and its like offer to delete, in a question of Compose's own.
fn is_on_offer(cx: &ProjectContext<'_>, impact: &Impact) -> bool {
    let asks = matches!(cx.command.reading.subcommand.as_deref(), Some("up" | "create" | "run" | "scale"));
    let named = matches!(&impact.subject, Subject::Volume { anonymous: false, .. });
    asks && named && impact.notice && !impact.disposable
}

async fn lost(cx: &ProjectContext<'_>, impact: &Impact, save: &mut ToSave) -> anyhow::Result<()> {
    let mut any = false;
    for store in cx.inventory.stores.iter().filter(|store| holds(store, &impact.subject)) {
        any = true;
        if save.safe.iter().any(|(known, _)| known.id == store.id) {
            continue;
        }
        if store.is_running() || store.kind == StoreKind::Volume {
            match unchanged_since(cx, store, save)
                .await
                .and_then(|backup| backup.check_showing(&cx.ui().meter()).ok())
            {
                Some(backup) => save.safe.push((store.clone(), backup)),
                None => add(&mut save.stores, store.clone()),
            }
        } else if let Some(backup) = untouched_since(cx, store).await? {
            save.safe.push((store.clone(), backup));
        } else {
            // Its server cannot be asked while it is stopped, but its files lie still.
            add(&mut save.stores, Store { kind: StoreKind::Volume, ..store.clone() });
        }
    }
    // What belongs to another project is not touched.
    if !any
        && let Subject::Volume { name, .. } = &impact.subject
        && cx.volumes.iter().any(|volume| volume.name == *name)
    {
        add(&mut save.stores, lone_volume(cx, name));
        any = true;
    }
    if !any && impact.effect == Effect::Destroy {
        save.unsaved.push(impact.subject.clone());
    }
    Ok(())
}

/// The newest backup of a running server that proves that nobody has written to it since. Its files are there, and have
/// their sizes; they are not read.
async fn unchanged_since(cx: &ProjectContext<'_>, store: &Store, save: &mut ToSave) -> Option<Backup> {
    if !store.is_server() || !store.is_running() {
        return None;
    }
    let backup = cx.root.latest(&store.id).ok().flatten()?;
    backup.is_complete().ok()?;
    if cx.settings.backup.proof == RequiredProof::Restored && backup.proof() < Proof::Restored {
        return None;
    }
    let unchanged = match save.unchanged.get(&backup.directory) {
        Some(known) => *known,
        None => proves_unchanged(cx, store, &backup).await,
    };
    save.unchanged.insert(backup.directory.clone(), unchanged);
    unchanged.then_some(backup)
}

async fn proves_unchanged(cx: &ProjectContext<'_>, store: &Store, backup: &Backup) -> bool {
    let command = store.kind.driver().is_unchanged_since(cx.target(store, &Silent), backup).await;
    command.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::debug!(service = store.service, error, "backing up, as nothing is proven");
        false
    })
}

/// The backup that was made at the store's last stop, if nothing that mounts its data has run since.
async fn untouched_since(cx: &ProjectContext<'_>, store: &Store) -> anyhow::Result<Option<Verified>> {
    let Some(record) = baselines::read(cx, store).map_err(anyhow::Error::from)? else { return Ok(None) };
    let (Note::Stopped, Some(name)) = (&record.note, &record.backup) else { return Ok(None) };
    for place in &store.locations {
        if let LocationSource::Volume { name: Some(volume), .. } = &place.source {
            for container in cx.engine.containers_with_volume(volume).await? {
                let started: Option<Timestamp> =
                    container.started.as_deref().and_then(|text| text.parse().ok());
                if container.is_running() || started.is_some_and(|started| started > record.time) {
                    return Ok(None);
                }
            }
        }
    }
    let Ok(backup) = cx.root.find(&store.id, name) else { return Ok(None) };
    Ok(backup.check().ok())
}

fn add(stores: &mut Vec<Store>, store: Store) {
    if stores.iter().all(|known| known.id != store.id) {
        stores.push(store);
    }
}

/// A volume that belongs to no store we know, as a store of its own.
fn lone_volume(cx: &ProjectContext<'_>, volume: &str) -> Store {
    let mounted = cx.containers.iter().find_map(|container| {
        container.mounts.iter().find_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } if name == volume => {
                Some((container, mount.destination.clone()))
            }
            _ => None,
        })
    });
    let key = cx
        .volumes
        .iter()
        .find(|known| known.name == volume)
        .and_then(|known| known.compose_key())
        .unwrap_or(volume);
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
        id: format!("volume-{key}"),
        service: mounted
            .as_ref()
            .and_then(|(container, _)| container.service())
            .map_or_else(|| format!("volume {key}"), |service| format!("{service} (volume {key})")),
        kind: StoreKind::Volume,
        container,
        image,
        locations: vec![DataLocation {
            source: LocationSource::Volume { name: Some(volume.to_owned()), anonymous: false },
            target: mounted.map_or_else(|| PathBuf::from("/data"), |(_, target)| target),
            read_only: false,
        }],
    }
}
