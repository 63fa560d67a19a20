//! `safe-compose status`: the project's data and how well it is protected.
//!
//! It changes nothing and queries no server, so it works while services are down.

mod all;
pub(super) mod overview;
mod prometheus;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use overview::Overview;
use row::{BackupOfPlace, Row};

use super::context::{CommandContext, ProjectContext};
use super::newest_backup::{self, NewestBackups};
use super::{agreement, disposable, format, held_record, lockout, repository, unsettled};
use crate::backup::baseline::StoreBaseline;
use crate::cli::{Format, StatusArgs, StatusFormat};
use crate::engine::{Container, Engine, volume_sizes_in_time};
use crate::error::{Failure, causes, causes_of};
use crate::exit::Exit;
use crate::inventory::{DataLocation, LocationSource, Store};
use crate::protect::{self, Protection};
use crate::ui::{Column, Page, Table};

const COLUMNS: &[Column] = &[
    Column::name("SERVICE"),
    Column::extra("KIND"),
    Column::fixed("STATE"),
    Column::name("DATA IN"),
    Column::fixed("SIZE"),
    Column::fixed("PROTECTED"),
    Column::detail("BACKUP"),
    Column::extra("BASELINE"),
];

/// How many files of a directory are counted for its size at most.
const MAX_FILES: usize = 20_000;

/// How long that may take: a directory can be on a slow file server.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) async fn run(
    command: &CommandContext,
    args: &StatusArgs,
    output: Format,
) -> Result<Exit, Failure> {
    if args.all.all {
        return all::run(command, args, output).await;
    }
    let cx = ProjectContext::gather(command).await?;
    let mut warnings: Vec<String> = cx.lockout().iter().map(lockout::sentence).collect();
    warnings.extend(unsettled::warnings(&cx));
    warnings.extend(held_record::warnings(&cx));
    warnings.extend(agreement::status(command, &cx.project, cx.suggest()));
    warnings.extend(repository::status(&cx));
    let sizes = sizes(cx.engine.as_ref(), &mut warnings).await;
    let rows = rows(&cx, &sizes, &mut warnings).await;
    add_warnings(&cx, &rows, &mut warnings);
    if args.format == Some(StatusFormat::Prometheus) {
        command.ui.result(prometheus::metrics(&[Overview::of(&cx, &rows)]));
        return Ok(Exit::Success);
    }
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-status",
            "format_version": 2,
            "project": cx.project.name,
            "engine": { "id": cx.identity().id, "name": cx.identity().name, "endpoint": cx.identity().endpoint },
            "data": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "warnings": warnings,
        })));
        return Ok(Exit::Success);
    }
    let head = format!("project `{}`{}", cx.project.name, format::elsewhere(&cx));
    if rows.is_empty() {
        command.ui.paragraph(format!("No service of {head} holds data."));
    } else {
        let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        command
            .ui
            .result(Page::new().text(format!("Data of {head}:")).blank().table(Table::new(COLUMNS, cells)));
    }
    for warning in &warnings {
        command.ui.warn(warning);
    }
    Ok(Exit::Success)
}

/// Adds what could go wrong.
fn add_warnings(cx: &ProjectContext<'_>, rows: &[Row<'_>], warnings: &mut Vec<String>) {
    for warning in rows.iter().flat_map(|row| row.warnings(cx)) {
        // A service with several mounts repeats the warnings about the service itself.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// The data of a project in a few figures, without sizes.
pub(super) async fn overview(cx: &ProjectContext<'_>) -> Overview {
    Overview::of(cx, &rows(cx, &BTreeMap::new(), &mut Vec::new()).await)
}

/// The sizes of all volumes, if the engine reports them soon.
async fn sizes(engine: &dyn Engine, warnings: &mut Vec<String>) -> BTreeMap<String, u64> {
    volume_sizes_in_time(engine).await.unwrap_or_else(|error| {
        warnings.push(format!("{error}, so they are left out."));
        BTreeMap::new()
    })
}

/// Every data mount of every service, then the other volumes of the project.
async fn rows<'a>(
    cx: &'a ProjectContext<'_>,
    sizes: &BTreeMap<String, u64>,
    warnings: &mut Vec<String>,
) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let backups = NewestBackups::new(&cx.root);
    for store in &cx.inventory.stores {
        let record = baseline(cx, &store.id, warnings);
        let replaced = match &store.container {
            // What cannot be found out is no mismatch.
            Some(container) => cx.engine.replaced_mounts(container).await.unwrap_or_else(|error| {
                warnings.push(format!(
                    "whether `{}` has the directories that its paths on the host lead to is not known: {}.",
                    store.service,
                    causes(&error.into())
                ));
                Vec::new()
            }),
            None => Vec::new(),
        };
        // A read-only directory is configuration; a read-only volume was written by another service.
        let configuration =
            |place: &DataLocation| place.read_only && matches!(place.source, LocationSource::Bind { .. });
        for place in store.locations.iter().filter(|place| !configuration(place)) {
            let backup = newest_backup(&backups, &store.id, &place.source, warnings);
            rows.push(Row {
                store: Some(store),
                service: Some(store.service.clone()),
                id: store.id.clone(),
                source: place.source.clone(),
                target: Some(&place.target),
                replaced: replaced.iter().any(|mount| mount.destination == place.target),
                there: exists(cx, store, &place.source),
                disposable: cx.is_disposable() || disposable::is_disposable(cx, &place.source),
                bytes: None,
                protection: Protection::None,
                backup,
                record: record.clone(),
            });
        }
    }
    let shown: BTreeSet<String> = rows.iter().filter_map(|row| volume_of(&row.source)).cloned().collect();
    for volume in cx.volumes.iter().filter(|volume| !shown.contains(&volume.name)) {
        let mounted = cx.containers.iter().find(|container| container.mounts_volume(&volume.name));
        let source =
            LocationSource::Volume { name: Some(volume.name.clone()), anonymous: volume.is_anonymous() };
        let id = newest_backup::id_of_volume(volume);
        let backup = match newest_backup(&backups, &id, &source, warnings) {
            BackupOfPlace::None => backups.of_volume(&volume.name).ok().flatten().into(),
            known => known,
        };
        let record = baseline(cx, &id, warnings);
        rows.push(Row {
            store: None,
            service: mounted.and_then(Container::service).map(str::to_owned),
            id,
            target: None,
            replaced: false,
            there: true,
            disposable: cx.is_disposable() || disposable::is_disposable(cx, &source),
            source,
            bytes: None,
            protection: Protection::None,
            backup,
            record,
        });
    }
    for row in &mut rows {
        match &row.source {
            LocationSource::Volume { name: Some(name), .. } => {
                row.bytes = sizes.get(name).copied();
                row.protection = protect::protection(&cx.holders, name);
            }
            LocationSource::Bind { path } if cx.identity().local && !row.replaced => {
                row.bytes = size(path.clone()).await;
            }
            LocationSource::Bind { .. }
            | LocationSource::Volume { name: None, .. }
            | LocationSource::Tmpfs
            | LocationSource::Layer => {}
        }
    }
    rows
}

