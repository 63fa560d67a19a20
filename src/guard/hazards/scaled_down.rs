//! Fewer replicas than there are containers: those with the highest numbers are removed.

use super::super::gone::{self, Going};
use super::super::{Hazard, Role, Scene};
use crate::engine::Container;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct ScaledDown;

impl Hazard for ScaledDown {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        for service in scene.file().into_iter().flat_map(|model| model.services.values()) {
            let Some(role) = scene.role(&service.name) else { continue };
            let replicas = scene.replicas(&service.name);
            let wanted = said(scene, &service.name).unwrap_or(service.replicas) as usize;
            if replicas.len() <= wanted || (role == Role::Dependency && scene.subcommand() == "scale") {
                continue;
            }
            let cause = format!(
                "`{}` leaves {wanted} of {} containers of the service",
                scene.subcommand(),
                replicas.len()
            );
            let going = Going { cause: &cause, volumes_too: false, replaced: false };
            let surplus: Vec<&Container> =
                replicas.iter().rev().take(replicas.len() - wanted).copied().collect();
            for container in &surplus {
                gone::container(scene, container, going, found);
            }
            let stopped =
                surplus.iter().any(|container| container.is_running() && scene.store_of(container).is_some());
            if stopped {
                let subject = Subject::Service { name: service.name.clone() };
                found.push(Impact::new(Effect::Interrupt, subject, cause.clone()));
            }
        }
    }
}

/// The number that the command says: `--scale X=n`, or the word `X=n` of `scale`.
fn said(scene: &Scene<'_>, service: &str) -> Option<u32> {
    let words = if scene.subcommand() == "scale" { scene.reading.operands.as_slice() } else { &[] };
    let flags = scene.reading.values("scale");
    words
        .iter()
        .map(String::as_str)
        .chain(flags)
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| *name == service)
        .filter_map(|(_, number)| number.trim().parse().ok())
        .last()
}
