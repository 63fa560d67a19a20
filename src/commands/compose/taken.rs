//! What a command takes, and what runs before it: recorded for `undo`.

use std::collections::{BTreeMap, BTreeSet};

use super::assess::keeps_data_in;
use super::backup_step::BackupOutcome;
use crate::backup::store::Backup;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::engine::Container;
use crate::inventory::Store;
use crate::journal::{NoBackup, RecordedImage, RecordedLoss, UndoRecord};
use crate::policy::{Assessment, Effect, Impact, Subject};

/// The data that the command is about to take with the backups that have it, and the state of the services.
pub(super) fn record(cx: &ProjectContext<'_>, plan: &Assessment, backups: &BackupOutcome) -> UndoRecord {
    let services = |runs: bool| -> BTreeSet<&str> {
        let own = cx.containers.iter().filter(|one| !one.is_one_off() && one.is_running() == runs);
        own.filter_map(Container::service).collect()
    };
    let running = services(true);
    let names = |services: BTreeSet<&str>| services.into_iter().map(str::to_owned).collect();
    let stopped: BTreeSet<&str> = services(false).difference(&running).copied().collect();
    let taken = plan.impacts.iter().filter(|impact| impact.effect >= Effect::Orphan);
    let mut losses: Vec<RecordedLoss> = Vec::new();
    for impact in taken {
        let loss = loss(cx, impact, backups);
        // A container may have had its image's files only; every container has a layer.
        let is_known = loss.without_backup != Some(NoBackup::NotKnown) || format::is_reported(impact);
        if is_known && !losses.contains(&loss) {
            losses.push(loss);
        }
    }
    UndoRecord {
        running: names(running),
        stopped: names(stopped),
        replicas: replicas(cx),
        losses,
        images: BTreeMap::new(),
    }
}

/// How many containers each service has, where it has more than one.
fn replicas(cx: &ProjectContext<'_>) -> BTreeMap<String, usize> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let own = cx.containers.iter().filter(|container| !container.is_one_off());
    for service in own.filter_map(Container::service) {
        *count.entry(service.to_owned()).or_default() += 1;
    }
    count.retain(|_, containers| *containers > 1);
    count
}

fn loss(cx: &ProjectContext<'_>, impact: &Impact, backups: &BackupOutcome) -> RecordedLoss {
    let backup = backup_of(&impact.subject, backups).map(Backup::name);
    let without_backup = match &backup {
        Some(_) => None,
        None if impact.disposable || cx.is_disposable() => Some(NoBackup::Disposable),
        None if impact.notice => Some(NoBackup::NotKnown),
        None if impact.effect == Effect::Orphan => Some(NoBackup::LeftBehind),
        None if backups.waived => Some(NoBackup::Skipped),
        None => Some(NoBackup::Impossible),
    };
    let image = match &impact.subject {
        Subject::Image { name, id } => Some(RecordedImage { name: name.clone(), id: id.clone() }),
        Subject::Volume { .. }
        | Subject::Directory { .. }
        | Subject::Layer { .. }
        | Subject::Tmpfs { .. }
        | Subject::Collection { .. }
        | Subject::Service { .. } => None,
    };
    RecordedLoss {
        subject: format::subject(&impact.subject),
        services: impact.services.iter().cloned().collect(),
        backup,
        left_behind: impact.effect == Effect::Orphan,
        without_backup,
        image,
    }
}

/// The backup that has the data of a subject.
fn backup_of<'a>(subject: &Subject, backups: &'a BackupOutcome) -> Option<&'a Backup> {
    let created = backups.created.iter().map(|saved| (&saved.store, saved.backup.backup()));
    let current = backups.current.iter().map(|(store, backup)| (store, backup.backup()));
    let has = |store: &Store| keeps_data_in(store, subject);
    created.chain(current).find(|(store, _)| has(store)).map(|(_, backup)| backup)
}

/// After a command that took data: how to bring it back.
pub(super) fn suggest_undo(cx: &ProjectContext<'_>, plan: &Assessment, backups: &BackupOutcome) {
    let is_taken = |impact: &Impact| {
        impact.effect >= Effect::Orphan && impact.counts() && backup_of(&impact.subject, backups).is_some()
    };
    if plan.impacts.iter().any(is_taken) {
        cx.ui().suggest("To bring back the data that this took", cx.suggest().undo());
    }
}
