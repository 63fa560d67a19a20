//! The data of one project in a few figures.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::row::{BackupOfPlace, Row};
use super::volume_of;
use crate::backup::baseline::UnresolvedLoss;
use crate::commands::context::ProjectContext;
use crate::inventory::LocationSource;
use crate::protect::Protection;

/// The data of one project.
pub(in crate::commands) struct Overview {
    pub(in crate::commands) project: String,
    /// Whether its Compose file could be read.
    pub(in crate::commands) is_read: bool,
    pub(in crate::commands) containers: usize,
    pub(in crate::commands) running: usize,
    /// Each volume and directory once.
    pub(in crate::commands) data: Vec<DataOverview>,
    pub(in crate::commands) losses: Vec<(String, UnresolvedLoss)>,
}

/// One volume or directory.
pub(in crate::commands) struct DataOverview {
    /// The service, or the name of its backups where no service mounts it.
    pub(in crate::commands) service: String,
    /// As manifests name it.
    pub(in crate::commands) place: String,
    /// Unknown where the engine or the file system did not tell in time.
    pub(in crate::commands) bytes: Option<u64>,
    /// `None` for what cannot be protected.
    pub(in crate::commands) is_protected: Option<bool>,
    /// It should have a backup.
    pub(in crate::commands) needs_backup: bool,
    pub(in crate::commands) backed_up: Option<Timestamp>,
    /// Backups of it may exist, but cannot be read.
    pub(in crate::commands) backups_unreadable: bool,
}

/// How current the backups of a project are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) struct BackupCoverage {
    /// How many volumes and directories should have a backup, and how many have one.
    pub(in crate::commands) needed: usize,
    pub(in crate::commands) existing: usize,
    /// Of how many without a known backup there may be backups that cannot be read.
    pub(in crate::commands) unreadable: usize,
    /// The time of the oldest of their newest backups.
    pub(in crate::commands) oldest: Option<Timestamp>,
}

impl Overview {
    pub(super) fn of(cx: &ProjectContext<'_>, rows: &[Row<'_>]) -> Self {
        let containers: Vec<_> = cx.containers.iter().filter(|container| !container.is_one_off()).collect();
        let mut seen = BTreeSet::new();
        let mut data = Vec::new();
        for row in rows.iter().filter(|row| row.there) {
            let place = row.source.to_string();
            // What is in a container belongs to it alone.
            let is_shared = !matches!(row.source, LocationSource::Layer | LocationSource::Tmpfs);
            if !is_shared || seen.insert(place.clone()) {
                data.push(DataOverview::of(row, place));
            }
        }
        let mut losses: Vec<(String, UnresolvedLoss)> = Vec::new();
        for row in rows {
            let loss = row.record.as_ref().and_then(|record| record.loss.clone());
            if let Some(loss) = loss.filter(|_| losses.iter().all(|(known, _)| *known != row.id)) {
                losses.push((row.id.clone(), loss));
            }
        }
        Self {
            project: cx.project.name.clone(),
            is_read: true,
            running: containers.iter().filter(|container| container.is_running()).count(),
            containers: containers.len(),
            data,
            losses,
        }
    }

    /// The size of its data; `None` if none of it is known.
    pub(in crate::commands) fn bytes(&self) -> Option<u64> {
        let known: Vec<u64> = self.data.iter().filter_map(|data| data.bytes).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// How many volumes can be protected, and how many are.
    pub(in crate::commands) fn protection(&self) -> (usize, usize) {
        let volumes = self.data.iter().filter_map(|data| data.is_protected);
        volumes.fold((0, 0), |(all, held), is_held| (all + 1, held + usize::from(is_held)))
    }

    pub(in crate::commands) fn backups(&self) -> BackupCoverage {
        let needed = || self.data.iter().filter(|data| data.needs_backup);
        let existing = needed().filter_map(|data| data.backed_up);
        BackupCoverage {
            needed: needed().count(),
            existing: existing.clone().count(),
            unreadable: needed().filter(|data| data.backups_unreadable).count(),
            oldest: existing.min(),
        }
    }
}

impl DataOverview {
    fn of(row: &Row<'_>, place: String) -> Self {
        let is_kept = !row.disposable && !matches!(row.source, LocationSource::Tmpfs);
        Self {
            service: row.service.clone().unwrap_or_else(|| row.id.clone()),
            place,
            bytes: row.bytes,
            is_protected: volume_of(&row.source)
                .filter(|_| is_kept)
                .map(|_| row.protection == Protection::Holding),
            needs_backup: is_kept,
            backed_up: row.backup.found().map(|backup| backup.manifest.created),
            backups_unreadable: matches!(row.backup, BackupOfPlace::Unreadable),
        }
    }
}
