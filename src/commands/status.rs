//! `safe-compose status`: this project's data and how safe it is, at one glance.
//!
//! It changes nothing, and asks no server: it has to answer when half of the stack is down.

mod row;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use row::Row;

use super::context::{CommandContext, ProjectContext};
use super::format;
use crate::backup::record::Record;
use crate::backup::store::Backup;
use crate::cli::{Format, StatusArgs};
use crate::engine::{Container, Volume};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Place, PlaceSource, Store};
use crate::protect::{self, Protection};
use crate::ui::{Column, Page, Table};

const COLUMNS: &[Column] = &[
    Column::name("SERVICE"),
    Column::fixed("KIND"),
    Column::fixed("STATE"),
    Column::name("DATA IN"),
    Column::fixed("SIZE"),
    Column::fixed("PROTECTED"),
    Column::detail("BACKUP"),
    Column::detail("LAST STOP"),
];

/// How long the engine may measure its volumes; unknown sizes are better than no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most files of a directory that are counted for its size.
const FILES: usize = 20_000;

pub(super) async fn run(command: &CommandContext, args: &StatusArgs) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let mut warnings = Vec::new();
    let rows = rows(&cx, &mut warnings).await;
    for warning in rows.iter().flat_map(|row| row.warnings(&cx)) {
        // A service with several places has some to itself and some in common.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    if args.format == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-status",
            "format_version": 1,
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

/// Every place of every service that can hold data, then the other volumes of the project.
async fn rows<'a>(cx: &'a ProjectContext<'_>, warnings: &mut Vec<String>) -> Vec<Row<'a>> {
    let measured = tokio::time::timeout(PATIENCE, cx.engine.volume_sizes()).await;
    let sizes = if let Ok(Ok(sizes)) = measured {
        sizes
    } else {
        warnings.push("the engine did not tell how big its volumes are.".to_owned());
        BTreeMap::new()
    };
    let mut rows: Vec<Row<'a>> = Vec::new();
    for store in &cx.inventory.stores {
        let (backup, record) = remembered(cx, &store.id, warnings);
        // A directory that is only read is configuration; a volume that is only read was written by somebody else.
        let configuration =
            |place: &Place| place.read_only && matches!(place.source, PlaceSource::Bind { .. });
        for place in store.places.iter().filter(|place| !configuration(place)) {
            rows.push(Row {
                store: Some(store),
                service: Some(store.service.clone()),
                id: store.id.clone(),
                source: place.source.clone(),
                target: Some(&place.target),
                there: is_there(cx, store, &place.source),
                disposable: cx.is_disposable() || is_disposable(cx, &place.source),
                bytes: None,
                protection: Protection::None,
                backup: backup.clone(),
                record: record.clone(),
            });
        }
    }
    for volume in &cx.volumes {
        if rows.iter().any(|row| volume_of(&row.source) == Some(&volume.name)) {
            continue;
        }
        let mounted = cx.containers.iter().find(|container| container.mounts_volume(&volume.name));
        let source =
            PlaceSource::Volume { name: Some(volume.name.clone()), anonymous: volume.is_anonymous() };
        // As backups of a volume without a service are called.
        let id = format!("volume-{}", volume.compose_key().unwrap_or(&volume.name));
        let (backup, record) = remembered(cx, &id, warnings);
        rows.push(Row {
            store: None,
            service: mounted.and_then(Container::service).map(str::to_owned),
            id,
            target: None,
            there: true,
            disposable: cx.is_disposable() || is_disposable(cx, &source),
            source,
            bytes: None,
            protection: Protection::None,
            backup,
            record,
        });
    }
    for row in &mut rows {
        match &row.source {
            PlaceSource::Volume { name: Some(name), .. } => {
                row.bytes = sizes.get(name).copied();
                row.protection = protect::protection(&cx.holders, name);
            }
            PlaceSource::Bind { path } if cx.identity().local => row.bytes = size(path.clone()).await,
            PlaceSource::Bind { .. }
            | PlaceSource::Volume { name: None, .. }
            | PlaceSource::Tmpfs
            | PlaceSource::Layer => {}
        }
    }
    rows
}

fn volume_of(source: &PlaceSource) -> Option<&String> {
    match source {
        PlaceSource::Volume { name, .. } => name.as_ref(),
        PlaceSource::Bind { .. } | PlaceSource::Tmpfs | PlaceSource::Layer => None,
    }
}

/// The newest backup and the last record, by the name of their directory. What cannot be read is worth a warning.
fn remembered(
    cx: &ProjectContext<'_>,
    id: &str,
    warnings: &mut Vec<String>,
) -> (Option<Backup>, Option<Record>) {
    let backup = cx.root.latest(id).unwrap_or_else(|error| {
        warnings.push(format!("the backups of `{id}` cannot be listed: {:#}.", anyhow::Error::from(error)));
        None
    });
    let record = Record::read(&cx.root, id).unwrap_or_else(|error| {
        warnings.push(format!("what `{id}` held cannot be read: {:#}.", anyhow::Error::from(error)));
        None
    });
    (backup, record)
}

fn is_there(cx: &ProjectContext<'_>, store: &Store, source: &PlaceSource) -> bool {
    match source {
        PlaceSource::Volume { name: Some(name), .. } => cx.volumes.iter().any(|volume| volume.name == *name),
        PlaceSource::Volume { name: None, .. } => false,
        PlaceSource::Bind { path } => !cx.identity().local || path.try_exists().unwrap_or(true),
        PlaceSource::Tmpfs | PlaceSource::Layer => store.container.is_some(),
    }
}

fn is_disposable(cx: &ProjectContext<'_>, source: &PlaceSource) -> bool {
    let Some(name) = volume_of(source) else { return false };
    let labelled = cx.volumes.iter().find(|volume| volume.name == *name).and_then(Volume::compose_key);
    let declared = cx.project.whole_model().into_iter().flat_map(|model| &model.volumes);
    let by_file = declared.filter(|(_, volume)| volume.name == *name).map(|(key, _)| key.as_str());
    labelled
        .into_iter()
        .chain(by_file)
        .any(|key| cx.settings.volumes.get(key).is_some_and(|volume| volume.disposable))
}

/// The bytes of a directory's files; `None` when it is large, or not ours to read.
async fn size(directory: std::path::PathBuf) -> Option<u64> {
    tokio::task::spawn_blocking(move || {
        let mut open = vec![directory];
        let (mut bytes, mut seen) = (0, 0);
        while let Some(path) = open.pop() {
            let kind = std::fs::symlink_metadata(&path).ok()?;
            seen += 1;
            if seen > FILES {
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
    })
    .await
    .ok()
    .flatten()
}
