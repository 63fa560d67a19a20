//! Compares running services with their baselines and reports the result.

use std::collections::BTreeSet;
use std::time::Duration;

use super::context::ProjectContext;
use super::mode::{Apply, Mode};
use super::{baselines, format};
use crate::backup::baseline::StoreBaseline;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::progress::{Progress, Silent};
use crate::verify::{self, VerifyResult};

/// Compares every running store of the services (all when `None`). The first that has lost data is returned as the
/// failure; the others are printed. A loss is recorded, except in a dry run.
pub(super) async fn all(
    cx: &ProjectContext<'_>,
    mode: Mode,
    services: Option<&BTreeSet<String>>,
) -> Result<Vec<(String, VerifyResult)>, Failure> {
    all_showing(cx, mode, services, &cx.ui().meter()).await
}

async fn all_showing(
    cx: &ProjectContext<'_>,
    mode: Mode,
    services: Option<&BTreeSet<String>>,
    progress: &dyn Progress,
) -> Result<Vec<(String, VerifyResult)>, Failure> {
    let mut verdicts = Vec::new();
    let mut failed: Option<Failure> = None;
    for store in comparable(cx, services) {
        let record = baselines::read(cx, store)?;
        let verdict =
            verify::examine(cx.target(store, progress), record.as_ref(), cx.command.ready_timeout()).await;
        match mode {
            Mode::Apply(apply) => remember(cx, apply, store, record.as_ref(), &verdict),
            Mode::DryRun => {}
        }
        match report(cx, store, record.as_ref(), &verdict)? {
            None => {}
            Some(failure) if failed.is_none() => failed = Some(failure),
            Some(failure) => cx.ui().failure(&failure),
        }
        verdicts.push((store.id.clone(), verdict));
    }
    failed.map_or(Ok(verdicts), Err)
}

/// Waits until the services run, then compares. For a command that does not end by itself.
pub(super) async fn once_running(
    cx: &mut ProjectContext<'_>,
    apply: Apply,
    services: Option<&BTreeSet<String>>,
) -> Result<(), Failure> {
    loop {
        cx.refresh().await.map_err(super::context::no_engine)?;
        let waiting = cx
            .inventory
            .stores
            .iter()
            .filter(|store| in_reach(store, services))
            .any(|store| !store.is_running());
        if !waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Nothing may move there: the command that never ends prints on the same screen.
    all_showing(cx, Mode::Apply(apply), services, &Silent).await.map(drop)
}

fn in_reach(store: &Store, services: Option<&BTreeSet<String>>) -> bool {
    store.is_server() && services.is_none_or(|services| services.contains(&store.service))
}

fn comparable<'a>(
    cx: &'a ProjectContext<'_>,
    services: Option<&'a BTreeSet<String>>,
) -> impl Iterator<Item = &'a Store> {
    cx.inventory.stores.iter().filter(move |store| in_reach(store, services) && store.is_running())
}

/// Records a loss, or that it is over.
fn remember(
    cx: &ProjectContext<'_>,
    apply: Apply,
    store: &Store,
    record: Option<&StoreBaseline>,
    verdict: &VerifyResult,
) {
    match verdict {
        VerifyResult::DataMissing { differences, .. } => {
            let missing = differences.iter().map(ToString::to_string).collect();
            baselines::record_loss(cx, apply, store, record, missing);
        }
        VerifyResult::Complete(_) | VerifyResult::NoBaseline(_) => {
            if let Some(record) = record {
                baselines::resolve_loss(cx, apply, store, record);
            }
        }
        VerifyResult::Reset { .. } | VerifyResult::Unverifiable(_) => {}
    }
}

/// Reports a verdict; missing data is a failure.
fn report(
    cx: &ProjectContext<'_>,
    store: &Store,
    record: Option<&StoreBaseline>,
    verdict: &VerifyResult,
) -> Result<Option<Failure>, Failure> {
    let ui = cx.ui();
    let service = &store.service;
    let since = record.map_or_else(String::new, |record| format!(" ({})", format::ago(record.time)));
    match verdict {
        VerifyResult::Complete(now) => {
            ui.good(format!(
                "`{service}`: all data present since the last stop{since}: {}.",
                format::contents(now)
            ));
            Ok(None)
        }
        VerifyResult::NoBaseline(now) => {
            ui.say(format!(
                "`{service}` has {}. It has no baseline yet, so nothing was compared.",
                format::contents(now)
            ));
            Ok(None)
        }
        VerifyResult::Reset { now, backup } => {
            ui.say(format!(
                "`{service}` starts with {}. Its earlier data was destroyed on purpose{since}.",
                format::contents(now)
            ));
            if let Some(backup) = backup {
                ui.suggest("To restore it", cx.suggest().restore(backup));
            }
            Ok(None)
        }
        VerifyResult::Unverifiable(reason) => Ok(Some(
            Failure::new(Exit::DataMissing, format!("`{service}` could not be compared with its baseline"))
                .because(anyhow::anyhow!("{reason}"))
                .run("To see its log", cx.suggest().logs(service))
                .run("To compare again", cx.suggest().verify()),
        )),
        VerifyResult::DataMissing { now, differences } => {
            let mut failure = Failure::new(
                Exit::DataMissing,
                match record.and_then(|record| record.fingerprint.as_ref()) {
                    Some(_) => format!("`{service}` has lost data since its last stop{since}"),
                    None => format!("`{service}` is damaged"),
                },
            );
            for difference in differences {
                failure = failure.say(format!("- {difference}"));
            }
            failure = failure.say(format!("It now has {}.", format::contents(now)));
            if let Some(loss) = record.and_then(|record| record.loss.as_ref()) {
                failure = failure.say(format!(
                    "First reported {}. Until it is restored or accepted, the baseline stays, and new backups are never `latest`.",
                    format::ago(loss.found)
                ));
            }
            let latest = cx.root.choose_latest(&store.id).map_err(|error| {
                Failure::new(Exit::DataMissing, "the backups cannot be listed").because(error)
            })?;
            failure = match latest.backup {
                Some(backup) => failure.run(
                    format!(
                        "To restore the newest backup ({}, {})",
                        format::ago(backup.manifest.created),
                        format::contents(&backup.manifest.fingerprint),
                    ),
                    cx.suggest().restore_latest(service),
                ),
                None => failure.say("It has no backup.").run(
                    "To create the collections of its baseline without their points",
                    cx.suggest().restore_schema(service),
                ),
            };
            Ok(Some(failure.run("If this is expected, accept it as the new baseline", cx.suggest().accept())))
        }
    }
}
