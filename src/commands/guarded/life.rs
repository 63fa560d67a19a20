//! The life of every watched command: look, judge, say, decide, save, run, remember, compare.

use std::collections::BTreeSet;

use super::doubt::{self, Doubt};
use super::losses::ToSave;
use super::saved::Saving;
use super::{announce, api_version, child, course, facts, look, losses, remember};
use crate::commands::saving;
use crate::commands::stack::{self, Asked, Stack};
use crate::commands::{describe, interruptible};
use crate::error::Failure;
use crate::exit::Exit;
use crate::guard::{self, Facts};
use crate::journal::{Entry, Outcome};
use crate::policy::{Assessment, Clearance, Decision, Situation, decide};
use crate::process::Given;

/// Runs a watched command.
pub async fn run(asked: &Asked) -> Result<Exit, Failure> {
    let unknown_flag = match doubt::settle(asked).await? {
        Doubt::None => None,
        Doubt::Refused => return child::run(asked).await,
        Doubt::Unknown(flag) => Some(flag),
    };
    let may_lose = course::may_lose(&asked.reading) || unknown_flag.is_some();
    let project = match asked.project() {
        Ok(project) => project,
        // Compose says best itself what is wrong with its file.
        Err(_) if course::needs_file(&asked.reading) && !asked.safe.plan => return child::run(asked).await,
        Err(error) => return Err(stack::unreadable(asked, error)),
    };
    let mut stack = match Stack::of_project(asked, project).await {
        Ok(stack) => stack,
        Err(failure) if failure.exit == Exit::Unavailable && !may_lose && !asked.safe.plan => {
            asked.ui.warn(format!("{failure}; what comes before and after the command is left out."));
            return child::run(asked).await;
        }
        Err(failure) => return Err(failure),
    };
    let facts = facts::gather(&stack, unknown_flag).await?;
    let mut plan = guard::assess(&facts::scene(&stack, &facts));
    losses::describe(&stack, &mut plan).await;
    if asked.safe.plan {
        let findings = if course::starts(&asked.reading) { Some(look::findings(&stack).await) } else { None };
        announce::show_plan(&stack, &plan, findings.as_deref());
        return Ok(Exit::Success);
    }
    guarded(&mut stack, &facts, &plan).await
}

async fn guarded(stack: &mut Stack<'_>, facts: &Facts, plan: &Assessment) -> Result<Exit, Failure> {
    let asked = stack.asked;
    let reading = &asked.reading;
    let decision = decide(&Situation {
        plan,
        destroy: stack.settings.guard.destroy,
        orphan: stack.settings.guard.orphan,
        terminal: asked.ui.is_terminal(),
        allow: asked.safe.allow.as_deref(),
    });
    announce::losses(stack, plan);
    let mut entry = Entry::begin(&stack.project.name, stack.identity(), &asked.typed, plan);
    if let Decision::Refuse(refusal) = decision {
        let failure = announce::refused(stack, &refusal);
        remember::write_down(stack, plan, &entry.end(Outcome::Refused, failure.exit));
        return Err(failure);
    }
    if course::starts(reading) {
        look::before(stack).await?;
    }
    let saving = match save(stack, plan).await {
        Ok(saving) => saving,
        Err(failure) => {
            remember::write_down(stack, plan, &entry.end(Outcome::BackupFailed, failure.exit));
            return Err(failure);
        }
    };
    for one in &saving.saved {
        entry.backup(&one.backup.backup().name());
    }
    let permit = match announce::confirm(stack, decision) {
        Ok(permit) => permit,
        Err(failure) => {
            remember::write_down(stack, plan, &entry.end(Outcome::NotConfirmed, failure.exit));
            return Err(failure);
        }
    };
    let clearance = permit.clear(saving.backed());

    // An attached `up` is compared while it runs, so what it destroys has to be on record before.
    let stays = course::stays(reading);
    if stays {
        remember::stores(stack, plan, &saving, true);
    }
    let given = Given { stdin: stdin(stack, facts), variable: api_version::variable(stack) };
    let exit = if stays {
        look::beside(stack, hand_on(asked, given, &clearance)).await?
    } else {
        hand_on(asked, given, &clearance).await?
    };
    let done = exit == Exit::Compose(0);
    if !stays && !course::restarts(reading) {
        remember::stores(stack, plan, &saving, done);
    }
    let outcome = if saving.waived { Outcome::RanWithoutBackup } else { Outcome::Ran };
    remember::write_down(stack, plan, &entry.end(outcome, exit));
    if done && !stays && course::compares(reading) {
        return look::after(stack, exit).await;
    }
    Ok(exit)
}

/// The one door to a command that may destroy: it cannot be called without the decision.
async fn hand_on(asked: &Asked, given: Given, _: &Clearance) -> Result<Exit, Failure> {
    child::run_with(asked, given).await
}

/// What Compose reads instead of what we would. A changed volume definition makes it ask: without a terminal `y` could
/// come out of any pipe, and would delete the volume without a decision. Where it reads nothing, its question takes
/// the default, which loses nothing.
fn stdin(stack: &Stack<'_>, facts: &Facts) -> Option<Vec<u8>> {
    let known = stack.asked.stdin.clone();
    let asks = guard::asks_about_volumes(&facts::scene(stack, facts));
    if asks && !facts.terminal { Some(known.unwrap_or_default()) } else { known }
}

async fn save(stack: &Stack<'_>, plan: &Assessment) -> Result<Saving, Failure> {
    let asked = stack.asked;
    let subcommand = asked.reading.subcommand.as_deref().unwrap_or_default();
    let waived = asked.safe.skip_backup || stack.is_disposable();
    if waived {
        let seen = remember::fingerprints(stack, plan).await;
        return Ok(Saving { waived, saved: Vec::new(), safe: Vec::new(), kept: Vec::new(), seen });
    }
    let ToSave { stores, mut safe, kept, unsaved, .. } =
        losses::to_save(stack, plan, announce::saves_before(stack)).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, "what has to be saved cannot be told, so nothing was run")
                .because(error)
        })?;
    for subject in &unsaved {
        asked.ui.warn(format!("{}: it cannot be saved first.", describe::subject(subject)));
    }
    for (store, verified) in &mut safe {
        interruptible(saving::prove(stack, store, verified, stack.settings.backup.proof)).await?;
    }
    let safe_ones = safe.iter().map(|(store, verified)| (store, verified.backup()));
    let kept_ones = kept.iter().map(|(store, backup)| (store, backup));
    // What is stopped and destroyed is both, and the nodes of a cluster have one backup: said once.
    let mut said = BTreeSet::new();
    for (store, backup) in safe_ones.chain(kept_ones) {
        if said.insert(&backup.directory) {
            asked.ui.good(format!(
                "{} is unchanged since its backup of {} ({}): no new one is needed.",
                describe::saved(&backup.manifest.cluster, &store.service),
                describe::ago(backup.manifest.created),
                describe::contents(&backup.manifest.fingerprint),
            ));
        }
    }
    let saved = interruptible(saving::save(stack, &stores, &format!("before {subcommand}"))).await?;
    Ok(Saving { waived, saved, safe, kept, seen: Vec::new() })
}
