//! Two directories with one project name are one project: what is done in one is done to the containers of the other.

use super::super::{Hazard, Scene};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct SharedName;

impl Hazard for SharedName {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        let Some(other) = &scene.facts.other_directory else { return };
        let reason = format!(
            "its container was made from `{}`, which has a Compose file of its own: both directories are project `{}`",
            other.display(),
            scene.inventory.project
        );
        for container in scene.containers.iter().filter(|one| one.working_dir() == Some(other.as_path())) {
            let Some(service) = container.service() else { continue };
            let touched = scene.role(service).is_some()
                || scene.containers_in_reach().any(|reached| reached.id == container.id);
            if touched {
                let subject = Subject::Service { name: service.to_owned() };
                found
                    .push(Impact { notice: true, ..Impact::new(Effect::Interrupt, subject, reason.clone()) });
            }
        }
    }
}
