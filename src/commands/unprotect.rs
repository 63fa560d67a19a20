//! `safe-compose unprotect`: let protected volumes be removed again, after their names were typed.
//!
//! The settings have no say in it: a protection was asked for by hand, and ends by hand.

use super::asking::ask;
use super::describe;
use super::protect::{resolve, write_down};
use super::stack::{Asked, Stack, no_engine};
use crate::cli::Unprotect;
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::journal::Outcome;
use crate::policy::{
    Assessment, Backed, Decision, Effect, Impact, Permit, Refusal, Rule, Situation, Subject, decide,
};
use crate::protect;

pub(super) async fn run(asked: &Asked, args: &Unprotect) -> Result<Exit, Failure> {
    let stack = Stack::gather(asked).await?;
    let mut volumes = Vec::new();
    for volume in resolve(&stack, &args.volumes).await? {
        if holders(&stack, &volume).next().is_some() {
            volumes.push(volume);
        } else {
            asked.ui.say(format!("`{volume}` is not protected{}.", describe::elsewhere(&stack)));
        }
    }
    if volumes.is_empty() {
        return Ok(Exit::Success);
    }
    let ends = || volumes.iter().map(|volume| format!("ends the protection of volume {volume}")).collect();
    for volume in &volumes {
        asked.ui.warn(format!(
            "without its holder, `{volume}`{} can be removed by `down -v`, `docker volume rm` and `docker volume prune`.",
            describe::elsewhere(&stack)
        ));
    }
    if asked.safe.plan {
        return Ok(Exit::Success);
    }
    let plan = plan(&stack, &volumes);
    let permit = match permit(asked, &plan) {
        Ok(permit) => permit,
        Err((outcome, failure)) => {
            write_down(&stack, ends(), outcome, failure.exit);
            return Err(failure);
        }
    };
    // The volume stays, so there is nothing to save.
    let clearance = permit.clear(Backed::Nothing);
    for volume in &volumes {
        protect::lift(stack.engine.as_ref(), volume, &clearance).await.map_err(no_engine)?;
        asked.ui.say(format!("`{volume}` is not protected any more. It was not touched."));
    }
    write_down(&stack, ends(), Outcome::Ran, Exit::Success);
    Ok(Exit::Success)
}

fn holders<'a>(stack: &'a Stack<'_>, volume: &'a str) -> impl Iterator<Item = &'a Container> {
    stack.holders.iter().filter(move |holder| holder.held_volume() == Some(volume))
}

/// What is decided on: the end of these holders, each by its own id, so that a token opens no other plan and is spent
/// when a volume is protected anew. The word to be typed takes the place of the project's name.
fn plan(stack: &Stack<'_>, volumes: &[String]) -> Assessment {
    let impacts = volumes.iter().flat_map(|volume| holders(stack, volume)).map(|holder| {
        let subject = Subject::Layer { container: holder.id.clone(), created: None };
        Impact::new(Effect::Destroy, subject, "the container that keeps the volume is removed")
    });
    Assessment { engine: stack.identity().mark(), project: volumes.join(" "), impacts: impacts.collect() }
}

fn permit(asked: &Asked, plan: &Assessment) -> Result<Permit, (Outcome, Failure)> {
    let decision = decide(&Situation {
        plan,
        destroy: Rule::Confirm,
        orphan: Rule::Confirm,
        terminal: asked.ui.is_terminal(),
        allow: asked.safe.allow.as_deref(),
    });
    let line = describe::command(&asked.words);
    match decision {
        Decision::Allow(permit) => Ok(permit),
        Decision::Confirm(question) => ask(&asked.ui, question, &format!("`{line}`"), "Nothing was changed.")
            .map_err(|failure| (Outcome::NotConfirmed, failure)),
        Decision::Refuse(refusal) => {
            let failure = match refusal {
                Refusal::NoTerminal(token) => Failure::new(
                    Exit::Refused,
                    format!("`{line}` was refused: there is no terminal to ask on"),
                )
                .say("Nothing was changed.")
                .run("If this is what you want", again(asked, &token.to_string())),
                Refusal::WrongToken(token) => Failure::new(
                    Exit::Refused,
                    format!("`{line}` was refused: the token belongs to another plan"),
                )
                .say("Nothing was changed. A token is spent when its holder is gone.")
                .run("If this is what you want", again(asked, &token.to_string())),
                Refusal::Settings(_) => {
                    Failure::new(Exit::Refused, format!("`{line}` was refused by the settings"))
                        .say("Nothing was changed.")
                }
            };
            Err((Outcome::Refused, failure))
        }
    }
}

fn again(asked: &Asked, token: &str) -> String {
    asked.suggest.again(&format!("--safe-allow={token}"), &asked.words)
}
