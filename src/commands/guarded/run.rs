//! The life of every watched command: look, judge, say, decide, save, run, remember, compare.

use std::collections::BTreeSet;

use super::doubt::{self, Doubt};
use super::losses::ToSave;
use super::saved::Saving;
use super::{announce, api_version, child, course, look, losses, probe, remember};
use crate::commands::backup_run;
use crate::commands::context::{self, CommandContext, ProjectContext};
use crate::commands::mode::{Apply, Mode};
use crate::commands::{format, interruptible};
use crate::error::Failure;
use crate::exit::Exit;
use crate::guard::{self, Probe};
use crate::journal::{Entry, Outcome};
use crate::policy::{Assessment, Clearance, Decision, DecisionInput, decide};
use crate::process::SpawnOptions;

/// Runs a watched command.
pub async fn run(command: &CommandContext) -> Result<Exit, Failure> {
    let unknown_flag = match doubt::settle(command).await? {
        Doubt::None => None,
        Doubt::Refused => return child::run(command).await,
        Doubt::Unknown(flag) => Some(flag),
    };
    let may_lose = course::may_lose(&command.reading) || unknown_flag.is_some();
    let project = match command.project() {
        Ok(project) => project,
        // Compose says best itself what is wrong with its file.
        Err(_) if course::needs_file(&command.reading) && !command.safe.plan => {
            return child::run(command).await;
        }
        Err(error) => return Err(context::unreadable(command, error)),
    };
    let mut cx = match ProjectContext::of_project(command, project).await {
        Ok(cx) => cx,
        Err(failure) if failure.exit == Exit::Unavailable && !may_lose && !command.safe.plan => {
            command.ui.warn(format!("{failure}; what comes before and after the command is left out."));
            return child::run(command).await;
        }
        Err(failure) => return Err(failure),
    };
    let probe = probe::gather(&cx, unknown_flag).await?;
    let mut plan = guard::assess(&probe::hazard_context(&cx, &probe));
    losses::describe(&cx, &mut plan).await;
    let apply = match Mode::of_compose(&command.safe) {
        Mode::Apply(apply) => apply,
        Mode::DryRun => return show_plan(&cx, &plan).await,
    };
    guarded(&mut cx, apply, &probe, &plan).await
}

async fn show_plan(cx: &ProjectContext<'_>, plan: &Assessment) -> Result<Exit, Failure> {
    let findings = if course::starts(&cx.command.reading) { Some(look::findings(cx).await) } else { None };
    announce::show_plan(cx, plan, findings.as_deref());
    Ok(Exit::Success)
}

async fn guarded(
    cx: &mut ProjectContext<'_>,
    apply: Apply,
    probe: &Probe,
    plan: &Assessment,
) -> Result<Exit, Failure> {
    let command = cx.command;
    let reading = &command.reading;
    let decision = decide(&DecisionInput {
        plan,
        destroy: cx.settings.guard.destroy,
        orphan: cx.settings.guard.orphan,
        terminal: command.ui.is_terminal(),
        allow: command.safe.allow.as_deref(),
    });
    announce::losses(cx, plan);
    let mut entry = Entry::begin(&cx.project.name, cx.identity(), &command.typed, plan);
    if let Decision::Refuse(refusal) = decision {
        let failure = announce::refused(cx, &refusal);
        remember::write_down(cx, plan, &entry.end(Outcome::Refused, failure.exit));
        return Err(failure);
    }
    if course::starts(reading) {
        look::before(cx, apply).await?;
    }
    let saving = match save(cx, apply, plan).await {
        Ok(saving) => saving,
        Err(failure) => {
            remember::write_down(cx, plan, &entry.end(Outcome::BackupFailed, failure.exit));
            return Err(failure);
        }
    };
    for one in &saving.saved {
        entry.backup(&one.backup.backup().name());
    }
    let approval = match announce::confirm(cx, decision) {
        Ok(approval) => approval,
        Err(failure) => {
            remember::write_down(cx, plan, &entry.end(Outcome::NotConfirmed, failure.exit));
            return Err(failure);
        }
    };
    let clearance = approval.clear(saving.backed());

    // An attached `up` is compared while it runs, so what it destroys has to be on record before.
    let stays_attached = course::stays_attached(reading);
    if stays_attached {
        remember::stores(cx, apply, plan, (&saving, true));
    }
    let options = SpawnOptions { stdin: stdin(cx, probe), variable: api_version::variable(cx) };
    let exit = if stays_attached {
        look::beside(cx, hand_on(command, options, &clearance)).await?
    } else {
        hand_on(command, options, &clearance).await?
    };
    let done = exit == Exit::Compose(0);
    if !stays_attached && !course::restarts(reading) {
        remember::stores(cx, apply, plan, (&saving, done));
    }
    let outcome = if saving.waived { Outcome::RanWithoutBackup } else { Outcome::Ran };
    remember::write_down(cx, plan, &entry.end(outcome, exit));
    if done && !stays_attached && course::compares(reading) {
        return look::after(cx, exit).await;
    }
    Ok(exit)
}

/// The one door to a command that may destroy: it cannot be called without the decision.
async fn hand_on(command: &CommandContext, options: SpawnOptions, _: &Clearance) -> Result<Exit, Failure> {
    child::run_with(command, options).await
}

/// What Compose reads instead of what we would. A changed volume definition makes it ask: without a terminal `y` could
/// come out of any pipe, and would delete the volume without a decision. Where it reads nothing, its question takes
/// the default, which loses nothing.
fn stdin(cx: &ProjectContext<'_>, probe: &Probe) -> Option<Vec<u8>> {
    let known = cx.command.stdin.clone();
    let asks = guard::asks_about_volumes(&probe::hazard_context(cx, probe));
    if asks && !probe.terminal { Some(known.unwrap_or_default()) } else { known }
}

async fn save(cx: &ProjectContext<'_>, apply: Apply, plan: &Assessment) -> Result<Saving, Failure> {
    let command = cx.command;
    let subcommand = command.reading.subcommand.as_deref().unwrap_or_default();
    let waived = command.safe.skip_backup || cx.is_disposable();
    if waived {
        let seen = remember::fingerprints(cx, plan).await;
        return Ok(Saving { waived, saved: Vec::new(), safe: Vec::new(), kept: Vec::new(), seen });
    }
    let ToSave { stores, mut safe, kept, unsaved, .. } =
        losses::to_save(cx, plan, announce::saves_before(cx)).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, "what has to be saved cannot be told, so nothing was run")
                .because(error)
        })?;
    for subject in &unsaved {
        command.ui.warn(format!("{}: it cannot be saved first.", format::subject(subject)));
    }
    for (store, verified) in &mut safe {
        interruptible(backup_run::prove(cx, apply, store, verified, cx.settings.backup.proof)).await?;
    }
    let safe_ones = safe.iter().map(|(store, verified)| (store, verified.backup()));
    let kept_ones = kept.iter().map(|(store, backup)| (store, backup));
    // What is stopped and destroyed is both, and the nodes of a cluster have one backup: said once.
    let mut said = BTreeSet::new();
    for (store, backup) in safe_ones.chain(kept_ones) {
        if said.insert(&backup.directory) {
            command.ui.good(format!(
                "{} is unchanged since its backup of {} ({}): no new one is needed.",
                format::saved(&backup.manifest.cluster, &store.service),
                format::ago(backup.manifest.created),
                format::contents(&backup.manifest.fingerprint),
            ));
        }
    }
    let saved = interruptible(backup_run::save(cx, apply, &stores, &format!("before {subcommand}"))).await?;
    Ok(Saving { waived, saved, safe, kept, seen: Vec::new() })
}
