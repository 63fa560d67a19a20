//! Compares the stores of a project with what was recorded of them, and records what was found.

mod examine;
mod remember;
mod report;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{ProjectContext, no_engine};
use super::mode::{Apply, Mode};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::progress::{Progress, Silent};
use crate::verify::VerifyResult;

pub(super) use examine::{Occasion, is_loss, is_verified, recorded};

/// How long files are waited for once every server runs. A service may end at once, or never start.
const FILES_WAIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Verification {
    /// By the ids of the stores.
    pub(super) verdicts: Vec<(String, VerifyResult)>,
    /// The first store that has lost data, or else the first that could not be verified. The others were printed.
    pub(super) failure: Option<Failure>,
}

/// Compares the stores that the occasion is about. A loss is recorded, and so is what was seen of sound stores, except in
/// a dry run.
pub(super) async fn all(cx: &ProjectContext<'_>, mode: Mode, occasion: Occasion<'_>) -> Verification {
    all_showing(cx, mode, occasion, &cx.ui().meter()).await
}

/// What is found in every store. Nothing is printed or recorded.
pub(super) async fn verdicts(cx: &ProjectContext<'_>) -> Vec<(String, VerifyResult)> {
    let found = examine::all(cx, Occasion::Asked, &Silent).await;
    found.into_iter().map(|one| (one.store.id.clone(), one.verdict)).collect()
}

async fn all_showing(
    cx: &ProjectContext<'_>,
    mode: Mode,
    occasion: Occasion<'_>,
    progress: &dyn Progress,
) -> Verification {
    let mut found = Verification::default();
    for mut one in examine::all(cx, occasion, progress).await {
        if let Mode::Apply(apply) = mode {
            remember::remember(cx, apply, &one);
        }
        match (report::report(cx, &mut one, occasion), found.failure.take()) {
            (None, known) => found.failure = known,
            (Some(failure), None) => found.failure = Some(failure),
            (Some(failure), Some(known)) if known.exit == Exit::Unverified => {
                cx.ui().failure(&known);
                found.failure = Some(failure);
            }
            (Some(failure), Some(known)) => {
                cx.ui().failure(&failure);
                found.failure = Some(known);
            }
        }
        found.verdicts.push((one.store.id.clone(), one.verdict));
    }
    found
}

/// Waits until the services run, then compares. For a command that does not end by itself.
pub(super) async fn once_running(
    cx: &mut ProjectContext<'_>,
    apply: Apply,
    occasion: Occasion<'_>,
) -> Result<(), Failure> {
    let mut patience = None;
    loop {
        cx.refresh().await.map_err(no_engine)?;
        let stores =
            || cx.inventory.stores.iter().filter(|store| is_verified(cx, store) && occasion.is_about(store));
        let servers_run = stores().filter(|store| store.is_server()).all(Store::is_running);
        let files_run = stores().filter(|store| !store.is_server()).all(Store::is_running);
        if servers_run {
            let until = *patience.get_or_insert_with(|| Instant::now() + FILES_WAIT);
            if files_run || Instant::now() >= until {
                break;
            }
        }
        sleep(PAUSE).await;
    }
    // Nothing may move there: the command that never ends prints on the same screen.
    all_showing(cx, Mode::Apply(apply), occasion, &Silent).await.failure.map_or(Ok(()), Err)
}
