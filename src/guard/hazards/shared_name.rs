//! Two directories with the same project name are one project: a command in one acts on the containers of the other.

use super::super::{Hazard, HazardContext};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct SharedName;

impl Hazard for SharedName {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(other) = &cx.probe.other_directory else { return };
        let reason = format!(
            "its container was created from `{}`, which has a Compose file of its own: both directories are project `{}`",
            other.display(),
            cx.inventory.project
        );
        for container in cx.containers.iter().filter(|one| one.working_dir() == Some(other.as_path())) {
            let Some(service) = container.service() else { continue };
            let touched = cx.role(service).is_some()
                || cx.scope().containers().any(|included| included.id == container.id);
            if touched {
                let subject = Subject::Service { name: service.to_owned() };
                found
                    .push(Impact { notice: true, ..Impact::new(Effect::Interrupt, subject, reason.clone()) });
            }
        }
    }
}
