//! `down --rmi` deletes images; one that no registry has cannot be had again.

use super::super::{Hazard, HazardContext};
use crate::engine::{Image, InRegistry};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RemovedImage;

impl Hazard for RemovedImage {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(which) = cx.reading.value("rmi").filter(|_| cx.subcommand() == "down") else { return };
        for (name, image) in &cx.probe.images {
            let gone = |image: &&Image| image.in_registry != InRegistry::Yes;
            let Some(image) = image.as_ref().filter(gone) else { continue };
            let mut services = cx.file().into_iter().flat_map(|model| model.services.values());
            let built = services.any(|service| {
                service.built
                    && service.image.as_ref().map_or_else(
                        || is_default_name(&cx.inventory.project, &service.name, name),
                        |image| image == name,
                    )
            });
            // `local` takes only images without a name of their own, and those are built by the file.
            if which == "local" && !built && !cx.label_mode {
                continue;
            }
            let subject = Subject::Image { name: name.clone(), id: image.id.clone() };
            let deletes = format!("`down --rmi {which}` deletes it");
            found.push(if built {
                let reason = format!("{deletes}; the file says how to build another");
                Impact { notice: true, ..Impact::new(Effect::Orphan, subject, reason) }
            } else if image.in_registry == InRegistry::Unknown && which != "local" {
                // Most images come out of a registry: a question about each would be answered without reading.
                let reason = format!(
                    "{deletes}; the file does not build it, and this engine does not tell whether a registry has it"
                );
                Impact { notice: true, ..Impact::new(Effect::Destroy, subject, reason) }
            } else {
                let reason = format!("{deletes}, no registry has it, and the file does not build it");
                Impact::new(Effect::Destroy, subject, reason)
            });
        }
    }
}

/// The name that an image gets when the file gives it none.
fn is_default_name(project: &str, service: &str, image: &str) -> bool {
    let name = image.strip_suffix(":latest").unwrap_or(image);
    name.strip_prefix(project)
        .and_then(|rest| rest.strip_prefix(['-', '_']))
        .is_some_and(|rest| rest == service)
}
