//! Removes the backups that the retention settings do not keep, when the command has run: until then, an older backup may
//! be the one that the command is about.

use super::backup_step::BackupOutcome;
use super::state::CommandRecord;
use crate::backup::store::Verified;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::commands::prune_run;
use crate::commands::repository;
use crate::exit::Exit;

pub(super) async fn prune(
    cx: &ProjectContext<'_>,
    apply: Apply,
    (journal, backups): (&mut CommandRecord, &BackupOutcome),
    exit: Exit,
) {
    let made: Vec<&Verified> = backups.created.iter().map(|saved| &saved.backup).collect();
    if made.is_empty() {
        return;
    }
    let removed = prune_run::after_backups(cx, apply, &made);
    if !removed.is_empty() {
        journal.add_removed(&removed);
        journal.finish(cx, backups, exit);
    }
    repository::offload(cx, apply).await;
}
