//! One data mount: as a row of the table, as JSON, and as warnings.

use std::path::Path;
use std::rc::Rc;

use serde_json::{Value, json};

use super::volume_of;
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::manifest::BackupRole;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::engine::{Container, ContainerState};
use crate::inventory::{LocationSource, Store, StoreKind};
use crate::protect::Protection;
use crate::units::Bytes;

/// The newest backup of what is mounted somewhere.
pub(super) enum BackupOfPlace {
    Found(Rc<Backup>),
    /// The newest of those that are never chosen without their name, where there is no other.
    Marked(Box<Backup>),
    None,
    /// The directory of the backups cannot be read, so there may be one.
    Unreadable,
}

impl BackupOfPlace {
    pub(super) fn found(&self) -> Option<&Backup> {
        match self {
            Self::Found(backup) => Some(backup),
            Self::Marked(_) | Self::None | Self::Unreadable => None,
        }
    }

    fn marked(&self) -> Option<&Backup> {
        match self {
            Self::Marked(backup) => Some(backup),
            Self::Found(_) | Self::None | Self::Unreadable => None,
        }
    }
}

impl From<Option<Rc<Backup>>> for BackupOfPlace {
    fn from(backup: Option<Rc<Backup>>) -> Self {
        backup.map_or(Self::None, Self::Found)
    }
}

