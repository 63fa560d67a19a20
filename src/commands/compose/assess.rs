//! The assessment of a command: what the guard predicts, with what is known about the data.

use std::collections::{BTreeMap, BTreeSet};

use super::hazard_context::hazard_context;
use crate::backup::store::StoreError;
use crate::commands::context::ProjectContext;
use crate::commands::newest_backup::{self, NewestBackups, id_of_volume};
use crate::commands::{baselines, format};
use crate::engine::volume_sizes_in_time;
use crate::guard::{self, Probe};
use crate::inventory::{LocationSource, Store};
use crate::policy::{Assessment, Effect, Impact, NewestBackup, Subject};
use crate::progress::Silent;

/// What the command does to each piece of data.
pub(super) async fn assess(cx: &ProjectContext<'_>, probe: &Probe) -> Assessment {
    let mut plan = guard::assess(&hazard_context(cx, probe));
    describe(cx, probe, &mut plan).await;
    plan
}

/// Adds contents, size and newest backup of each piece of data at risk. What cannot be found out stays unknown. The only
/// decision that depends on it: an empty volume that nobody writes to is reported and not asked about.
async fn describe(cx: &ProjectContext<'_>, probe: &Probe, plan: &mut Assessment) {
    // The engine reads every volume to report sizes, so it is asked only if it matters.
    if plan.impacts.iter().all(|impact| impact.effect < Effect::Orphan || impact.notice) {
        return;
    }
    let (sizes, contents) = tokio::join!(sizes(cx, plan), contents_at_risk(cx, plan));
    let backups = NewestBackups::new(&cx.root);
    for impact in plan.impacts.iter_mut().filter(|impact| impact.effect >= Effect::Orphan) {
        if let Subject::Volume { name, .. } = &impact.subject {
            impact.bytes = sizes.get(name).copied();
            if impact.bytes == Some(0) {
                impact.contents = Some("empty".to_owned());
                impact.notice = impact.notice || is_surely_empty(cx, probe, name);
            }
        }
        for store in cx.inventory.stores.iter().filter(|store| keeps_data_in(store, &impact.subject)) {
            if let Some(contents) = contents.get(&store.id) {
                impact.contents = Some(contents.clone());
            }
        }
        match newest_backup(cx, &backups, impact) {
            Ok(newest) => impact.newest_backup = newest,
            Err(_) => impact.backups_unreadable = true,
        }
    }
}

/// Whether a volume of no size has no data either. The engine measures the directory on its host, which is empty for a
/// volume of another driver or device, and a running container may write before the command removes the volume.
fn is_surely_empty(cx: &ProjectContext<'_>, probe: &Probe, name: &str) -> bool {
    let volume = cx.volumes.iter().chain(&probe.related_volumes).find(|volume| volume.name == name);
    let is_plain = volume.is_some_and(|volume| volume.driver == "local" && volume.options.is_empty());
    let mut containers = cx.containers.iter().chain(&probe.foreign_users).chain(&probe.related_containers);
    is_plain && !containers.any(|container| container.is_running() && container.mounts_volume(name))
}

/// The newest backup that contains the data of an impact.
fn newest_backup(
    cx: &ProjectContext<'_>,
    backups: &NewestBackups<'_>,
    impact: &Impact,
) -> Result<Option<NewestBackup>, StoreError> {
    let Some(source) = newest_backup::source_of(&impact.subject) else { return Ok(None) };
    let stores = cx.inventory.stores.iter().filter(|store| keeps_data_in(store, &impact.subject));
    let mut ids: BTreeSet<String> = stores.map(|store| store.id.clone()).collect();
    ids.extend(impact.services.iter().cloned());
    if let Subject::Volume { name, .. } = &impact.subject
        && let Some(volume) = cx.volumes.iter().find(|volume| volume.name == *name)
    {
        ids.insert(id_of_volume(volume));
    }
    let mut found = Vec::new();
    for id in ids {
        found.extend(backups.of_location(&id, &source)?);
    }
    if let (true, Subject::Volume { name, .. }) = (found.is_empty(), &impact.subject) {
        found.extend(backups.of_volume(name)?);
    }
    let newest = found.into_iter().max_by_key(|backup| (backup.manifest.sequence, backup.manifest.created));
    Ok(newest.map(|newest| NewestBackup { name: newest.name(), created: newest.manifest.created }))
}

/// The sizes of the volumes at risk. A warning says why they are not known.
async fn sizes(cx: &ProjectContext<'_>, plan: &Assessment) -> BTreeMap<String, u64> {
    let is_lost = |impact: &Impact| impact.effect >= Effect::Orphan;
    let is_volume = |impact: &Impact| matches!(impact.subject, Subject::Volume { .. });
    if !plan.impacts.iter().any(|impact| is_lost(impact) && is_volume(impact)) {
        return BTreeMap::new();
    }
    volume_sizes_in_time(cx.engine.as_ref()).await.unwrap_or_else(|error| {
        cx.ui().warn(format!("{error}, so they are left out."));
        BTreeMap::new()
    })
}

/// What the stores at risk contain, by their ids.
async fn contents_at_risk(cx: &ProjectContext<'_>, plan: &Assessment) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for store in &cx.inventory.stores {
        let is_at_risk =
            |impact: &Impact| impact.effect >= Effect::Orphan && keeps_data_in(store, &impact.subject);
        if plan.impacts.iter().any(is_at_risk)
            && let Some(contents) = contents(cx, store).await
        {
            found.insert(store.id.clone(), contents);
        }
    }
    found
}

/// Whether a store keeps its data in what an impact is on.
pub(super) fn keeps_data_in(store: &Store, subject: &Subject) -> bool {
    let in_container =
        |container: &String| store.container.as_ref().is_some_and(|known| known.name == *container);
    store.locations.iter().any(|place| match (&place.source, subject) {
        (LocationSource::Volume { name: Some(name), .. }, Subject::Volume { name: affected, .. }) => {
            name == affected
        }
        (LocationSource::Bind { path }, Subject::Directory { path: affected }) => {
            path.as_os_str() == affected.as_str()
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
