//! The life of a guarded command: probe, assess, decide, preflight, confirm, back up, run, record, verify, prune.
//!
//! Each step takes the results of the steps before it and returns a value of its own.

use super::child::{self, Unassessed};
use super::load::{self, LoadOutcome};
use super::state::{self, CommandRecord};
use super::unknown::{self, Unknown};
use super::{
    assess, backup_step, home_step, preflight_step, probe, report, retention_step, taken, verify_step,
};
use crate::commands::context::CommandContext;
use crate::commands::events;
use crate::commands::lockout;
use crate::commands::mode::Mode;
use crate::commands::quiesce;
use crate::commands::refusal::{self, RefusableAction};
use crate::commands::{held_record, unsettled, versions};
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::CommandOutcome;

/// Runs a guarded command, and reports how it ended.
pub async fn run(command: &CommandContext) -> Result<Exit, Failure> {
    let ended = Box::pin(guarded(command)).await;
    match Mode::of_compose(&command.safe) {
        Mode::Apply(apply) => events::ended(command, apply, ended).await,
        Mode::DryRun => ended,
    }
}

async fn guarded(command: &CommandContext) -> Result<Exit, Failure> {
    let unknown_feature = match unknown::ask_compose(command).await? {
        Unknown::Nothing => None,
        Unknown::RejectedByCompose => return child::hand_over(command, Unassessed::RefusedByCompose).await,
        Unknown::AcceptedByCompose(feature) => Some(feature),
    };
    let mut cx = match load::project(command, unknown_feature.is_some()).await? {
        LoadOutcome::Project(cx) => *cx,
        LoadOutcome::Unassessable(reason) => return child::hand_over(command, reason).await,
    };
    if let Mode::Apply(apply) = Mode::of_compose(&command.safe)
        && held_record::let_go(&cx, apply).await
    {
        cx = match load::project(command, unknown_feature.is_some()).await? {
            LoadOutcome::Project(cx) => *cx,
            LoadOutcome::Unassessable(reason) => return child::hand_over(command, reason).await,
        };
    }
    if let Some(found) = cx.lockout() {
        command.ui.warn(lockout::sentence(&found));
    }
    let probe = probe::gather(&cx, unknown_feature).await?;
    let plan = assess::assess(&cx, &probe).await;
    let versions = versions::steps_of_start(&cx).await;
    let apply = match Mode::of_compose(&command.safe) {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            report::plan(&cx, &plan, preflight_step::findings(&cx, &versions).await.as_deref());
            return Ok(Exit::Success);
        }
    };

    report::effects(&cx, &plan);
    let has_unsettled = command.reading.starts_services() && unsettled::report(&cx);
    let mut journal = CommandRecord::begin(&cx, &plan);
    let action = RefusableAction {
        what: &report::command(&cx),
        untouched: "Nothing was run, and no data was lost.",
        allow: &report::allow_hint(&cx),
    };
    let permission = refusal::decide(command, &cx.decision_input(&plan), &action)
        .map_err(|failure| journal.stop(&cx, CommandOutcome::Refused, failure))?;
    preflight_step::check(&cx, apply, &versions).await?;
    // The question comes before the backup: what is written while it is open has to be in the backup.
    let approval = permission
        .confirm(&command.ui, action.what, action.untouched)
        .map_err(|failure| journal.stop(&cx, CommandOutcome::NotConfirmed, failure))?;
    // Before the first service is stopped for its backup.
    journal.start(&cx, apply);
    home_step::remember(&cx, apply);
    let (backups, held) = backup_step::back_up(&cx, apply, &plan, &versions)
        .await
        .map_err(|failure| journal.stop(&cx, CommandOutcome::BackupFailed, not_run(failure, action.what)))?;
    journal.add_backups(&cx, apply, (&plan, &backups));
    let clearance = approval.clear(backups.status());

    command.keep_rendered(apply);
    let options = child::options(&cx, &probe);
    let reading = &command.reading;
    if !reading.restarts_services() {
        let seen = state::look_before(&cx, clearance.plan()).await;
        state::write_baselines(&cx, apply, &clearance, (&backups, &seen)).await;
    }
    if reading.stays_attached() {
        // It is verified while it runs, so what it destroys has to be recorded before.
        state::record_destruction(&cx, apply, &clearance, &backups);
        let running = child::run(command, options, &clearance);
        let ended = verify_step::while_running(&mut cx, apply, running).await;
        let exit = quiesce::settle(&cx, &held, ended)
            .await
            .map_err(|failure| journal.stop(&cx, CommandOutcome::Failed, failure))?;
        journal.finish(&cx, &backups, exit);
        if has_unsettled && exit == Exit::Compose(0) {
            unsettled::settle(&cx, apply);
        }
        retention_step::prune(&cx, apply, (&mut journal, &backups), exit).await;
        return Ok(exit);
    }
    let ended = child::run(command, options, &clearance).await;
    let exit = quiesce::settle(&cx, &held, ended)
        .await
        .map_err(|failure| journal.stop(&cx, CommandOutcome::Failed, failure))?;
    let succeeded = exit == Exit::Compose(0);
    if succeeded && !reading.restarts_services() {
        state::record_destruction(&cx, apply, &clearance, &backups);
    }
    journal.finish(&cx, &backups, exit);
    if succeeded && journal.is_recorded() {
        taken::suggest_undo(&cx, &plan, &backups);
    }
    if succeeded && reading.is_verified_afterwards() {
        verify_step::after(&mut cx, apply).await?;
        if has_unsettled {
            unsettled::settle(&cx, apply);
        }
    }
    retention_step::prune(&cx, apply, (&mut journal, &backups), exit).await;
    Ok(exit)
}

/// After Ctrl-C during the backup, says what became of the command.
fn not_run(failure: Failure, what: &str) -> Failure {
    match failure.exit {
        Exit::Signal(_) => {
            let message = format!("{what} was interrupted before it was run");
            Failure { message, ..failure }.say("No data was lost.")
        }
        Exit::Success
        | Exit::Found
        | Exit::Usage
        | Exit::Unavailable
        | Exit::Internal
        | Exit::OutputLost
        | Exit::BackupFailed
        | Exit::Unverified
        | Exit::DataMissing
        | Exit::Refused
        | Exit::Compose(_) => failure,
    }
}
