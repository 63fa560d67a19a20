//! What every restore does around the driver's part: it shows the plan, backs up and confirms what would be replaced,
//! and reports the result.

use jiff::Timestamp;
use serde_json::json;

use super::backup_run::{self, Purpose};
use super::context::ProjectContext;
use super::dry_run::{DryRun, PlannedChange};
use super::mode::Apply;
use super::refusal::{self, RefusableAction};
use super::{baselines, format};
use crate::backup::baseline::{Note, StoreBaseline, UnresolvedLoss};
use crate::backup::driver::{Action, RestorePlan, Restored, Step, evidence};
use crate::backup::manifest::{BEFORE_RESTORE, BackupRole};
use crate::cli::Format;
use crate::error::Failure;
use crate::inventory::{Store, StoreKind};
use crate::policy::{Approval, Assessment, BackupStatus, Clearance, Effect, Impact, Subject, Token};
use crate::progress::Silent;

/// Where data is restored to.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) cx: &'a ProjectContext<'a>,
    pub(super) store: &'a Store,
}

/// What is restored, for messages.
pub(super) struct RestoreOrigin {
    pub(super) name: String,
    pub(super) age: Option<String>,
    pub(super) kind: StoreKind,
    /// Whose it is, if it belongs to another project or engine.
    pub(super) foreign: Option<String>,
}

/// One restore that was planned, and may have to be confirmed.
pub(super) struct PlannedRestore<'a> {
    pub(super) to: Destination<'a>,
    pub(super) source: RestoreOrigin,
    pub(super) plan: RestorePlan,
    /// The place was created for the restore: what is there is nobody's data.
    pub(super) is_new: bool,
}

impl PlannedRestore<'_> {
    /// Whether data is replaced, which has to be backed up first.
    pub(super) fn replaces(&self) -> bool {
        !self.is_new && self.plan.replaces()
    }
}

/// Shows what will be done.
pub(super) fn announce(planned: &PlannedRestore<'_>) {
    let PlannedRestore { to, source: restoring, plan, is_new } = planned;
    let ui = to.cx.ui();
    let age = restoring.age.as_ref().map_or_else(String::new, |age| format!(" ({age})"));
    ui.say(format!("`{}` will be restored from `{}`{age}:", to.store.service, restoring.name));
    for step in &plan.steps {
        let action = if *is_new && step.action == Action::Replace { Action::Create } else { step.action };
        ui.text(format!("  {}", line(&Step { action, ..step.clone() }, counted(restoring.kind))));
    }
    if let Some(whose) = &restoring.foreign {
        ui.warn(format!("`{}` is a backup of {whose}.", restoring.name));
    }
}

/// What would be done.
pub(super) fn dry_run(
    command: &'static str,
    cx: &ProjectContext<'_>,
    planned: &[PlannedRestore<'_>],
) -> DryRun {
    let changes = planned.iter().flat_map(changes).collect();
    let assessment = assess(cx, planned);
    let token =
        (assessment.worst() >= Effect::Orphan).then(|| Token::of(&assessment, Timestamp::now()).to_string());
    DryRun { token, ..DryRun::new(command, changes) }
}

fn changes(PlannedRestore { to, source, plan, .. }: &PlannedRestore<'_>) -> Vec<PlannedChange> {
    let noun = counted(to.store.kind);
    let change = |step: &Step| {
        if source.kind == StoreKind::Volume {
            return change_of_files(step, &to.store.service, &source.name);
        }
        let subject = if step.from == step.to {
            format!("`{}` in `{}`", step.to, to.store.service)
        } else {
            format!("`{}` as `{}` in `{}`", step.from, step.to, to.store.service)
        };
        let count = step.count.map(|count| crate::units::count(count, noun));
        let first =
            |rest: &str| count.as_ref().map_or_else(|| rest.to_owned(), |count| format!("{count}, {rest}"));
        match step.action {
            Action::Keep => None,
            Action::Create => Some(PlannedChange {
                detail: count,
                ..PlannedChange::new(format::action(step.action), subject)
            }),
            Action::Replace => {
                Some(PlannedChange::new("replace", subject).with(first("after backing up the current data")))
            }
            Action::Finish => {
                Some(PlannedChange::new("finish restoring", subject).with(first("interrupted before")))
            }
        }
    };
    plan.steps.iter().filter_map(change).collect()
}

/// What a step does to files. Where they could not be compared, they may be the same.
fn change_of_files(step: &Step, service: &str, backup: &str) -> Option<PlannedChange> {
    let change = PlannedChange::new("restore", format!("`{}` of `{service}`", step.to));
    match step.action {
        Action::Keep => None,
        Action::Create => Some(change.with(format!("from `{backup}`"))),
        Action::Replace => {
            Some(change.with(format!("from `{backup}`; files that differ are backed up first")))
        }
        Action::Finish => Some(change.with(format!("from `{backup}`; interrupted before"))),
    }
}

/// What is counted in a store.
fn counted(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Qdrant => "point",
        StoreKind::Volume => "file",
        StoreKind::Sql(_) => "row",
    }
}

