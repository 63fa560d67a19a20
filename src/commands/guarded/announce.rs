//! What is said and asked about a command before it runs.

use super::course;
use crate::commands::asking::ask;
use crate::commands::describe;
use crate::commands::stack::Stack;
use crate::compose::invocation::Format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Assessment, Decision, Effect, Permit, Refusal};
use crate::preflight::Finding;

/// Says what is at stake before anything happens.
pub(super) fn losses(stack: &Stack<'_>, plan: &Assessment) {
    let ui = stack.ui();
    let verb = match plan.worst() {
        Effect::Destroy => "destroys",
        Effect::Orphan => "leaves behind",
        Effect::None | Effect::Interrupt => {
            for impact in plan.impacts.iter().filter(|impact| describe::is_told(impact)) {
                ui.say(format!("{}: {}.", describe::subject(&impact.subject), impact.reason));
            }
            return;
        }
    };
    let line = describe::command(&stack.asked.words);
    ui.warn(format!(
        "`{line}` {verb} data of project `{}`{}:",
        stack.project.name,
        describe::elsewhere(stack)
    ));
    ui.text(format!("\n{}", describe::losses(plan)));
    for impact in plan.impacts.iter().filter(|impact| impact.effect == Effect::Interrupt) {
        if describe::is_told(impact) {
            ui.say(format!("{}: {}.", describe::subject(&impact.subject), impact.reason));
        }
    }
}

/// Whether the settings ask for a backup of running servers before this command.
pub(super) fn saves_before(stack: &Stack<'_>) -> bool {
    course::backed(&stack.asked.reading)
        .is_some_and(|command| stack.settings.backup.before.contains(&command))
}

/// The plan, on standard output. `findings` are those of the checks before a start.
pub(super) fn show_plan(stack: &Stack<'_>, plan: &Assessment, findings: Option<&[Finding]>) {
    let ui = stack.ui();
    if stack.asked.safe.format == Format::Json {
        ui.result(describe::plan_json(&stack.asked.words, plan, findings.unwrap_or_default()));
        return;
    }
    let line = describe::command(&stack.asked.words);
    ui.result(format!(
        "`{line}` in project `{}`{}: nothing was run.",
        stack.project.name,
        describe::elsewhere(stack)
    ));
    if plan.impacts.is_empty() {
        ui.result("It touches no data.");
    } else {
        ui.result(format!("\n{}", describe::effects(plan)));
    }
    match plan.worst() {
        Effect::Destroy | Effect::Orphan => {
            ui.result("It would be saved first, and then the project's name would have to be typed.");
        }
        Effect::Interrupt if saves_before(stack) => {
            ui.result("Running Qdrant servers would be backed up first.");
        }
        Effect::Interrupt | Effect::None => {}
    }
    for finding in findings.into_iter().flatten() {
        ui.result(describe::finding(finding));
    }
    if findings.is_some_and(<[Finding]>::is_empty) {
        ui.result("Every place that holds data is there and can be written.");
    }
}

pub(super) fn refused(stack: &Stack<'_>, refusal: &Refusal) -> Failure {
    let line = describe::command(&stack.asked.words);
    let subcommand = stack.asked.reading.subcommand.as_deref().unwrap_or_default();
    match refusal {
        Refusal::Settings(effect) => {
            let setting = if *effect == Effect::Destroy { "destroy" } else { "orphan" };
            Failure::new(Exit::Refused, format!("`{line}` was refused: the settings say `guard.{setting}: refuse`"))
                .say("Nothing was run.")
        }
        Refusal::NoTerminal(token) => Failure::new(
            Exit::Refused,
            format!("`{line}` was refused: there is no terminal to ask on"),
        )
        .say("Nothing was run, and nothing was lost.")
        .run(
            format!("If you want exactly this, once (it is saved first, and then `{subcommand}` runs)"),
            stack.suggest().again(&format!("--safe-allow={token}"), &stack.asked.words),
        ),
        Refusal::WrongToken(token) => {
            Failure::new(Exit::Refused, format!("`{line}` was refused: the token belongs to another plan"))
                .say("Nothing was run. What would be lost has changed since the token was made, or it was never for this project.")
                .run(
                    "If you want exactly what is listed above, once",
                    stack.suggest().again(&format!("--safe-allow={token}"), &stack.asked.words),
                )
        }
    }
}

pub(super) fn confirm(stack: &Stack<'_>, decision: Decision) -> Result<Permit, Failure> {
    match decision {
        Decision::Allow(permit) => Ok(permit),
        Decision::Confirm(question) => {
            let what = format!("`{}`", describe::command(&stack.asked.words));
            let instead = "Nothing was run, and nothing was lost. Backups made just now are kept.";
            ask(stack.ui(), question, &what, instead)
        }
        Decision::Refuse(refusal) => Err(refused(stack, &refusal)),
    }
}
