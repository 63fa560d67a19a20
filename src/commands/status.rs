//! `safe-compose status`: this project's data and how safe it is, at one glance.
//!
//! It changes nothing, and asks no server: it has to answer when half of the stack is down.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::describe;
use super::stack::{Asked, Stack};
use crate::backup::record::{Note, Record};
use crate::backup::store::Backup;
use crate::cli::{Format, Status};
use crate::engine::{Container, State, Volume};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Place, PlaceSource, Store, StoreKind};
use crate::protect::{self, Protection};
use crate::ui::table;
use crate::units::Bytes;

const HEADINGS: &[&str] =
    &["SERVICE", "KIND", "STATE", "DATA IN", "SIZE", "PROTECTED", "NEWEST BACKUP", "LAST STOP"];

/// How long the engine may measure its volumes; unknown sizes are better than no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most files of a directory that are counted for its size.
const FILES: usize = 20_000;

/// One place with data.
struct Row<'a> {
    /// `None` for a volume of the project that no service is known to keep data in.
    store: Option<&'a Store>,
    /// `None` where no service mounts it.
    service: Option<String>,
    /// The name that its backups go by.
    id: String,
    source: PlaceSource,
    target: Option<&'a Path>,
    /// Whether it is on the engine already.
    there: bool,
    disposable: bool,
    bytes: Option<u64>,
    protection: Protection,
    backup: Option<Backup>,
    record: Option<Record>,
}

pub(super) async fn run(asked: &Asked, args: &Status) -> Result<Exit, Failure> {
    let stack = Stack::gather(asked).await?;
    let mut warnings = Vec::new();
    let rows = rows(&stack, &mut warnings).await;
    for warning in rows.iter().flat_map(|row| row.warnings(&stack)) {
        // A service with several places has some to itself and some in common.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    if args.format == Format::Json {
        asked.ui.result(describe::json(&json!({
            "format": "safe-compose-status",
            "format_version": 1,
            "project": stack.project.name,
            "engine": { "id": stack.identity().id, "name": stack.identity().name, "endpoint": stack.identity().endpoint },
            "data": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "warnings": warnings,
        })));
        return Ok(Exit::Success);
    }
    let head = format!("project `{}`{}", stack.project.name, describe::elsewhere(&stack));
    if rows.is_empty() {
        asked.ui.result(format!("No service of {head} holds data."));
    } else {
        let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        asked.ui.result(format!("Data of {head}:\n\n{}", table::render(HEADINGS, &cells)));
    }
    for warning in &warnings {
        asked.ui.warn(warning);
    }
    Ok(Exit::Success)
}