fn volume_of(source: &LocationSource) -> Option<&String> {
    match source {
        LocationSource::Volume { name, .. } => name.as_ref(),
        LocationSource::Bind { .. } | LocationSource::Tmpfs | LocationSource::Layer => None,
    }
}

/// The newest backup of what is mounted there. A directory that cannot be read is a warning, and so are backups of which
/// none can be used.
fn newest_backup(
    backups: &NewestBackups<'_>,
    id: &str,
    source: &LocationSource,
    warnings: &mut Vec<String>,
) -> BackupOfPlace {
    match backups.of_location(id, source) {
        Ok(Some(backup)) => Some(backup).into(),
        Ok(None) => match backups.list(id).as_deref().map(|listing| listing.damaged.first()) {
            Ok(Some((path, damage))) => {
                warnings.push(format!(
                    "no backup of `{id}` can be used: {}: {}.",
                    path.display(),
                    causes_of(damage)
                ));
                BackupOfPlace::Unreadable
            }
            Ok(None) | Err(_) => backups
                .marked_of_location(id, source)
                .ok()
                .flatten()
                .map_or(BackupOfPlace::None, |backup| BackupOfPlace::Marked(Box::new(backup))),
        },
        Err(error) => {
            warnings.push(format!("the backups of `{id}` cannot be listed: {}.", causes(&error.into())));
            BackupOfPlace::Unreadable
        }
    }
}

/// A baseline that cannot be read is a warning.
fn baseline(cx: &ProjectContext<'_>, id: &str, warnings: &mut Vec<String>) -> Option<StoreBaseline> {
    StoreBaseline::read(&cx.root, id).unwrap_or_else(|error| {
        warnings.push(format!("the baseline of `{id}` cannot be read: {}.", causes(&error.into())));
        None
    })
}

fn exists(cx: &ProjectContext<'_>, store: &Store, source: &LocationSource) -> bool {
    match source {
        LocationSource::Volume { name: Some(name), .. } => {
            cx.volumes.iter().any(|volume| volume.name == *name)
        }
        LocationSource::Volume { name: None, .. } => false,
        LocationSource::Bind { path } => !cx.identity().local || path.try_exists().unwrap_or(true),
        LocationSource::Tmpfs | LocationSource::Layer => store.container.is_some(),
    }
}

/// The size of a directory's files; `None` when there are too many, or when they cannot be read in time.
async fn size(directory: std::path::PathBuf) -> Option<u64> {
    let counting = tokio::task::spawn_blocking(move || {
        let mut open = vec![directory];
        let (mut bytes, mut seen) = (0, 0);
        while let Some(path) = open.pop() {
            let kind = std::fs::symlink_metadata(&path).ok()?;
            seen += 1;
            if seen > MAX_FILES {
                return None;
            }
            if kind.is_dir() {
                for entry in std::fs::read_dir(&path).ok()? {
                    open.push(entry.ok()?.path());
                }
            } else if kind.is_file() {
                bytes += kind.len();
            }
        }
        Some(bytes)
    });
    tokio::time::timeout(DIRECTORY_TIMEOUT, counting).await.ok()?.ok().flatten()
}
