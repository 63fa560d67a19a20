//! `safe-compose unprotect`: let protected volumes be removed again, after their names were typed.
//!
//! The settings have no say in it: a protection was asked for by hand, and ends by hand.

use super::context::{CommandContext, ProjectContext, no_engine};
use super::format;
use super::protect::{resolve, write_down};
use super::refusal::{self, RefusableAction};
use crate::cli::UnprotectArgs;
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::CommandOutcome;
use crate::policy::{Approval, Assessment, BackupStatus, DecisionInput, Effect, GuardMode, Impact, Subject};
use crate::protect;

pub(super) async fn run(command: &CommandContext, args: &UnprotectArgs) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let mut volumes = Vec::new();
    for volume in resolve(&cx, &args.volumes).await? {
        if holders(&cx, &volume).next().is_some() {
            volumes.push(volume);
        } else {
            command.ui.say(format!("`{volume}` is not protected{}.", format::elsewhere(&cx)));
        }
    }
    if volumes.is_empty() {
        return Ok(Exit::Success);
    }
    let ends = || volumes.iter().map(|volume| format!("ends the protection of volume {volume}")).collect();
    for volume in &volumes {
        command.ui.warn(format!(
            "without its holder, `{volume}`{} can be removed by `down -v`, `docker volume rm` and `docker volume prune`.",
            format::elsewhere(&cx)
        ));
    }
    if command.safe.plan {
        return Ok(Exit::Success);
    }
    let plan = plan(&cx, &volumes);
    let line = format!("`{}`", format::command(&command.words));
    let approval = approve(command, &plan, &line).map_err(|(outcome, failure)| {
        write_down(&cx, ends(), outcome, failure.exit);
        failure
    })?;
    // The volume stays, so there is nothing to save.
    let clearance = approval.clear(BackupStatus::Nothing);
    for volume in &volumes {
        protect::unprotect(cx.engine.as_ref(), volume, &clearance).await.map_err(no_engine)?;
        command.ui.say(format!("`{volume}` is not protected any more. It was not touched."));
    }
    write_down(&cx, ends(), CommandOutcome::Ran, Exit::Success);
    Ok(Exit::Success)
}

fn holders<'a>(cx: &'a ProjectContext<'_>, volume: &'a str) -> impl Iterator<Item = &'a Container> {
    cx.holders.iter().filter(move |holder| holder.held_volume() == Some(volume))
}

/// What is decided on: the end of these holders, each by its own id, so that a token opens no other plan and is spent
/// when a volume is protected anew. The word to be typed takes the place of the project's name.
fn plan(cx: &ProjectContext<'_>, volumes: &[String]) -> Assessment {
    let impacts = volumes.iter().flat_map(|volume| holders(cx, volume)).map(|holder| {
        let subject = Subject::Layer { container: holder.id.clone(), created: None };
        Impact::new(Effect::Destroy, subject, "the container that keeps the volume is removed")
    });
    Assessment {
        engine: cx.identity().unique_description(),
        project: volumes.join(" "),
        impacts: impacts.collect(),
    }
}

fn approve(
    command: &CommandContext,
    plan: &Assessment,
    line: &str,
) -> Result<Approval, (CommandOutcome, Failure)> {
    let input = DecisionInput {
        plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: command.ui.is_terminal(),
        allow: command.safe.allow.as_deref(),
    };
    let untouched = "Nothing was changed.";
    let action = RefusableAction { what: line, untouched, allow: "To allow exactly this, once" };
    let permission =
        refusal::decide(command, &input, &action).map_err(|failure| (CommandOutcome::Refused, failure))?;
    permission
        .confirm(&command.ui, line, untouched)
        .map_err(|failure| (CommandOutcome::NotConfirmed, failure))
}
