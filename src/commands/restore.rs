//! `safe-compose restore`: put a backup back, and lose nothing by it.

use serde_json::json;

use super::stack::{Asked, Stack};
use super::{backups, describe, import, records, saving};
use crate::backup::driver::{Action, Plan, Request, Restored, Step};
use crate::backup::proof::Outcome;
use crate::backup::record::Note;
use crate::backup::store::Backup;
use crate::cli::{Format, Restore};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::policy::{
    Answer, Assessment, Backed, Clearance, Decision, Effect, Impact, Refusal, Situation, Subject, decide,
};
use crate::progress::Silent;

pub(super) async fn run(asked: &Asked, args: &Restore) -> Result<Exit, Failure> {
    let stack = Stack::gather(asked).await?;
    if let Some(file) = import::named(&stack.root, &args.backup) {
        return import::run(&stack, args, &file).await;
    }
    let backup = choose(&stack, args)?;
    let store = store_for(&stack, &backup, args)?.clone();
    let request = Request {
        collections: args.collections.clone(),
        rename: args.rename.clone(),
        schema_only: args.schema_only,
        skip_existing: args.skip_existing,
    };
    if !request.schema_only {
        backup.check().map_err(|damage| {
            Failure::new(
                Exit::BackupFailed,
                format!("`{}` is damaged, so nothing was restored", backup.name()),
            )
            .because(damage)
            .run("To see the others", asked.suggest.backups())
        })?;
    }
    running(&stack, &store, backup.manifest.kind)?;
    let meter = asked.ui.meter();
    let target = stack.target(&store, &meter);
    let driver = backup.manifest.kind.driver();
    let failed = |error: anyhow::Error| {
        Failure::new(Exit::BackupFailed, format!("`{}` could not be restored", backup.name())).because(error)
    };
    driver.wait_ready(target, asked.patience()).await.map_err(failed)?;
    let plan = driver.plan_restore(target, &backup, &request).await.map_err(failed)?;
    let age = Some(describe::ago(backup.manifest.created));
    announce(&stack, &store, &Telling { name: backup.name(), age, kind: backup.manifest.kind }, &plan);
    if let Some(Outcome::Failed { reasons }) = backup.trial.as_ref().map(|record| &record.outcome) {
        let reasons = reasons.join("; ");
        stack.ui().warn(format!("this backup was tried out, and could not be put back: {reasons}"));
    }

    let clearance = clear(&stack, &store, &plan).await?;
    let restored = super::interruptible(async {
        driver.restore(target, &backup, &plan, &request, &clearance).await.map_err(failed)
    })
    .await?;
    report(&stack, &store, &restored, args.format);
    if request.rename.is_none() {
        adopt(&stack, &store, &restored).await;
    }
    Ok(Exit::Success)
}

/// The backup that was asked for. Without one, `--schema-only` takes what the record of the last stop says.
fn choose(stack: &Stack<'_>, args: &Restore) -> Result<Backup, Failure> {
    let list = stack.suggest().backups();
    if args.backup != "latest" {
        return backups::find(&stack.root, &args.backup, &list);
    }
    let service = match &args.service {
        Some(service) => service.clone(),
        None => only_service(stack)?,
    };
    let newest = stack
        .root
        .latest(&service)
        .map_err(|error| Failure::new(Exit::BackupFailed, "the backups cannot be listed").because(error))?;
    match newest {
        Some(backup) => Ok(backup),
        None if args.schema_only => recorded(stack, &service),
        None => Err(Failure::new(Exit::Usage, format!("there is no backup of `{service}`"))
            .run("To re-create the recorded collections empty", stack.suggest().restore_schema(&service))),
    }
}

/// The service to restore, where there is only one that could be meant.
fn only_service(stack: &Stack<'_>) -> Result<String, Failure> {
    let mut known: Vec<&str> = stack
        .inventory
        .stores
        .iter()
        .filter(|store| store.is_server())
        .map(|store| store.service.as_str())
        .collect();
    known.dedup();
    match known.as_slice() {
        [only] => Ok((*only).to_owned()),
        [first, ..] if share_their_newest(stack, &known) => Ok((*first).to_owned()),
        [] => {
            Err(Failure::new(Exit::Usage, "no service of this project is a server that can be restored into")
                .say("Name one with --service, or name the backup itself."))
        }
        several => {
            Err(Failure::new(Exit::Usage, "several services have data, so `latest` could be any of theirs")
                .say(format!("Name one with --service: {}.", several.join(", "))))
        }
    }
}

/// Whether the newest backup of all of them is one and the same: they are the nodes of a cluster.
fn share_their_newest(stack: &Stack<'_>, services: &[&str]) -> bool {
    let newest = |service: &&str| Some(stack.root.latest(service).ok()??.directory);
    let mut all = services.iter().map(newest);
    let first = all.next().flatten();
    first.is_some() && all.all(|other| other == first)
}

/// A backup without data: only what the record says about the collections.
fn recorded(stack: &Stack<'_>, service: &str) -> Result<Backup, Failure> {
    let store = stack.inventory.stores.iter().find(|store| store.service == service).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
    })?;
    let fingerprint =
        records::read(stack, store)?.and_then(|record| record.fingerprint).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("nothing was ever recorded of `{service}`, and there is no backup"),
            )
        })?;
    Ok(Backup::from_record(&stack.root, &stack.project.name, &store.id, store.kind, fingerprint))
}