fn line(step: &Step, noun: &str) -> String {
    let name = if step.from == step.to { step.to.clone() } else { format!("{} as {}", step.from, step.to) };
    let with =
        step.count.map_or_else(String::new, |count| format!(" with {}", crate::units::count(count, noun)));
    match step.action {
        Action::Create => format!("{name}: will be created{with}"),
        Action::Replace => format!("{name}: will be backed up, then replaced{with}"),
        Action::Keep => format!("{name}: already exists and will not be changed"),
        Action::Finish => format!("{name}: an interrupted restore will be finished{with}"),
    }
}

/// What restores would replace. The backup of another project is never restored without a question, even into an empty
/// store.
fn assess(cx: &ProjectContext<'_>, planned: &[PlannedRestore<'_>]) -> Assessment {
    let mut impacts = Vec::new();
    for PlannedRestore { to, source, plan, is_new } in planned {
        let service = &to.store.service;
        let impact = |effect, subject, reason: String| Impact {
            replacement: Some(source.name.clone()),
            ..Impact::new(effect, subject, reason)
        };
        for step in plan.steps.iter().filter(|step| !is_new && step.action == Action::Replace) {
            let subject = Subject::Collection { service: service.clone(), name: step.to.clone() };
            impacts.push(impact(Effect::Destroy, subject, "the restore replaces it".to_owned()));
        }
        if let Some(whose) = &source.foreign {
            let subject = Subject::Service { name: service.clone() };
            impacts.push(impact(Effect::Orphan, subject, format!("it starts with the data of {whose}")));
        }
    }
    Assessment { engine: cx.identity().unique_description(), project: cx.project.name.clone(), impacts }
}

/// Permission to restore: the user is asked to confirm, and what would be replaced is backed up.
pub(super) async fn clear(
    cx: &ProjectContext<'_>,
    apply: Apply,
    planned: &[PlannedRestore<'_>],
) -> Result<Clearance, Failure> {
    let approval = approve(cx, planned)?;
    cx.command.record.begin(apply);
    let saved = save_replaced(cx, apply, &planned.iter().collect::<Vec<_>>()).await?;
    Ok(approval.clear(saved))
}

/// Permission for what was approved before, and destroys nothing that is not in a backup: to finish an interrupted restore.
pub(super) fn clear_nothing(cx: &ProjectContext<'_>) -> Result<Clearance, Failure> {
    Ok(approve(cx, &[])?.clear(BackupStatus::Nothing))
}

/// Asks for permission where something is replaced, once.
pub(super) fn approve(cx: &ProjectContext<'_>, planned: &[PlannedRestore<'_>]) -> Result<Approval, Failure> {
    let assessment = assess(cx, planned);
    for one in planned {
        cx.command.record.will(format!("restores {} from {}", one.to.store.id, one.source.name));
    }
    let replaces = planned.iter().any(PlannedRestore::replaces);
    let what = if replaces { "the restore over existing data" } else { "the restore from another project" };
    let action = if cx.command.record.is_undo() {
        RefusableAction {
            what,
            untouched: "Nothing was changed.",
            allow: "To undo it anyway (the existing data is backed up first)",
        }
    } else if replaces {
        RefusableAction {
            what,
            untouched: "Nothing was changed. `--skip-existing` keeps existing data; `--as NAME` restores under another name.",
            allow: "To restore anyway (the existing data is backed up first)",
        }
    } else {
        RefusableAction { what, untouched: "Nothing was changed.", allow: "To restore anyway" }
    };
    refusal::decide(cx.command, &cx.decision_input(&assessment), &action)?.confirm(
        cx.ui(),
        what,
        "Nothing was changed.",
    )
}

