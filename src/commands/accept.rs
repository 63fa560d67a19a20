//! `safe-compose verify --accept`: the current state becomes the baseline.

use jiff::Timestamp;
use serde_json::json;

use super::context::ProjectContext;
use super::dry_run::{DryRun, PlannedChange};
use super::mode::Mode;
use super::{baselines, format, verify_run};
use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::evidence;
use crate::cli::Format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::progress::Silent;
use crate::verify::Observation;

pub(super) async fn run(cx: &ProjectContext<'_>, mode: Mode, output: Format) -> Result<Exit, Failure> {
    let mut changes = Vec::new();
    let mut accepted = Vec::new();
    for store in cx.inventory.stores.iter().filter(|store| verify_run::is_verified(cx, store)) {
        let Some((record, contents)) = current(cx, store).await? else { continue };
        match mode {
            Mode::DryRun => changes.push(
                PlannedChange::new("record", format!("the state of `{}` as its baseline", store.service))
                    .with(contents),
            ),
            Mode::Apply(apply) => {
                cx.command
                    .record
                    .will(format!("accepts the state of {} as its baseline: {contents}", store.id));
                cx.command.record.begin(apply);
                cx.ui().good(format!("the baseline of `{}` is now {contents}.", store.service));
                accepted.push(json!({ "service": store.service, "contents": contents }));
                baselines::record(cx, apply, store, &record);
            }
        }
    }
    if changes.is_empty() && accepted.is_empty() {
        return Err(Failure::new(Exit::Unverified, "no service runs, so there is no state to accept")
            .say("Nothing was changed."));
    }
    Ok(match (mode, output) {
        (Mode::DryRun, _) => DryRun::new("verify --accept", changes).show(cx.ui(), output),
        (Mode::Apply(_), Format::Text) => Exit::Success,
        (Mode::Apply(_), Format::Json) => {
            cx.ui().result(format::json(&json!({ "accepted": accepted })));
            Exit::Success
        }
    })
}

/// The current state of a store as a baseline, and in words. `None` if there is none to accept.
async fn current(cx: &ProjectContext<'_>, store: &Store) -> Result<Option<(StoreBaseline, String)>, Failure> {
    let accepted = StoreBaseline::new(Timestamp::now(), Note::Accepted, None, None);
    let can_look = if store.is_server() { store.is_running() } else { store.container.is_some() };
    if !can_look {
        // Its data is gone with its container. Accepting that ends the loss.
        let has_lost = baselines::read(cx, store).ok().flatten().is_some_and(|known| known.loss.is_some());
        return Ok((has_lost && store.container.is_none()).then(|| (accepted, "no data".to_owned())));
    }
    let now = observe(cx, store).await.map_err(|error| {
        Failure::new(Exit::Unverified, format!("`{}` cannot be queried", store.service))
            .because(error)
            .say("The baseline was not changed.")
            .run("To see its log", cx.suggest().logs(&store.service))
    })?;
    let contents = format::observation(&now);
    let Observation { contents: fingerprint, evidence } = now;
    Ok(Some((StoreBaseline { fingerprint, evidence: Some(evidence), ..accepted }, contents)))
}

/// Does not wait for a server.
async fn observe(cx: &ProjectContext<'_>, store: &Store) -> anyhow::Result<Observation> {
    let target = cx.target(store, &Silent);
    if !store.is_server() {
        return Ok(Observation { contents: None, evidence: evidence::look(target).await? });
    }
    let contents = store.kind.driver().fingerprint(target).await?;
    let evidence = evidence::of_server(target, &contents).await?;
    Ok(Observation { contents: Some(contents), evidence })
}
