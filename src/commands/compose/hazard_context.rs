//! A command and its project as the guard sees them.

use crate::commands::context::ProjectContext;
use crate::engine::Container;
use crate::guard::{HazardContext, Probe};

/// A command and its project, for the guard.
pub(super) fn hazard_context<'a>(cx: &'a ProjectContext<'_>, probe: &'a Probe) -> HazardContext<'a> {
    HazardContext {
        grammar: cx.command.grammar,
        reading: &cx.command.reading,
        label_mode: cx.project.label_mode,
        model: cx.project.model.as_ref(),
        whole_model: cx.project.whole_model(),
        inventory: &cx.inventory,
        containers: &cx.containers,
        volumes: &cx.volumes,
        protected: cx.holders.iter().filter_map(Container::held_volume).map(str::to_owned).collect(),
        settings: &cx.settings,
        disposable: cx.is_disposable(),
        probe,
    }
}