/// Backs up what would be replaced.
pub(super) async fn save_replaced(
    cx: &ProjectContext<'_>,
    apply: Apply,
    planned: &[&PlannedRestore<'_>],
) -> Result<BackupStatus, Failure> {
    let replaced: Vec<Store> =
        planned.iter().filter(|one| one.replaces()).map(|one| one.to.store.clone()).collect();
    if replaced.is_empty() {
        return Ok(BackupStatus::Nothing);
    }
    let purpose = Purpose {
        reason: BEFORE_RESTORE,
        role: BackupRole::SafetyCopy,
        required: cx.settings.backup.proof,
        replaces_data: true,
    };
    backup_run::save_to(cx, apply, &replaced, purpose).await?.complete(cx)?;
    Ok(BackupStatus::Verified)
}

/// Records what was restored in the baseline. Collections that were not restored keep their entry: a loss that was not
/// repaired must not be forgotten.
pub(super) async fn adopt(to: Destination<'_>, apply: Apply, restored: &Restored) {
    let Destination { cx, store } = to;
    let target = cx.target(store, &Silent);
    if let StoreKind::Sql(_) = store.kind {
        // Only its files are compared later.
        let evidence = evidence::look(target).await.ok();
        let record = StoreBaseline::new(Timestamp::now(), Note::Accepted, None, None);
        baselines::record(cx, apply, store, &StoreBaseline { evidence, ..record });
        return;
    }
    let Ok(now) = store.kind.driver().fingerprint(target).await else { return };
    let record = baselines::read(cx, store).ok().flatten();
    let recorded = record.as_ref().and_then(|record| match record.note {
        Note::Stopped | Note::Accepted | Note::Seen => record.fingerprint.clone(),
        Note::Destroyed { .. } => None,
    });
    // What was kept was not restored.
    let names: Vec<&str> = restored
        .steps
        .iter()
        .filter(|step| step.action != Action::Keep)
        .map(|step| step.to.as_str())
        .collect();
    let merged = match recorded {
        Some(recorded) => recorded.with(&now, &names, &restored.aliases),
        None => now.clone(),
    };
    let missing = store.kind.driver().compare(&merged, &now);
    match record.as_ref().and_then(|record| Some((record, record.loss.as_ref()?))) {
        // Not everything is back.
        Some((record, UnresolvedLoss { found, .. })) if !missing.is_empty() => {
            let missing = missing.iter().map(ToString::to_string).collect();
            let loss = Some(UnresolvedLoss { found: *found, missing });
            let record = StoreBaseline { fingerprint: Some(merged), loss, ..record.clone() };
            baselines::put(cx, apply, store, &record);
        }
        Some(_) | None => {
            let evidence = match store.kind {
                StoreKind::Qdrant => evidence::of_server(target, &now).await.ok(),
                StoreKind::Volume | StoreKind::Sql(_) => evidence::look(target).await.ok(),
            };
            let record = StoreBaseline::new(Timestamp::now(), Note::Accepted, Some(merged), None);
            baselines::record(cx, apply, store, &StoreBaseline { evidence, ..record });
        }
    }
}

/// Reports what was restored.
pub(super) fn report(to: Destination<'_>, restored: &Restored, output: Format) {
    let Destination { cx, store } = to;
    for remark in &restored.remarks {
        cx.ui().warn(remark);
    }
    if output == Format::Json {
        let steps: Vec<_> = restored
            .steps
            .iter()
            .map(|step| json!({ "from": step.from, "to": step.to, "count": step.count, "action": format::action(step.action) }))
            .collect();
        cx.ui().result(format::json(
            &json!({ "service": store.service, "steps": steps, "aliases": restored.aliases }),
        ));
        return;
    }
    if restored.steps.iter().all(|step| step.action == Action::Keep) {
        cx.ui().say(format!(
            "nothing was restored into `{}`: everything in the backup is already there, and was kept.",
            store.service
        ));
        return;
    }
    let done = restored.steps.iter().filter(|step| step.action != Action::Keep).count() as u64;
    if done == 0 && restored.aliases.is_empty() {
        cx.ui().good(format!(
            "nothing was restored: everything already exists in `{}`, which was not changed.",
            store.service
        ));
        return;
    }
    let one = match store.kind {
        StoreKind::Qdrant => "collection",
        StoreKind::Volume => "data mount",
        StoreKind::Sql(_) => "database",
    };
    let mut line = format!(
        "restored {} into `{}` and verified the result",
        crate::units::count(done, one),
        store.service
    );
    if !restored.aliases.is_empty() {
        line.push_str(&format!("; aliases: {}", restored.aliases.join(", ")));
    }
    cx.ui().good(format!("{line}."));
}
