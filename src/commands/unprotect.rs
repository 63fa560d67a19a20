//! `safe-compose unprotect`: allow protected volumes to be deleted again.
//!
//! It always asks for confirmation. The settings do not change that: a protection was requested by hand and ends by hand.

use jiff::Timestamp;
use serde_json::json;

use super::context::{CommandContext, ProjectContext, no_engine};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use super::protect::resolve;
use super::refusal::{self, RefusableAction};
use crate::cli::{Format, UnprotectArgs};
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{
    Approval, Assessment, BackupStatus, DecisionInput, Effect, GuardMode, Impact, Subject, Token,
};
use crate::protect;

pub(super) async fn run(
    command: &CommandContext,
    args: &UnprotectArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let mut volumes = Vec::new();
    for volume in resolve(&cx, &args.volumes).await? {
        if holders(&cx, &volume).next().is_some() {
            volumes.push(volume);
        } else {
            command.ui.say(format!("`{volume}` is not protected{}.", format::elsewhere(&cx)));
        }
    }
    match mode {
        Mode::DryRun => Ok(dry_run(&cx, &volumes).show(cx.ui(), output)),
        Mode::Apply(apply) => {
            if !volumes.is_empty() {
                act(&cx, &volumes, apply).await?;
            }
            if output == Format::Json {
                let results: Vec<_> =
                    volumes.iter().map(|volume| json!({ "volume": volume, "result": "removed" })).collect();
                command.ui.result(format::json(&results));
            }
            Ok(Exit::Success)
        }
    }
}

fn dry_run(cx: &ProjectContext<'_>, volumes: &[String]) -> DryRun {
    let change = |volume: &String| {
        PlannedChange::new("remove", format!("the holder container of volume `{volume}`"))
            .with("any tool can delete the volume afterwards")
    };
    let token = (!volumes.is_empty()).then(|| Token::of(&plan(cx, volumes), Timestamp::now()).to_string());
    DryRun { token, ..DryRun::new("unprotect", volumes.iter().map(change).collect()) }
}

/// Removes the holder containers after a confirmation.
async fn act(cx: &ProjectContext<'_>, volumes: &[String], apply: Apply) -> Result<(), Failure> {
    let command = cx.command;
    for volume in volumes {
        command.record.will(format!("ends the protection of volume {volume}"));
        command.ui.warn(format!(
            "without its holder container, `{volume}`{} can be deleted by `down -v`, `docker volume rm` and `docker volume prune`.",
            format::elsewhere(cx)
        ));
    }
    let plan = plan(cx, volumes);
    let approval = approve(command, &plan, &format!("`{}`", command.suggest.typed(&command.words)))?;
    command.record.begin(apply);
    // The volume is kept, so there is nothing to back up.
    let clearance = approval.clear(BackupStatus::Nothing);
    for volume in volumes {
        protect::unprotect(cx.engine.as_ref(), volume, &clearance).await.map_err(no_engine)?;
        command.ui.say(format!("`{volume}` is no longer protected. The volume itself was not touched."));
    }
    Ok(())
}

fn holders<'a>(cx: &'a ProjectContext<'_>, volume: &'a str) -> impl Iterator<Item = &'a Container> {
    cx.holders.iter().filter(move |holder| holder.held_volume() == Some(volume))
}

/// What is decided on: the removal of these holder containers. Each is named by its id, so that a token fits no other plan
/// and expires when the volume is protected again. The volumes' names are typed instead of the project's.
fn plan(cx: &ProjectContext<'_>, volumes: &[String]) -> Assessment {
    let impacts = volumes.iter().flat_map(|volume| holders(cx, volume)).map(|holder| {
        let subject = Subject::Layer { container: holder.id.clone(), created: None };
        Impact::new(Effect::Destroy, subject, "the container that protects the volume is removed")
    });
    Assessment {
        engine: cx.identity().unique_description(),
        project: volumes.join(" "),
        impacts: impacts.collect(),
    }
}

fn approve(command: &CommandContext, plan: &Assessment, line: &str) -> Result<Approval, Failure> {
    let input = DecisionInput {
        plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: command.ui.is_terminal(),
        allow: command.safe.allow.as_deref(),
        now: Timestamp::now(),
    };
    let untouched = "Nothing was changed.";
    let action = RefusableAction { what: line, untouched, allow: "To run exactly this command once" };
    refusal::decide(command, &input, &action)?.confirm(&command.ui, line, untouched)
}
