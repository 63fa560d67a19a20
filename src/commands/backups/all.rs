//! `backups prune --all`: prunes the backups of every project by its own settings.

use serde_json::json;

use super::listing;
use crate::cli::Format;
use crate::commands::all_projects::{AllProjects, OpenedProject, Unread, worst};
use crate::commands::context::CommandContext;
use crate::commands::dry_run::DryRun;
use crate::commands::format;
use crate::commands::mode::{Apply, Mode};
use crate::commands::prune_run::{self, Pruned};
use crate::error::Failure;
use crate::exit::Exit;

pub(super) async fn prune(command: &CommandContext, mode: Mode, output: Format) -> Result<Exit, Failure> {
    // As JSON there is one result for all of them.
    let ui = if output == Format::Json { command.ui.quiet() } else { command.ui.clone() };
    let all = AllProjects::list(command, &ui).await?;
    let mut exit = Exit::Success;
    let mut shown = DryRun::new("backups prune --all", Vec::new());
    let mut results = Vec::new();
    for one in &all.open().await {
        let name = &one.known.name;
        match prune_one(one, mode, &mut shown).await {
            Ok(Pruned { removed, kept, .. }) => {
                let kept: Vec<String> = kept.into_iter().map(|(name, _)| name).collect();
                results.push(json!({ "project": name, "removed": removed, "kept": kept, "error": null }));
            }
            Err(failure) => {
                let failure =
                    Failure { message: format!("project `{name}`: {}", failure.message), ..failure };
                results.push(
                    json!({ "project": name, "removed": [], "kept": [], "error": failure.to_string() }),
                );
                command.ui.failure(&failure);
                exit = worst(exit, failure.exit);
            }
        }
    }
    match (mode, output) {
        (Mode::DryRun, _) => {
            shown.show(&command.ui, output);
        }
        (Mode::Apply(_), Format::Json) => command.ui.result(format::json(&json!({
            "format": "safe-compose-prune-all",
            "format_version": 1,
            "projects": results,
        }))),
        (Mode::Apply(_), Format::Text) => {}
    }
    Ok(exit)
}

/// Prunes one project, or adds what would be removed to a dry run.
async fn prune_one(one: &OpenedProject<'_>, mode: Mode, shown: &mut DryRun) -> Result<Pruned, Failure> {
    if let Some(Unread::Refused(reason)) = &one.unread {
        return Err(Failure::new(Exit::BackupFailed, "its backups were not pruned")
            .because(anyhow::anyhow!("its Compose file cannot be read: {reason}")));
    }
    let listing = listing(&one.cx.root)?;
    if listing.backups.is_empty() {
        return Ok(Pruned::default());
    }
    match mode {
        Mode::DryRun => {
            let planned = prune_run::plan(&one.cx.root, &listing.backups, one.cx.settings.backup.keep);
            let dry_run = super::dry_run(&planned);
            shown.changes.extend(dry_run.changes);
            shown.kept.extend(dry_run.kept);
            Ok(planned)
        }
        Mode::Apply(apply) => carry_out(one, apply).await,
    }
}

async fn carry_out(one: &OpenedProject<'_>, apply: Apply) -> Result<Pruned, Failure> {
    let cx = &one.cx;
    cx.ui().say(format!("project `{}`:", one.known.name));
    let work = async { super::prune(cx.command, (&cx.root, cx.settings.backup.keep), (apply, Format::Text)) };
    one.recording(apply, work, |_| Exit::Success).await
}
