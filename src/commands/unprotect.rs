//! `safe-compose unprotect`: let protected volumes be removed again, after their names were typed.
//!
//! The settings have no say in it: a protection was asked for by hand, and ends by hand.

use super::confirm::ask;
use super::context::{CommandContext, ProjectContext, no_engine};
use super::format;
use super::protect::{resolve, write_down};
use crate::cli::UnprotectArgs;
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::CommandOutcome;
use crate::policy::{
    Approval, Assessment, BackupStatus, Decision, DecisionInput, Effect, Impact, Refusal, Rule, Subject,
    decide,
};
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
    let approval = match approval(command, &plan) {
        Ok(approval) => approval,
        Err((outcome, failure)) => {
            write_down(&cx, ends(), outcome, failure.exit);
            return Err(failure);
        }
    };
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

fn approval(command: &CommandContext, plan: &Assessment) -> Result<Approval, (CommandOutcome, Failure)> {
    let decision = decide(&DecisionInput {
        plan,
        destroy: Rule::Confirm,
        orphan: Rule::Confirm,
        terminal: command.ui.is_terminal(),
        allow: command.safe.allow.as_deref(),
    });
    let line = format::command(&command.words);
    match decision {
        Decision::Allow(approval) => Ok(approval),
        Decision::Confirm(question) => {
            ask(&command.ui, question, &format!("`{line}`"), "Nothing was changed.")
                .map_err(|failure| (CommandOutcome::NotConfirmed, failure))
        }
        Decision::Refuse(refusal) => {
            let failure = match refusal {
                Refusal::NoTerminal(token) => Failure::new(
                    Exit::Refused,
                    format!("`{line}` was refused: there is no terminal to ask on"),
                )
                .say("Nothing was changed.")
                .run("If this is what you want", again(command, &token.to_string())),
                Refusal::WrongToken(token) => Failure::new(
                    Exit::Refused,
                    format!("`{line}` was refused: the token belongs to another plan"),
                )
                .say("Nothing was changed. A token is spent when its holder is gone.")
                .run("If this is what you want", again(command, &token.to_string())),
                Refusal::Settings(_) => {
                    Failure::new(Exit::Refused, format!("`{line}` was refused by the settings"))
                        .say("Nothing was changed.")
                }
            };
            Err((CommandOutcome::Refused, failure))
        }
    }
}

fn again(command: &CommandContext, token: &str) -> String {
    command.suggest.again(&format!("--safe-allow={token}"), &command.words)
}
