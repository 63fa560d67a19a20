//! `safe-compose setup remove`: undoes everything that was installed.

use serde_json::json;

use super::super::dry_run::{DryRun, PlannedChange};
use super::super::format;
use super::super::mode::Mode;
use super::super::offline_context::OfflineContext;
use super::confirm;
use crate::cli::Format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::setup::{self, RecordedStep, SetupPlaces, SetupRecord, SetupRemoval};

pub(super) fn run(
    cx: &OfflineContext<'_>,
    places: &SetupPlaces,
    (yes, mode): (bool, Mode),
    output: Format,
) -> Result<Exit, Failure> {
    let record = SetupRecord::read(&places.record()).map_err(|error| {
        Failure::new(Exit::Unavailable, "what was set up is unknown")
            .because(error)
            .say("Nothing was changed.")
    })?;
    let plan = DryRun::new("setup remove", record.steps.iter().rev().filter_map(planned).collect());
    let removal = match mode {
        Mode::DryRun => return Ok(plan.show(&cx.ui, output)),
        Mode::Apply(_) if record.steps.is_empty() => SetupRemoval::default(),
        Mode::Apply(_) => {
            confirm(cx, &plan, yes, "setup remove")?;
            setup::remove(places, &record).map_err(|error| {
                Failure::new(Exit::Unavailable, "the removal is incomplete")
                    .because(error)
                    .say("It can be repeated once the cause is fixed.")
            })?
        }
    };
    match output {
        Format::Json => cx.ui.result(format::json(&json!({
            "format": "safe-compose-setup-removal",
            "format_version": 1,
            "done": removal.done,
            "left": removal.left,
        }))),
        Format::Text if record.steps.is_empty() => cx.ui.good("nothing was set up; nothing was changed."),
        Format::Text => {
            for left in &removal.left {
                cx.ui.warn(format!("{left}."));
            }
            cx.ui.good(if removal.left.is_empty() {
                "everything that was set up has been removed."
            } else {
                "everything else that was set up has been removed."
            });
        }
    }
    Ok(Exit::Success)
}

fn planned(step: &RecordedStep) -> Option<PlannedChange> {
    let put_back = |change: PlannedChange, kept: bool| {
        if kept { change.with("the file that was there is put back") } else { change }
    };
    let path = |path: &std::path::Path| format!("`{}`", path.display());
    Some(match step {
        RecordedStep::Directory { .. } => return None,
        RecordedStep::Program { path: at } => PlannedChange::new("remove", path(at)),
        RecordedStep::Link { path: at, kept, .. } | RecordedStep::File { path: at, kept, .. } => {
            put_back(PlannedChange::new("remove", path(at)), kept.is_some())
        }
        RecordedStep::Block { path: at, .. } => PlannedChange::new("take the lines out of", path(at)),
        RecordedStep::Crontab { .. } => PlannedChange::new("take the lines out of", "the crontab"),
        RecordedStep::Enable { unit, .. } => PlannedChange::new("disable", format!("`{unit}`")),
    })
}