fn store_for<'a>(stack: &'a Stack<'_>, backup: &Backup, args: &Restore) -> Result<&'a Store, Failure> {
    let service = args.service.as_ref().unwrap_or(&backup.manifest.service);
    stack.inventory.stores.iter().find(|store| store.service == *service || store.id == *service).ok_or_else(
        || {
            Failure::new(Exit::Usage, format!("no service `{service}` holds data in this project"))
                .say(format!("Services that do: {}.", describe::services(&stack.inventory)))
                .say("--service restores into another one.")
        },
    )
}

/// A server takes data while it runs; plain files are put back into a container that does not.
fn running(stack: &Stack<'_>, store: &Store, kind: StoreKind) -> Result<(), Failure> {
    match kind {
        StoreKind::Qdrant if !store.is_running() => Err(Failure::new(
            Exit::Unavailable,
            format!("`{}` is not running, so nothing can be put into it", store.service),
        )
        .run("To start it", stack.suggest().up(&store.service))),
        StoreKind::Volume if store.is_running() => Err(Failure::new(
            Exit::Usage,
            format!("`{}` runs, and its files can only be put back while it does not", store.service),
        )
        .run("To stop it", stack.suggest().stop(&store.service))),
        StoreKind::Qdrant | StoreKind::Volume => Ok(()),
    }
}

/// What is told of the thing that is restored.
pub(super) struct Telling {
    pub(super) name: String,
    pub(super) age: Option<String>,
    pub(super) kind: StoreKind,
}

pub(super) fn announce(stack: &Stack<'_>, store: &Store, telling: &Telling, plan: &Plan) {
    let ui = stack.ui();
    let age = telling.age.as_ref().map_or_else(String::new, |age| format!(" ({age})"));
    ui.say(format!("restoring `{}` from {}{age}:", store.service, telling.name));
    let noun = match telling.kind {
        StoreKind::Qdrant => "point",
        StoreKind::Volume => "file",
    };
    for step in &plan.steps {
        ui.text(format!("  {}", line(step, noun)));
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
pub(super) async fn clear(stack: &Stack<'_>, store: &Store, plan: &Plan) -> Result<Clearance, Failure> {
    let replaced = plan.steps.iter().filter(|step| step.action == Action::Replace);
    let assessment = Assessment {
        engine: stack.identity().mark(),
        project: stack.project.name.clone(),
        impacts: replaced
            .map(|step| {
                let subject = Subject::Collection { service: store.service.clone(), name: step.to.clone() };
                Impact::new(Effect::Destroy, subject, "the backup takes its place")
            })
            .collect(),
    };
    let decision = decide(&Situation {
        plan: &assessment,
        destroy: stack.settings.guard.destroy,
        orphan: stack.settings.guard.orphan,
        terminal: stack.ui().is_terminal(),
        allow: stack.asked.safe.allow.as_deref(),
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
                        stack.suggest().again(&format!("--safe-allow={token}"), &stack.asked.words),
                    )
            }
        }
        .say(
            "Nothing was changed. --skip-existing leaves alone what is there; --as NAME restores beside it.",
        ));
    }
    let backed = if plan.replaces() {
        super::interruptible(saving::save(stack, std::slice::from_ref(store), "before restore")).await?;
        Backed::Verified
    } else {
        Backed::Nothing
    };
    match decision {
        Decision::Allow(permit) => Ok(permit.clear(backed)),
        Decision::Confirm(question) => {
            let typed = stack.ui().ask(question.word()).unwrap_or_default();
            match question.answer(&typed) {
                Answer::Granted(permit) => Ok(permit.clear(backed)),
                Answer::Denied => Err(Failure::new(Exit::Refused, format!("{what} was not confirmed"))
                    .say("Nothing was changed.")),
            }
        }
        Decision::Refuse(_) => Err(Failure::new(Exit::Internal, "a refusal was passed over")),
    }
}

/// What was restored is what the next start has to find. Collections that were not restored keep their place in the
/// record: a loss that is still there must not be forgotten.
pub(super) async fn adopt(stack: &Stack<'_>, store: &Store, restored: &Restored) {
    let target = stack.target(store, &Silent);
    let Ok(now) = store.kind.driver().fingerprint(target).await else { return };
    let record = records::read(stack, store).ok().flatten();
    let recorded = record.and_then(|record| match record.note {
        Note::Stopped | Note::Accepted => record.fingerprint,
        Note::Destroyed { .. } => None,
    });
    let names: Vec<&str> = restored.steps.iter().map(|step| step.to.as_str()).collect();
    let merged = match recorded {
        Some(recorded) => recorded.with(&now, &names, &restored.aliases),
        None => now,
    };
    records::write(stack, store, Note::Accepted, Some(merged), None);
}

pub(super) fn report(stack: &Stack<'_>, store: &Store, restored: &Restored, format: Format) {
    for remark in &restored.remarks {
        stack.ui().warn(remark);
    }
    if format == Format::Json {
        let steps: Vec<_> = restored
            .steps
            .iter()
            .map(|step| json!({ "from": step.from, "to": step.to, "count": step.count, "action": describe::action(step.action) }))
            .collect();
        stack.ui().result(describe::json(
            &json!({ "service": store.service, "steps": steps, "aliases": restored.aliases }),
        ));
        return;
    }
    let done = restored.steps.iter().filter(|step| step.action != Action::Keep).count() as u64;
    let mut line = format!(
        "restored {} into `{}`, counted and compared",
        crate::units::count(done, "collection"),
        store.service
    );
    if !restored.aliases.is_empty() {
        line.push_str(&format!("; aliases: {}", restored.aliases.join(", ")));
    }
    stack.ui().good(format!("{line}."));
}
