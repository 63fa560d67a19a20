//! The plan of a restore into a store that cannot be looked at now: it runs, or its containers and volumes have to be
//! created first. What may be there counts as data that is replaced.

use std::collections::BTreeSet;
use std::path::Path;

use crate::backup::driver::{Action, RestoreOptions, RestorePlan, Step, volume};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind};

/// Whether a store can be compared with a backup as it is.
pub(super) fn is_comparable(cx: &ProjectContext<'_>, store: &Store, backup: &Backup) -> bool {
    match backup.manifest.kind {
        // A server is asked.
        StoreKind::Qdrant | StoreKind::Sql(_) => store.is_running(),
        StoreKind::Volume if store.container.is_some() => !store.is_running(),
        StoreKind::Volume => places(store, backup).all(|place| match &place.source {
            LocationSource::Volume { name: Some(name), .. } => exists(cx, name),
            LocationSource::Volume { name: None, .. }
            | LocationSource::Bind { .. }
            | LocationSource::Tmpfs
            | LocationSource::Layer => false,
        }),
    }
}

/// What would be restored, without looking.
pub(super) fn plan(
    cx: &ProjectContext<'_>,
    store: &Store,
    backup: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let replace = if options.skip_existing { Action::Keep } else { Action::Replace };
    let steps = match backup.manifest.kind {
        StoreKind::Qdrant => {
            let is_new = written_by_server(store).all(|place| is_new(cx, store, place));
            let action = if is_new { Action::Create } else { replace };
            let is_chosen = |name: &&str| {
                options.collections.is_empty() || options.collections.iter().any(|chosen| chosen == name)
            };
            let names: BTreeSet<&str> = backup.manifest.collections();
            let to = |name: &str| options.rename.clone().unwrap_or_else(|| name.to_owned());
            let step = |name: &str| Step { from: name.to_owned(), to: to(name), action, count: None };
            names.into_iter().filter(is_chosen).map(step).collect()
        }
        StoreKind::Sql(_) => {
            let is_new = written_by_server(store).all(|place| is_new(cx, store, place));
            let action = if is_new { Action::Create } else { replace };
            let is_chosen = |name: &&str| {
                options.databases.is_empty() || options.databases.iter().any(|chosen| chosen == name)
            };
            let to = |name: &str| options.rename.clone().unwrap_or_else(|| name.to_owned());
            let step = |name: &str| Step { from: name.to_owned(), to: to(name), action, count: None };
            databases(backup).filter(is_chosen).map(step).collect()
        }
        StoreKind::Volume => {
            anyhow::ensure!(
                options.collections.is_empty() && options.rename.is_none() && !options.schema_only,
                "`{}` contains plain files, so collections cannot be selected",
                backup.name()
            );
            volume::ensure_places(store, backup)?;
            files(backup)
                .map(|path| {
                    let place = store.locations.iter().find(|place| place.target == Path::new(path));
                    let is_new = place.is_some_and(|place| is_new(cx, store, place));
                    let action = if is_new { Action::Create } else { replace };
                    Step { from: path.to_owned(), to: path.to_owned(), action, count: None }
                })
                .collect()
        }
    };
    Ok(RestorePlan { steps, ..RestorePlan::default() })
}

/// Where the server may keep its data: what is read-only or mounted elsewhere is configuration.
fn written_by_server(store: &Store) -> impl Iterator<Item = &DataLocation> {
    let is_known = !store.data_paths().is_empty();
    store
        .locations
        .iter()
        .filter(move |place| !place.read_only && (!is_known || store.keeps_data_at(&place.target)))
}

/// Whether a place is created with its container, and so has nothing of the service.
fn is_new(cx: &ProjectContext<'_>, store: &Store, place: &DataLocation) -> bool {
    store.container.is_none()
        && match &place.source {
            LocationSource::Volume { name: Some(name), .. } => !exists(cx, name),
            LocationSource::Volume { name: None, .. } | LocationSource::Layer | LocationSource::Tmpfs => true,
            LocationSource::Bind { path } => cx.identity().local && is_vacant(path),
        }
}

/// Whether a named volume exists.
pub(super) fn exists_now(cx: &ProjectContext<'_>, place: &DataLocation) -> bool {
    match &place.source {
        LocationSource::Volume { name: Some(name), .. } => exists(cx, name),
        LocationSource::Volume { name: None, .. }
        | LocationSource::Bind { .. }
        | LocationSource::Tmpfs
        | LocationSource::Layer => false,
    }
}

/// Whether a directory of this machine does not exist, or is empty.
fn is_vacant(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn exists(cx: &ProjectContext<'_>, volume: &str) -> bool {
    cx.volumes.iter().any(|known| known.name == volume)
}

fn databases(backup: &Backup) -> impl Iterator<Item = &str> {
    backup.manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
        ArtifactContents::DatabaseDump { database } => Some(database.as_str()),
        _ => None,
    })
}

fn files(backup: &Backup) -> impl Iterator<Item = &str> {
    backup.manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
        ArtifactContents::Files { target, .. } => Some(target.as_str()),
        _ => None,
    })
}

fn places<'a>(store: &'a Store, backup: &'a Backup) -> impl Iterator<Item = &'a DataLocation> {
    store.locations.iter().filter(|place| files(backup).any(|path| place.target == Path::new(path)))
}