/// One data mount.
pub(super) struct Row<'a> {
    /// `None` for a volume of the project that no service is known to keep data in.
    pub(super) store: Option<&'a Store>,
    /// `None` where no service mounts it.
    pub(super) service: Option<String>,
    /// The name of its backups.
    pub(super) id: String,
    pub(super) source: LocationSource,
    pub(super) target: Option<&'a Path>,
    /// The running container has another directory than the path on the host leads to.
    pub(super) replaced: bool,
    /// Whether it exists on the engine.
    pub(super) there: bool,
    pub(super) disposable: bool,
    pub(super) bytes: Option<u64>,
    pub(super) protection: Protection,
    pub(super) backup: BackupOfPlace,
    pub(super) record: Option<StoreBaseline>,
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
            match &self.backup {
                BackupOfPlace::Found(backup) => {
                    format!("{}, {}", format::ago(backup.manifest.created), format::reliability(backup))
                }
                BackupOfPlace::Marked(backup) => {
                    format!("{}, {}", format::ago(backup.manifest.created), mark(backup))
                }
                BackupOfPlace::None => "none".to_owned(),
                BackupOfPlace::Unreadable => format::UNREADABLE.to_owned(),
            },
            self.record.as_ref().map_or_else(String::new, baseline),
        ]
    }

    fn place(&self) -> String {
        let place = match &self.source {
            LocationSource::Volume { name: Some(name), anonymous: false } => format!("volume {name}"),
            LocationSource::Volume { name: Some(name), anonymous: true } => {
                format!("anonymous volume {}…", name.get(..12).unwrap_or(name))
            }
            LocationSource::Volume { name: None, .. } => "anonymous volume".to_owned(),
            LocationSource::Bind { path } => format::short_path(path),
            LocationSource::Tmpfs => "memory".to_owned(),
            LocationSource::Layer => "the container".to_owned(),
        };
        if self.replaced {
            format!("{place} (replaced)")
        } else if self.there {
            place
        } else {
            format!("{place} (not created yet)")
        }
    }

    fn protected(&self) -> &'static str {
        match (&self.source, self.protection) {
            (LocationSource::Volume { .. }, Protection::Holding) => "yes",
            (LocationSource::Volume { .. }, Protection::Stopped) => "holder stopped",
            (LocationSource::Volume { .. }, Protection::None) if self.disposable => "disposable",
            (LocationSource::Volume { .. }, Protection::None) => "no",
            (LocationSource::Bind { .. } | LocationSource::Tmpfs | LocationSource::Layer, _) => "-",
        }
    }

    /// Sentences about what could go wrong, each with a remedy.
    pub(super) fn warnings(&self, cx: &ProjectContext<'_>) -> Vec<String> {
        let mut warnings = Vec::new();
        let target = self.target.map_or_else(String::new, |target| target.display().to_string());
        let name = self.store.map_or(self.id.as_str(), |store| &store.service);
        match &self.source {
            LocationSource::Layer => warnings.push(format!(
                "`{name}` keeps its data inside its container: nothing is mounted at `{target}`, and the next `down` deletes it."
            )),
            LocationSource::Volume { anonymous: true, .. } if self.store.is_some() => warnings.push(format!(
                "`{name}` keeps data at `{target}` in an anonymous volume: after the next `down`, no service uses that volume any more."
            )),
            LocationSource::Tmpfs => warnings.push(format!(
                "`{name}` keeps data at `{target}` in memory: it is lost at every stop."
            )),
            LocationSource::Bind { path } if self.replaced => warnings.push(format!(
                "`{}` leads to another directory than the one that the running container of `{name}` has at `{target}`: when the container stops, the service loses sight of its data. To save what the container has: `{}`",
                path.display(),
                cx.suggest().backup()
            )),
            LocationSource::Volume { .. } | LocationSource::Bind { .. } => {}
        }
        if let Some(container) =
            self.container().filter(|container| container.state == ContainerState::Restarting)
        {
            warnings.push(format!(
                "`{name}` restarts again and again, and last ended with exit code {}. To see its log: `{}`",
                container.exit_code,
                cx.suggest().logs(name)
            ));
        }
        if let (Protection::Stopped, Some(volume)) = (self.protection, volume_of(&self.source)) {
            warnings.push(format!(
                "the holder container of `{volume}` is stopped, so any `prune` removes it. To start it: `{}`",
                cx.suggest().protect(volume)
            ));
        }
        if let Some(loss) = self.record.as_ref().and_then(|record| record.loss.as_ref()) {
            let restore = match &self.backup {
                BackupOfPlace::Found(_) | BackupOfPlace::Unreadable => {
                    format!("To restore it: `{}`.", cx.suggest().restore_latest(name))
                }
                BackupOfPlace::Marked(_) | BackupOfPlace::None => {
                    "It has no backup from before the loss.".to_owned()
                }
            };
            warnings.push(format!(
                "`{name}` has lost data (reported {}), and it was neither restored nor accepted. {restore} To accept the current state: `{}`",
                format::ago(loss.found),
                cx.suggest().accept()
            ));
        }
        if let Some(manifest) = self.backup.found().map(|backup| &backup.manifest)
            && let Some(shrinkage) = &manifest.shrinkage
        {
            warnings.push(format!(
                "{}. If that is expected: `{}`",
                format::shrinkage(manifest, shrinkage),
                cx.suggest().accept()
            ));
        }
        if let Some(backup) = self.backup.marked().filter(|_| !self.disposable) {
            warnings.push(format!(
                "`{name}` has no other backup than `{}` ({}), which is restored only by its name.",
                backup.name(),
                mark(backup)
            ));
        }
        if self.there
            && matches!(self.backup, BackupOfPlace::None)
            && !self.disposable
            && !matches!(self.source, LocationSource::Tmpfs)
        {
            warnings.push(match self.store {
                Some(store) => {
                    format!("`{}` has no backup yet. To make one: `{}`", store.id, cx.suggest().backup())
                }
                None if self.service.is_some() => return warnings,
                None => format!(
                    "volume `{}` has no backup, and no service mounts it.",
                    volume_of(&self.source).map_or("", String::as_str)
                ),
            });
        }
        warnings
    }

    pub(super) fn json(&self) -> Value {
        let place = match &self.source {
            LocationSource::Volume { name, anonymous } => {
                json!({ "type": "volume", "name": name, "anonymous": anonymous })
            }
            LocationSource::Bind { path } => json!({ "type": "directory", "path": path }),
            LocationSource::Tmpfs => json!({ "type": "tmpfs" }),
            LocationSource::Layer => json!({ "type": "layer" }),
        };
        let protection = match (&self.source, self.protection) {
            (LocationSource::Volume { .. }, Protection::Holding) => json!("holding"),
            (LocationSource::Volume { .. }, Protection::Stopped) => json!("stopped"),
            (LocationSource::Volume { .. }, Protection::None) => json!("none"),
            (LocationSource::Bind { .. } | LocationSource::Tmpfs | LocationSource::Layer, _) => Value::Null,
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
            "replaced": self.replaced,
            "bytes": self.bytes,
            "protection": protection,
            "disposable": self.disposable,
            "newest_backup": self.backup.found().map(format::backup_json),
            "marked_backup": self.backup.marked().map(format::backup_json),
            "backups_unreadable": matches!(self.backup, BackupOfPlace::Unreadable),
            "baseline": self.record.as_ref().map(|record| json!({
                "time": record.time,
                "note": record.note,
                "backup": record.backup,
                "contents": record.fingerprint.as_ref().map(format::contents),
                "loss": record.loss,
            })),
        })
    }
}

/// Why a backup is never chosen without its name.
fn mark(backup: &Backup) -> &'static str {
    match backup.manifest.role {
        BackupRole::AfterLoss => "after a loss",
        BackupRole::SafetyCopy => "before a restore",
        BackupRole::Normal => "test restore failed",
    }
}

fn kind(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Qdrant => "qdrant",
        StoreKind::Volume | StoreKind::Sql(_) => "files",
    }
}

/// `running, healthy`; for what has ended, with what.
fn state(container: &Container) -> String {
    let word = state_word(container.state);
    match (container.state, &container.health) {
        (ContainerState::Exited | ContainerState::Dead, _) => format!("{word} ({})", container.exit_code),
        (_, Some(health)) => format!("{word}, {health}"),
        (_, None) => word.to_owned(),
    }
}

fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Exited => "exited",
        ContainerState::Dead => "dead",
        ContainerState::Removing => "removing",
    }
}

fn baseline(record: &StoreBaseline) -> String {
    let ago = format::ago(record.time);
    match &record.note {
        Note::Stopped => ago,
        Note::Destroyed { .. } => format!("destroyed {ago}"),
        Note::Accepted => format!("accepted {ago}"),
        Note::Seen => format!("seen {ago}"),
    }
}
