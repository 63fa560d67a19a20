//! One place with data, as a line of the table, as JSON, and as warnings.

use std::path::Path;

use serde_json::{Value, json};

use super::volume_of;
use crate::backup::record::{Note, Record};
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::engine::{Container, State};
use crate::inventory::{PlaceSource, Store, StoreKind};
use crate::protect::Protection;
use crate::units::Bytes;

/// One place with data.
pub(super) struct Row<'a> {
    /// `None` for a volume of the project that no service is known to keep data in.
    pub(super) store: Option<&'a Store>,
    /// `None` where no service mounts it.
    pub(super) service: Option<String>,
    /// The name that its backups go by.
    pub(super) id: String,
    pub(super) source: PlaceSource,
    pub(super) target: Option<&'a Path>,
    /// Whether it is on the engine already.
    pub(super) there: bool,
    pub(super) disposable: bool,
    pub(super) bytes: Option<u64>,
    pub(super) protection: Protection,
    pub(super) backup: Option<Backup>,
    pub(super) record: Option<Record>,
}

impl Row<'_> {
    fn container(&self) -> Option<&Container> {
        self.store?.container.as_ref()
    }

    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.store
                .map(|store| &store.id)
                .or(self.service.as_ref())
                .map_or_else(String::new, String::clone),
            self.store.map_or("", |store| kind(store.kind)).to_owned(),
            self.container().map_or_else(String::new, state),
            self.place(),
            self.bytes.map_or_else(String::new, |bytes| Bytes(bytes).to_string()),
            self.protected().to_owned(),
            self.backup.as_ref().map_or_else(
                || "none".to_owned(),
                |backup| {
                    let manifest = &backup.manifest;
                    format!("{}, {}", format::ago(manifest.created), format::proof(backup.proof()))
                },
            ),
            self.record.as_ref().map_or_else(String::new, last_stop),
        ]
    }

    fn place(&self) -> String {
        let place = match &self.source {
            PlaceSource::Volume { name: Some(name), anonymous: false } => format!("volume {name}"),
            PlaceSource::Volume { name: Some(name), anonymous: true } => {
                format!("anonymous volume {}…", name.get(..12).unwrap_or(name))
            }
            PlaceSource::Volume { name: None, .. } => "anonymous volume".to_owned(),
            PlaceSource::Bind { path } => format::short_path(path),
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
    pub(super) fn warnings(&self, cx: &ProjectContext<'_>) -> Vec<String> {
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
                "the holder of `{volume}` is stopped, and any `prune` removes it. To start it: `{}`",
                cx.suggest().protect(volume)
            ));
        }
        if self.there
            && self.backup.is_none()
            && !self.disposable
            && !matches!(self.source, PlaceSource::Tmpfs)
        {
            warnings.push(match self.store {
                Some(store) => {
                    format!("`{}` has no backup yet. To make one: `{}`", store.id, cx.suggest().backup())
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

    pub(super) fn json(&self) -> Value {
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
            "newest_backup": self.backup.as_ref().map(format::backup_json),
            "last_stop": self.record.as_ref().map(|record| json!({
                "time": record.time,
                "note": record.note,
                "backup": record.backup,
                "holds": record.fingerprint.as_ref().map(format::contents),
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
    let ago = format::ago(record.time);
    match &record.note {
        Note::Stopped => ago,
        Note::Destroyed { .. } => format!("destroyed {ago}"),
        Note::Accepted => format!("accepted {ago}"),
    }
}
