//! What the user sees of an assessment: the effects before the command runs, or the plan instead of it.

use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::compose::invocation::Format;
use crate::policy::{Assessment, DecisionInput, Effect, Impact};
use crate::preflight::CheckFinding;
use crate::settings::BackedCommand;
use crate::ui::Page;

/// The command in backticks.
pub(super) fn command(cx: &ProjectContext<'_>) -> String {
    format!("`{}`", format::command(&cx.command.words))
}

/// Introduces the command with the confirmation token.
pub(super) fn allow_hint(cx: &ProjectContext<'_>) -> String {
    if cx.command.safe.skip_backup {
        "To allow exactly this, once, without a backup".to_owned()
    } else {
        let name = cx.command.reading.name();
        format!("To allow exactly this, once (the data is backed up before `{name}` runs)")
    }
}

/// What the decision about a plan depends on.
pub(super) fn decision_input<'a>(cx: &'a ProjectContext<'_>, plan: &'a Assessment) -> DecisionInput<'a> {
    DecisionInput {
        plan,
        destroy: cx.settings.guard.destroy,
        orphan: cx.settings.guard.orphan,
        terminal: cx.ui().is_terminal(),
        allow: cx.command.safe.allow.as_deref(),
    }
}

/// Whether the settings want a backup of running servers before this command.
pub(super) fn backs_up_before(cx: &ProjectContext<'_>) -> bool {
    let backed = cx.command.reading.subcommand.as_ref().and_then(BackedCommand::of);
    backed.is_some_and(|command| cx.settings.backup.before.contains(&command))
}

/// Prints the effects on data before anything happens.
pub(super) fn effects(cx: &ProjectContext<'_>, plan: &Assessment) {
    let ui = cx.ui();
    let line = |impact: &Impact| format!("{}: {}.", format::subject(&impact.subject), impact.reason);
    let reported = plan.impacts.iter().filter(|impact| format::is_reported(impact));
    let verb = match plan.worst() {
        Effect::Destroy => "destroys",
        Effect::Orphan => "leaves behind",
        Effect::None | Effect::Interrupt => {
            reported.for_each(|impact| ui.say(line(impact)));
            return;
        }
    };
    ui.warn(format!(
        "{} {verb} data of project `{}`{}:",
        command(cx),
        cx.project.name,
        format::elsewhere(cx)
    ));
    ui.text(Page::new().blank().page(format::losses(plan)));
    reported.filter(|impact| impact.effect == Effect::Interrupt).for_each(|impact| ui.say(line(impact)));
}

/// Prints the plan to standard output. `findings` are those of the preflight checks, if the command starts services.
pub(super) fn plan(cx: &ProjectContext<'_>, plan: &Assessment, findings: Option<&[CheckFinding]>) {
    let ui = cx.ui();
    if cx.command.safe.format == Format::Json {
        ui.result(format::plan_json(&cx.command.words, plan, findings.unwrap_or_default()));
        return;
    }
    ui.paragraph(format!(
        "{} in project `{}`{}: nothing was run.",
        command(cx),
        cx.project.name,
        format::elsewhere(cx)
    ));
    if plan.impacts.is_empty() {
        ui.paragraph("It affects no data.");
    } else {
        ui.result(Page::new().blank().page(format::effects(plan)));
    }
    match plan.worst() {
        Effect::Destroy | Effect::Orphan => {
            ui.paragraph(
                "The data would be backed up first, and you would be asked to type the project name.",
            );
        }
        Effect::Interrupt if backs_up_before(cx) => {
            ui.paragraph("Running Qdrant servers would be backed up first.");
        }
        Effect::Interrupt | Effect::None => {}
    }
    for finding in findings.into_iter().flatten() {
        ui.paragraph(format::finding(finding));
    }
    if findings.is_some_and(<[CheckFinding]>::is_empty) {
        ui.paragraph("All data directories and volumes exist and are writable.");
    }
}
