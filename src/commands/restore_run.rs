//! What every restore does around the putting back itself: it says what it will do, asks where something would be replaced, and
//! tells what has become of it.

use serde_json::json;

use super::confirm::ask;
use super::context::ProjectContext;
use super::{backup_run, baselines, format};
use crate::backup::driver::{Action, Plan, Restored, Step};
use crate::backup::record::Note;
use crate::cli::Format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::policy::{
    Assessment, BackupStatus, Clearance, Decision, DecisionInput, Effect, Impact, Refusal, Subject, decide,
};
use crate::progress::Silent;
use crate::ui::Page;

/// What is told of the thing that is restored.
pub(super) struct Telling {
    pub(super) name: String,
    pub(super) age: Option<String>,
    pub(super) kind: StoreKind,
}

pub(super) fn announce(cx: &ProjectContext<'_>, store: &Store, telling: &Telling, plan: &Plan) {
    let ui = cx.ui();
    let age = telling.age.as_ref().map_or_else(String::new, |age| format!(" ({age})"));
    ui.say(format!("restoring `{}` from {}{age}:", store.service, telling.name));
    let noun = match telling.kind {
        StoreKind::Qdrant => "point",
        StoreKind::Volume => "file",
    };
    for step in &plan.steps {
        ui.text(Page::new().text(format!("  {}", line(step, noun))));
    }
}

fn line(step: &Step, noun: &str) -> String {
    let name = if step.from == step.to { step.to.clone() } else { format!("{} as {}", step.from, step.to) };
    let count =
        step.count.map_or_else(String::new, |count| format!(", {}", crate::units::count(count, noun)));
    match step.action {
        Action::Create => format!("{name}: not there, will be created{count}"),
        Action::Replace => format!("{name}: there, will be saved and then replaced{count}"),
        Action::Keep => format!("{name}: there, stays as it is"),
        Action::Finish => format!("{name}: an earlier restore was cut off, will be finished{count}"),
    }
}

/// Leave to restore. What would be replaced is saved first, and the replacing is asked about.
pub(super) async fn clear(cx: &ProjectContext<'_>, store: &Store, plan: &Plan) -> Result<Clearance, Failure> {
    let replaced = plan.steps.iter().filter(|step| step.action == Action::Replace);
    let assessment = Assessment {
        engine: cx.identity().mark(),
        project: cx.project.name.clone(),
        impacts: replaced
            .map(|step| {
                let subject = Subject::Collection { service: store.service.clone(), name: step.to.clone() };
                Impact::new(Effect::Destroy, subject, "the backup takes its place")
            })
            .collect(),
    };
    let decision = decide(&DecisionInput {
        plan: &assessment,
        destroy: cx.settings.guard.destroy,
        orphan: cx.settings.guard.orphan,
        terminal: cx.ui().is_terminal(),
        allow: cx.command.safe.allow.as_deref(),
    });
    let what = "restoring over data that is there";
    if let Decision::Refuse(refusal) = decision {
        return Err(match refusal {
            Refusal::Settings(_) => Failure::new(
                Exit::Refused,
                format!("{what} was refused: the settings say `guard.destroy: refuse`"),
            ),
            Refusal::NoTerminal(token) | Refusal::WrongToken(token) => {
                Failure::new(Exit::Refused, format!("{what} was refused: there is no terminal to ask on"))
                    .run(
                        "If you want exactly this, once (what is there is saved first)",
                        cx.suggest().again(&format!("--safe-allow={token}"), &cx.command.words),
                    )
            }
        }
        .say(
            "Nothing was changed. --skip-existing leaves alone what is there; --as NAME restores beside it.",
        ));
    }
    let backed = if plan.replaces() {
        super::interruptible(backup_run::save(cx, std::slice::from_ref(store), "before restore")).await?;
        BackupStatus::Verified
    } else {
        BackupStatus::Nothing
    };
    match decision {
        Decision::Allow(approval) => Ok(approval.clear(backed)),
        Decision::Confirm(question) => {
            ask(cx.ui(), question, what, "Nothing was changed.").map(|approval| approval.clear(backed))
        }
        Decision::Refuse(_) => Err(Failure::new(Exit::Internal, "a refusal was passed over")),
    }
}

/// What was restored is what the next start has to find. Collections that were not restored keep their place in the
/// record: a loss that is still there must not be forgotten.
pub(super) async fn adopt(cx: &ProjectContext<'_>, store: &Store, restored: &Restored) {
    let target = cx.target(store, &Silent);
    let Ok(now) = store.kind.driver().fingerprint(target).await else { return };
    let record = baselines::read(cx, store).ok().flatten();
    let recorded = record.and_then(|record| match record.note {
        Note::Stopped | Note::Accepted => record.fingerprint,
        Note::Destroyed { .. } => None,
    });
    let names: Vec<&str> = restored.steps.iter().map(|step| step.to.as_str()).collect();
    let merged = match recorded {
        Some(recorded) => recorded.with(&now, &names, &restored.aliases),
        None => now,
    };
    baselines::write(cx, store, Note::Accepted, Some(merged), None);
}

pub(super) fn report(cx: &ProjectContext<'_>, store: &Store, restored: &Restored, format: Format) {
    for remark in &restored.remarks {
        cx.ui().warn(remark);
    }
    if format == Format::Json {
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
    let done = restored.steps.iter().filter(|step| step.action != Action::Keep).count() as u64;
    let one = match store.kind {
        StoreKind::Qdrant => "collection",
        StoreKind::Volume => "place",
    };
    let mut line =
        format!("restored {} into `{}`, counted and compared", crate::units::count(done, one), store.service);
    if !restored.aliases.is_empty() {
        line.push_str(&format!("; aliases: {}", restored.aliases.join(", ")));
    }
    cx.ui().good(format!("{line}."));
}