/// Every place of every service that can hold data, then the other volumes of the project.
async fn rows<'a>(stack: &'a Stack<'_>, warnings: &mut Vec<String>) -> Vec<Row<'a>> {
    let measured = tokio::time::timeout(PATIENCE, stack.engine.volume_sizes()).await;
    let sizes = if let Ok(Ok(sizes)) = measured {
        sizes
    } else {
        warnings.push("the engine did not tell how big its volumes are.".to_owned());
        BTreeMap::new()
    };
    let mut rows: Vec<Row<'a>> = Vec::new();
    for store in &stack.inventory.stores {
        let (backup, record) = remembered(stack, &store.id, warnings);
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
                there: is_there(stack, store, &place.source),
                disposable: stack.is_disposable() || is_disposable(stack, &place.source),
                bytes: None,
                protection: Protection::None,
                backup: backup.clone(),
                record: record.clone(),
            });
        }
    }
    for volume in &stack.volumes {
        if rows.iter().any(|row| volume_of(&row.source) == Some(&volume.name)) {
            continue;
        }
        let mounted = stack.containers.iter().find(|container| container.mounts_volume(&volume.name));
        let source =
            PlaceSource::Volume { name: Some(volume.name.clone()), anonymous: volume.is_anonymous() };
        // As backups of a volume without a service are called.
        let id = format!("volume-{}", volume.compose_key().unwrap_or(&volume.name));
        let (backup, record) = remembered(stack, &id, warnings);
        rows.push(Row {
            store: None,
            service: mounted.and_then(Container::service).map(str::to_owned),
            id,
            target: None,
            there: true,
            disposable: stack.is_disposable() || is_disposable(stack, &source),
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
                row.protection = protect::protection(&stack.holders, name);
            }
            PlaceSource::Bind { path } if stack.identity().local => row.bytes = size(path.clone()).await,
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
fn remembered(stack: &Stack<'_>, id: &str, warnings: &mut Vec<String>) -> (Option<Backup>, Option<Record>) {
    let backup = stack.root.latest(id).unwrap_or_else(|error| {
        warnings.push(format!("the backups of `{id}` cannot be listed: {:#}.", anyhow::Error::from(error)));
        None
    });
    let record = Record::read(&stack.root, id).unwrap_or_else(|error| {
        warnings.push(format!("what `{id}` held cannot be read: {:#}.", anyhow::Error::from(error)));
        None
    });
    (backup, record)
}

fn is_there(stack: &Stack<'_>, store: &Store, source: &PlaceSource) -> bool {
    match source {
        PlaceSource::Volume { name: Some(name), .. } => {
            stack.volumes.iter().any(|volume| volume.name == *name)
        }
        PlaceSource::Volume { name: None, .. } => false,
        PlaceSource::Bind { path } => !stack.identity().local || path.try_exists().unwrap_or(true),
        PlaceSource::Tmpfs | PlaceSource::Layer => store.container.is_some(),
    }
}

fn is_disposable(stack: &Stack<'_>, source: &PlaceSource) -> bool {
    let Some(name) = volume_of(source) else { return false };
    let labelled = stack.volumes.iter().find(|volume| volume.name == *name).and_then(Volume::compose_key);
    let declared = stack.project.whole_model().into_iter().flat_map(|model| &model.volumes);
    let by_file = declared.filter(|(_, volume)| volume.name == *name).map(|(key, _)| key.as_str());
    labelled
        .into_iter()
        .chain(by_file)
        .any(|key| stack.settings.volumes.get(key).is_some_and(|volume| volume.disposable))
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

impl Row<'_> {
    fn container(&self) -> Option<&Container> {
        self.store?.container.as_ref()
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.store
                .map(|store| &store.id)
                .or(self.service.as_ref())
                .map_or("-", String::as_str)
                .to_owned(),
            self.store.map_or("-", |store| kind(store.kind)).to_owned(),
            self.container().map_or_else(|| "-".to_owned(), state),
            self.place(),
            self.bytes.map_or_else(|| "?".to_owned(), |bytes| Bytes(bytes).to_string()),
            self.protected().to_owned(),
            self.backup.as_ref().map_or_else(
                || "none".to_owned(),
                |backup| {
                    let manifest = &backup.manifest;
                    format!("{}, {}", describe::ago(manifest.created), describe::proof(backup.proof()))
                },
            ),
            self.record.as_ref().map_or_else(|| "-".to_owned(), last_stop),
        ]
    }

    fn place(&self) -> String {
        let place = match &self.source {
            PlaceSource::Volume { name: Some(name), anonymous: false } => format!("volume {name}"),
            PlaceSource::Volume { name: Some(name), anonymous: true } => {
                format!("anonymous volume {}…", name.get(..12).unwrap_or(name))
            }
            PlaceSource::Volume { name: None, .. } => "anonymous volume".to_owned(),
            PlaceSource::Bind { path } => describe::short_path(path),
            PlaceSource::Tmpfs => "memory".to_owned(),
            PlaceSource::Layer => "the container".to_owned(),
        };
        if self.there { place } else { format!("{place} (not there yet)") }
    }

    fn protected(&self) -> &'static str {
        match (&self.source, self.protection) {
            (PlaceSource::Volume { .. }, Protection::Holding) => "yes",
            (PlaceSource::Volume { .. }, Protection::Stopped) => "holder stopped",
            (PlaceSource::Volume { .. }, Protection::None) if self.disposable => "disposable",
            (PlaceSource::Volume { .. }, Protection::None) => "no",
            (PlaceSource::Bind { .. } | PlaceSource::Tmpfs | PlaceSource::Layer, _) => "-",
        }
    }

    /// Sentences about what could go wrong with it, each with its way out.
    fn warnings(&self, stack: &Stack<'_>) -> Vec<String> {
        let mut warnings = Vec::new();
        let target = self.target.map_or_else(String::new, |target| target.display().to_string());
        let name = self.store.map_or(self.id.as_str(), |store| &store.service);
        match &self.source {
            PlaceSource::Layer => warnings.push(format!(
                "`{name}` keeps its data inside its container: nothing is mounted at `{target}`, and the next `down` deletes it."
            )),
            PlaceSource::Volume { anonymous: true, .. } if self.store.is_some() => warnings.push(format!(
                "`{name}` keeps data at `{target}` in an anonymous volume: after the next `down` nothing finds it."
            )),
            PlaceSource::Tmpfs => warnings.push(format!(
                "`{name}` keeps data at `{target}` in memory: it is empty after any stop."
            )),
            PlaceSource::Volume { .. } | PlaceSource::Bind { .. } => {}
        }
        if let (Protection::Stopped, Some(volume)) = (self.protection, volume_of(&self.source)) {
            warnings.push(format!(
                "the holder of `{volume}` is stopped, and any `prune` removes it. To start it: {}",
                stack.suggest().protect(volume)
            ));
        }
        if self.there
            && self.backup.is_none()
            && !self.disposable
            && !matches!(self.source, PlaceSource::Tmpfs)
        {
            warnings.push(match self.store {
                Some(store) => {
                    format!("`{}` has no backup yet. To make one: {}", store.id, stack.suggest().backup())
                }
                None if self.service.is_some() => return warnings,
                None => format!(
                    "no service mounts volume `{}`, and it has no backup.",
                    volume_of(&self.source).map_or("", String::as_str)
                ),
            });
        }
        warnings
    }

    fn json(&self) -> Value {
        let place = match &self.source {
            PlaceSource::Volume { name, anonymous } => {
                json!({ "type": "volume", "name": name, "anonymous": anonymous })
            }
            PlaceSource::Bind { path } => json!({ "type": "directory", "path": path }),
            PlaceSource::Tmpfs => json!({ "type": "tmpfs" }),
            PlaceSource::Layer => json!({ "type": "layer" }),
        };
        let protection = match (&self.source, self.protection) {
            (PlaceSource::Volume { .. }, Protection::Holding) => json!("holding"),
            (PlaceSource::Volume { .. }, Protection::Stopped) => json!("stopped"),
            (PlaceSource::Volume { .. }, Protection::None) => json!("none"),
            (PlaceSource::Bind { .. } | PlaceSource::Tmpfs | PlaceSource::Layer, _) => Value::Null,
        };
        json!({
            "service": self.service,
            "id": self.id,
            "kind": self.store.map(|store| store.kind),
            "container": self.container().map(|container| json!({
                "name": container.name,
                "state": state_word(container.state),
                "health": container.health,
            })),
            "place": place,
            "target": self.target,
            "exists": self.there,
            "bytes": self.bytes,
            "protection": protection,
            "disposable": self.disposable,
            "newest_backup": self.backup.as_ref().map(describe::backup_json),
            "last_stop": self.record.as_ref().map(|record| json!({
                "time": record.time,
                "note": record.note,
                "backup": record.backup,
                "holds": record.fingerprint.as_ref().map(describe::contents),
            })),
        })
    }
}

fn kind(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Qdrant => "qdrant",
        StoreKind::Volume => "files",
    }
}

/// `running, healthy`; for what has ended, with what.
fn state(container: &Container) -> String {
    let word = state_word(container.state);
    match (container.state, &container.health) {
        (State::Exited | State::Dead, _) => format!("{word} ({})", container.exit_code),
        (_, Some(health)) => format!("{word}, {health}"),
        (_, None) => word.to_owned(),
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running => "running",
        State::Paused => "paused",
        State::Restarting => "restarting",
        State::Exited => "exited",
        State::Dead => "dead",
        State::Removing => "removing",
    }
}

fn last_stop(record: &Record) -> String {
    let ago = describe::ago(record.time);
    match &record.note {
        Note::Stopped => ago,
        Note::Destroyed { .. } => format!("destroyed {ago}"),
        Note::Accepted => format!("accepted {ago}"),
    }
}
