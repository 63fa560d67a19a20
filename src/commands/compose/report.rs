//! What the user sees of an assessment: the effects before the command runs, or the plan instead of it.

use crate::commands::backup_kind;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::compose::invocation::Format;
use crate::inventory::Store;
use crate::policy::{self, Assessment, Decision, DecisionInput, Effect, Refusal};
use crate::preflight::CheckFinding;
use crate::ui::Page;

/// The command in backticks.
pub(super) fn command(cx: &ProjectContext<'_>) -> String {
    format!("`{}`", cx.suggest().typed(&cx.command.words))
}

/// Introduces the command with the confirmation token.
pub(super) fn allow_hint(cx: &ProjectContext<'_>) -> String {
    if cx.command.safe.skip_backup {
        "To run exactly this command once, without a backup".to_owned()
    } else {
        "To run exactly this command once, after a backup".to_owned()
    }
}

/// Prints the effects on data before anything happens.
pub(super) fn effects(cx: &ProjectContext<'_>, plan: &Assessment) {
    let ui = cx.ui();
    let reported = plan.impacts.iter().filter(|impact| format::is_reported(impact));
    let verb = match plan.worst() {
        Effect::Destroy => "destroys",
        Effect::Orphan => "leaves behind",
        Effect::None | Effect::Interrupt => {
            reported.for_each(|impact| ui.say(format::reason(impact)));
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
    reported
        .filter(|impact| impact.effect == Effect::Interrupt)
        .for_each(|impact| ui.say(format::reason(impact)));
}

/// What would follow from a plan that loses data, where somebody can be asked.
fn decision(cx: &ProjectContext<'_>, plan: &Assessment) -> String {
    let backup = if cx.command.safe.skip_backup {
        "the data would not be backed up"
    } else {
        "the data would be backed up first"
    };
    match policy::decide(&DecisionInput { terminal: true, ..cx.decision_input(plan) }) {
        Decision::Allow(_) => format!("There would be no prompt, and {backup}."),
        Decision::Confirm(_) => {
            format!("You would be asked to type the project name; after that, {backup}.")
        }
        Decision::Refuse(Refusal::Settings(_)) => {
            "The command would be refused: the settings do not allow it.".to_owned()
        }
        Decision::Refuse(Refusal::NoTerminal(_) | Refusal::WrongToken(_)) => {
            "The command would be refused: the token belongs to another plan.".to_owned()
        }
        Decision::Refuse(Refusal::ExpiredToken(_)) => {
            "The command would be refused: the token has expired.".to_owned()
        }
    }
}

/// The services with databases that are backed up because the command stops them.
fn backed_up_before_stop(cx: &ProjectContext<'_>, plan: &Assessment) -> Vec<String> {
    let is_stopped = |store: &&Store| {
        plan.impacts.iter().any(|impact| impact.is_on_service(&store.service) && !impact.disposable)
    };
    let stopped = cx.inventory.stores.iter().filter(is_stopped);
    let mut services: Vec<String> = stopped
        .filter(|store| backup_kind::before_stop(cx, store).is_some())
        .map(|store| format!("`{}`", store.service))
        .collect();
    services.dedup();
    services
}

/// Prints the plan to standard output. `findings` are those of the preflight checks, if the command starts services.
pub(super) fn plan(cx: &ProjectContext<'_>, plan: &Assessment, findings: Option<&[CheckFinding]>) {
    let ui = cx.ui();
    if cx.command.safe.format == Format::Json {
        ui.result(format::plan_json(cx.command, plan, findings.unwrap_or_default()));
        return;
    }
    ui.paragraph(format!(
        "Plan for {} in project `{}`{}; nothing was run.",
        command(cx),
        cx.project.name,
        format::elsewhere(cx)
    ));
    let runs_program = cx.command.reading.runs_program();
    if !plan.impacts.is_empty() {
        ui.result(Page::new().blank().page(format::effects(plan)));
    } else if !runs_program {
        ui.paragraph("The command affects no data.");
    }
    if runs_program {
        ui.paragraph(
            "The command runs a program in a container. What that does to data cannot be predicted, and it is neither \
             checked nor backed up.",
        );
    }
    match plan.worst() {
        Effect::Destroy | Effect::Orphan => ui.paragraph(decision(cx, plan)),
        Effect::Interrupt if !cx.command.safe.skip_backup => {
            let services = backed_up_before_stop(cx, plan);
            if !services.is_empty() {
                ui.paragraph(format!("{} would be backed up first.", format::list(&services)));
            }
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
