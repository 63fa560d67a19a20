//! `backup.keep.local`: removes the files of backups that are in the repository, and brings them here again to restore them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::access;
use super::receive::one_backup;
use super::transfer::is_known;
use crate::backup::manifest::BackupRole;
use crate::backup::repository::{CopyState, RepositorySnapshot};
use crate::backup::store::{Backup, StoreError};
use crate::commands::context::ProjectContext;
use crate::commands::interruptible;
use crate::commands::mode::Apply;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::units::count;

/// Removes the files of backups beyond the newest of each store, if the settings want that and the repository has them now.
/// What fails is a warning: the backups are here and there.
pub(in crate::commands) async fn offload(cx: &ProjectContext<'_>, apply: Apply) {
    let Some(local) = cx.settings.backup.keep.local else { return };
    // What could not be copied was reported.
    let is_behind = CopyState::read(&cx.root, &cx.project.name).is_none_or(|state| state.error.is_some());
    if is_behind || candidates(cx, local).is_ok_and(|found| found.is_empty()) {
        return;
    }
    match offload_beyond(cx, apply, local).await {
        Ok(names) if names.is_empty() => {}
        Ok(names) => cx.ui().say(format!(
            "removed the files of {} that {} in the repository: {}.",
            count(names.len() as u64, "backup"),
            if names.len() == 1 { "is" } else { "are" },
            names.join(", "),
        )),
        Err(error) => cx.ui().warn(format!(
            "no files of backups were removed: {}. `backup.keep.local` applies to them later.",
            causes(&error)
        )),
    }
}

async fn offload_beyond(cx: &ProjectContext<'_>, apply: Apply, local: u32) -> anyhow::Result<Vec<String>> {
    let access = access::of_settings(cx.command, (&cx.project, &cx.settings), cx.suggest())?;
    let name = access.location.to_string();
    let _lock = cx.root.lock()?;
    let (_, known) = access::open(access).await?;
    let mut offloaded = Vec::new();
    for backup in candidates(cx, local)?.iter().filter(|backup| is_known(&known, backup)) {
        cx.command.record.will(format!("removes the files of {}, which is in {name}", backup.name()));
        cx.command.record.begin(apply);
        if cx.root.offload(backup, &name)? {
            offloaded.push(format!("`{}`", backup.name()));
        }
    }
    Ok(offloaded)
}

/// The backups of each store beyond the newest ones. Pinned ones stay, and safety copies, which are in no repository, do not
/// count.
fn candidates(cx: &ProjectContext<'_>, local: u32) -> Result<Vec<Backup>, StoreError> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut found = cx.root.list(None)?.backups;
    found.retain(|backup| {
        if backup.manifest.role == BackupRole::SafetyCopy || backup.is_pinned || backup.is_offloaded {
            return false;
        }
        let number = seen.entry(backup.store().to_owned()).or_default();
        *number += 1;
        *number > local
    });
    Ok(found)
}

/// The same backups with their files, which are copied from the repository where they are only there.
pub(in crate::commands) async fn bring_back(
    cx: &ProjectContext<'_>,
    backups: Vec<Backup>,
    apply: Apply,
) -> Result<Vec<Backup>, Failure> {
    if !backups.iter().any(|backup| backup.is_offloaded) {
        return Ok(backups);
    }
    let access = access::of_settings(cx.command, (&cx.project, &cx.settings), cx.suggest())?;
    let unreadable = |error| {
        super::failed("the files of the backup are only in the repository, which could not be read", error)
    };
    let (repository, known) = access::open(access).await.map_err(unreadable)?;
    let repository = Arc::new(access::blocking(move || repository.indexed()).await.map_err(unreadable)?);
    let mut here = Vec::new();
    for backup in backups {
        if !backup.is_offloaded {
            here.push(backup);
            continue;
        }
        let one = snapshot_of(&known, &backup).ok_or_else(|| {
            let what = format!(
                "the files of `{}` are only in the repository, which has no such backup",
                backup.name()
            );
            Failure::new(Exit::BackupFailed, what).say("Nothing was changed.").run(
                "To list the backups in the repository of the settings",
                cx.suggest().repository_backups(),
            )
        })?;
        let received = interruptible(one_backup(cx, &repository, one.clone(), apply)).await?;
        here.push(received.backup().clone());
    }
    Ok(here)
}

fn snapshot_of<'k>(known: &'k [RepositorySnapshot], backup: &Backup) -> Option<&'k RepositorySnapshot> {
    known.iter().rev().find(|one| is_known(std::slice::from_ref(*one), backup))
}
