//! What is said and asked about a command before it runs.

use super::course;
use crate::commands::confirm::ask;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::compose::invocation::Format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::policy::{Approval, Assessment, Decision, Effect, Refusal};
use crate::preflight::Finding;
use crate::ui::Page;

/// Says what is at stake before anything happens.
pub(super) fn losses(cx: &ProjectContext<'_>, plan: &Assessment) {
    let ui = cx.ui();
    let verb = match plan.worst() {
        Effect::Destroy => "destroys",
        Effect::Orphan => "leaves behind",
        Effect::None | Effect::Interrupt => {
            for impact in plan.impacts.iter().filter(|impact| format::is_reported(impact)) {
                ui.say(format!("{}: {}.", format::subject(&impact.subject), impact.reason));
            }
            return;
        }
    };
    let line = format::command(&cx.command.words);
    ui.warn(format!("`{line}` {verb} data of project `{}`{}:", cx.project.name, format::elsewhere(cx)));
    ui.text(Page::new().blank().page(format::losses(plan)));
    for impact in plan.impacts.iter().filter(|impact| impact.effect == Effect::Interrupt) {
        if format::is_reported(impact) {
            ui.say(format!("{}: {}.", format::subject(&impact.subject), impact.reason));
        }
    }
}

/// Whether the settings ask for a backup of running servers before this command.
pub(super) fn saves_before(cx: &ProjectContext<'_>) -> bool {
    course::backed(&cx.command.reading).is_some_and(|command| cx.settings.backup.before.contains(&command))
}

/// The plan, on standard output. `findings` are those of the checks before a start.
pub(super) fn show_plan(cx: &ProjectContext<'_>, plan: &Assessment, findings: Option<&[Finding]>) {
    let ui = cx.ui();
    if cx.command.safe.format == Format::Json {
        ui.result(format::plan_json(&cx.command.words, plan, findings.unwrap_or_default()));
        return;
    }
    let line = format::command(&cx.command.words);
    ui.paragraph(format!(
        "`{line}` in project `{}`{}: nothing was run.",
        cx.project.name,
        format::elsewhere(cx)
    ));
    if plan.impacts.is_empty() {
        ui.paragraph("It touches no data.");
    } else {
        ui.result(Page::new().blank().page(format::effects(plan)));
    }
    match plan.worst() {
        Effect::Destroy | Effect::Orphan => {
            ui.paragraph("It would be saved first, and then the project's name would have to be typed.");
        }
        Effect::Interrupt if saves_before(cx) => {
            ui.paragraph("Running Qdrant servers would be backed up first.");
        }
        Effect::Interrupt | Effect::None => {}
    }
    for finding in findings.into_iter().flatten() {
        ui.paragraph(format::finding(finding));
    }
    if findings.is_some_and(<[Finding]>::is_empty) {
        ui.paragraph("Every place that holds data is there and can be written.");
    }
}

pub(super) fn refused(cx: &ProjectContext<'_>, refusal: &Refusal) -> Failure {
    let line = format::command(&cx.command.words);
    let subcommand = cx.command.reading.subcommand.as_deref().unwrap_or_default();
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
            cx.suggest().again(&format!("--safe-allow={token}"), &cx.command.words),
        ),
        Refusal::WrongToken(token) => {
            Failure::new(Exit::Refused, format!("`{line}` was refused: the token belongs to another plan"))
                .say("Nothing was run. What would be lost has changed since the token was made, or it was never for this project.")
                .run(
                    "If you want exactly what is listed above, once",
                    cx.suggest().again(&format!("--safe-allow={token}"), &cx.command.words),
                )
        }
    }
}

pub(super) fn confirm(cx: &ProjectContext<'_>, decision: Decision) -> Result<Approval, Failure> {
    match decision {
        Decision::Allow(approval) => Ok(approval),
        Decision::Confirm(question) => {
            let what = format!("`{}`", format::command(&cx.command.words));
            let instead = "Nothing was run, and nothing was lost. Backups made just now are kept.";
            ask(cx.ui(), question, &what, instead)
        }
        Decision::Refuse(refusal) => Err(refused(cx, &refusal)),
    }
}
