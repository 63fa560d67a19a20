//! The settings of a project that run programs or contact hosts, and whether the user has agreed to them.

use serde_json::json;

use super::command_context::CommandContext;
use super::event_record::DecideTrust;
use crate::compose::project::Project;
use crate::suggest::Suggest;
use crate::tool_labels::{LabelCommand, ToolLabels};
use crate::trust::{
    ActingSetting, ActingSettings, AgreementState, SettingAction, Trust, TrustStore, printable,
};
use crate::ui::Ui;
use crate::units::list;

/// Introduces the command that activates what is inactive.
pub(super) const ADVICE: &str = "To see what they do, and to activate them";

/// The settings of a project that act, and the labels of its services that do.
pub(super) fn settings(project: &Project) -> ActingSettings {
    let settings = project.settings();
    let mut acting = ActingSettings::of_file(settings, &project.directory);
    let are_followed =
        settings.and_then(|settings| settings.pointer("/backup/labels")) != Some(&json!(false));
    if are_followed {
        for (name, service) in project.whole_model().into_iter().flat_map(|model| &model.services) {
            for LabelCommand { label, value, .. } in ToolLabels::of(&service.tool_labels).commands {
                let label = format!("services.{name}.labels.{label}");
                let action = SettingAction::RunsInContainer;
                acting.add(ActingSetting::new(label, action, json!(value), &project.directory));
            }
        }
    }
    acting
}

/// Where the user's agreements are.
pub(super) fn store(command: &CommandContext) -> TrustStore {
    let state = command.env.state_directory().map(|state| state.join("safe-compose"));
    TrustStore::new(state.as_deref(), &command.env.trust)
}

/// Whether the settings of a project may act.
pub(super) fn check(command: &CommandContext, project: &Project) -> Trust {
    store(command).check(&project.directory, &settings(project))
}

/// The same, to be decided when it is needed.
pub(super) fn check_later(command: &CommandContext, project: &Project) -> DecideTrust {
    let (store, project) = (store(command), project.clone());
    Box::new(move || store.check(&project.directory, &settings(&project)))
}

/// What is inactive and why, as a sentence. `None` if nothing is.
pub(super) fn warning(trust: &Trust) -> Option<String> {
    let Trust::Withheld(states) = trust else { return None };
    let of = |wanted: AgreementState| {
        let labels = states.iter().filter(move |(_, state)| **state == wanted);
        labels.map(|(label, _)| format!("`{}`", printable(label))).collect::<Vec<_>>()
    };
    let all: Vec<String> = states.keys().map(|label| format!("`{}`", printable(label))).collect();
    let (new, changed) = (of(AgreementState::New), of(AgreementState::Changed));
    let reason = if new.len() == states.len() {
        "you have not agreed to what they run and contact".to_owned()
    } else if new.is_empty() && changed.is_empty() {
        "settings that you agreed to were removed since".to_owned()
    } else {
        let differing = [changed, new].concat();
        let verb = if differing.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not what you agreed to", list(&differing))
    };
    let verb = if all.len() == 1 { "is" } else { "are" };
    Some(format!("{} in the Compose file {verb} inactive: {reason}.", list(&all)))
}

/// What is inactive, with the command that activates it, as a sentence.
pub(super) fn status(command: &CommandContext, project: &Project, suggest: &Suggest) -> Option<String> {
    let warning = warning(&check(command, project))?;
    Some(format!("{warning} {ADVICE}: `{}`", suggest.trust()))
}

/// Warns of what is inactive, with the command that activates it.
pub(super) fn warn(ui: &Ui, suggest: &Suggest, trust: &Trust) {
    if let Some(warning) = warning(trust) {
        ui.warn(warning);
        ui.suggest(ADVICE, suggest.trust());
    }
}
